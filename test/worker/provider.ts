// Push providers that say what a test tells them to.

import type { PushMessage, PushProvider, PushResult } from '../../src/ports/push.ts'
import type { Log } from '../../src/worker/dispatcher.ts'

/** Answers each message as told, and remembers it. */
export function aProvider(
  answer: (message: PushMessage, count: number) => PushResult | Promise<PushResult>,
) {
  const sent: PushMessage[] = []
  const push: PushProvider = {
    async send(message) {
      sent.push(message)
      return answer(message, sent.length)
    },
    drain: async () => undefined,
  }
  return { push, sent }
}

/** Keeps what was logged. */
export function aLog() {
  const lines: { level: string; facts: Record<string, unknown>; message: string }[] = []
  const at =
    (level: string): Log['warn'] =>
    (facts, message) =>
      void lines.push({ level, facts, message })
  return { log: { warn: at('warn'), error: at('error') }, lines }
}

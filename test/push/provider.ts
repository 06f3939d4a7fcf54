// Push providers that answer as a test says.

import type { PushMessage, PushProvider, PushResult } from '../../src/push/push.store.ts'
import type { Log } from '../../src/push/push-dispatcher.ts'

/** Answers each message as configured, and records it. */
export function aProvider(
  answer: (message: PushMessage, count: number) => PushResult | Promise<PushResult>,
) {
  const sentPushes: PushMessage[] = []
  const push: PushProvider = {
    async send(message) {
      sentPushes.push(message)
      return answer(message, sentPushes.length)
    },
    drain: async () => undefined,
  }
  return { push, sentPushes }
}

/** Keeps the logged lines. */
export function aLog() {
  const lines: { level: string; facts: Record<string, unknown>; message: string }[] = []
  const at =
    (level: string): Log['warn'] =>
    (facts, message) =>
      void lines.push({ level, facts, message })
  return { log: { warn: at('warn'), error: at('error') }, lines }
}

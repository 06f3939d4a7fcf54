// A push service that does not answer is left alone for a while, so that what it is owed holds up nobody.

import type { PushMessage, PushProvider, PushResult } from '../ports/push.ts'
import type { PushLog } from './push-log.ts'

export type BreakerOptions = {
  readonly log: PushLog
  /** On a clock that never jumps, in milliseconds. */
  readonly nowMs?: () => number
}

/** So many sends in a row without an answer, or with one that speaks of trouble of the whole service. */
const failuresMax = 10
const openMsFirst = 1_000
const openMsMax = 15_000
/** As long as a service may ask for by `Retry-After`; a message waits for as long as it says in any case. */
const askedMsMax = 60_000

/**
 * Passes sends on until the service has failed ten times in a row; then answers `retry` by itself for a second, lets one send try,
 * and waits twice as long, up to fifteen seconds, while that fails. So a service that comes back is found within fifteen
 * seconds, and one that is away costs nobody a place or five seconds of waiting.
 */
export function withBreaker(
  provider: PushProvider,
  { log, nowMs = () => performance.now() }: BreakerOptions,
): PushProvider {
  let failures = 0
  let openMs = 0
  let openUntil = 0
  let trying = false

  function note(result: PushResult, message: PushMessage): void {
    const { provider: service, appId } = message.address
    if (result.kind !== 'retry') {
      if (openMs > 0) log.info({ provider: service, appId }, 'push service answers again')
      failures = 0
      openMs = 0
      openUntil = 0
      return
    }
    if (!result.down) return
    failures += 1
    const isOpen = nowMs() < openUntil
    if (failures < failuresMax || isOpen) return
    if (openMs === 0) {
      log.warn({ provider: service, appId, reason: result.reason }, 'push service does not answer')
    }
    openMs = openMs === 0 ? openMsFirst : Math.min(openMsMax, openMs * 2)
    openUntil = nowMs() + Math.max(openMs, Math.min(askedMsMax, result.afterMs ?? 0))
  }

  /** How long to wait before a send may try; zero when it may now. */
  function waitMs(): number {
    if (openMs === 0) return 0
    const leftMs = openUntil - nowMs()
    if (leftMs > 0) return leftMs
    return trying ? openMs : 0
  }

  return {
    async send(message) {
      const afterMs = waitMs()
      if (afterMs > 0) {
        return { kind: 'retry', reason: 'the push service does not answer', afterMs }
      }
      const isTrial = openMs > 0
      trying ||= isTrial
      try {
        const result = await provider.send(message)
        note(result, message)
        return result
      } finally {
        if (isTrial) trying = false
      }
    },
    drain: () => provider.drain(),
  }
}

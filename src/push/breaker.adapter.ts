// Circuit breaker: a push service that does not answer is skipped for a while, so that its queued
// pushes delay no others.

import type { PushMessage, PushProvider, PushResult } from './push.store.ts'
import type { PushLog } from './push-log.adapter.ts'

export type BreakerOptions = {
  readonly log: PushLog
  /**
   * While the breaker is open, a device that has not failed itself is tried, one at a time: where
   * devices choose the address at the service, failures of some say nothing about the others.
   */
  readonly triesOthers?: boolean
  /** On a clock that never jumps, in milliseconds. */
  readonly nowMs?: () => number
}

/** Consecutive sends without an answer, or with one that reports a failure of the whole service. */
const failuresMax = 10
const openMsFirst = 1_000
const openMsMax = 15_000
/**
 * As long as a service may ask for by `Retry-After`; a message always waits the full `Retry-After`.
 */
const askedMsMax = 60_000
/** Devices that have failed since the service last answered; beyond it the oldest is forgotten. */
const failedDevicesMax = 1_000

/**
 * Passes sends on until the service has failed ten times in a row. Then the breaker is open: it
 * answers `retry` itself for a second, lets one trial send through (half-open), and waits twice as
 * long, up to fifteen seconds, while that fails. A service that recovers is found within fifteen
 * seconds, and one that is down takes no slot and no five seconds of waiting.
 */
export function withBreaker(
  provider: PushProvider,
  { log, triesOthers = false, nowMs = () => performance.now() }: BreakerOptions,
): PushProvider {
  let failures = 0
  let openMs = 0
  let openUntil = 0
  let isTrying = false
  const failedDevices = new Set<string>()

  function record(result: PushResult, message: PushMessage): void {
    const { provider: service, appId } = message.address
    if (result.kind !== 'retry') {
      if (openMs > 0) log.info({ provider: service, appId }, 'push service answers again')
      failures = 0
      openMs = 0
      openUntil = 0
      failedDevices.clear()
      return
    }
    if (!result.down) return
    if (triesOthers) addFailed(message.deviceId)
    failures += 1
    const isOpen = nowMs() < openUntil
    if (failures < failuresMax || isOpen) return
    if (openMs === 0) {
      log.warn({ provider: service, appId, reason: result.reason }, 'push service does not answer')
    }
    openMs = openMs === 0 ? openMsFirst : Math.min(openMsMax, openMs * 2)
    openUntil = nowMs() + Math.max(openMs, Math.min(askedMsMax, result.afterMs ?? 0))
  }

  function addFailed(deviceId: string): void {
    failedDevices.add(deviceId)
    const [oldest] = failedDevices.size > failedDevicesMax ? failedDevices : []
    if (oldest !== undefined) failedDevices.delete(oldest)
  }

  /** How long to wait before a send may be attempted; zero when it may be attempted now. */
  function waitMs({ deviceId }: PushMessage): number {
    if (openMs === 0) return 0
    const leftMs = openUntil - nowMs()
    const mayTry = leftMs <= 0 || (triesOthers && !failedDevices.has(deviceId))
    if (mayTry && !isTrying) return 0
    return leftMs > 0 ? leftMs : openMs
  }

  return {
    async send(message) {
      const afterMs = waitMs(message)
      if (afterMs > 0) {
        return { kind: 'retry', reason: 'the push service does not answer', afterMs }
      }
      const isTrial = openMs > 0
      isTrying ||= isTrial
      try {
        const result = await provider.send(message)
        record(result, message)
        return result
      } finally {
        if (isTrial) isTrying = false
      }
    },
    drain: () => provider.drain(),
  }
}

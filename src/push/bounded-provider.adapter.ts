import type { Clock } from '../platform/world.ts'
import type { PushMessage, PushProvider, PushResult } from './push.store.ts'
import { logOutcome, type PushLog, plainText } from './push-log.adapter.ts'
import { buildSendWindow } from './send-window.ts'

// Without a reason of its own, each push would pay for a DOMException with its stack.
const settledReason = 'the attempt has settled'

export type BoundedProviderOptions = {
  readonly maxInFlight: number
  readonly deadlineMs: number
  readonly clock: Clock
  readonly log: PushLog
  /**
   * Sends once; `deadlineAt` and all other times are on `performance.now()`'s clock. What it throws
   * becomes `retry`. When `signal` aborts, everything still on the wire must end: the caller no
   * longer waits for it.
   */
  attempt(message: PushMessage, deadlineAt: number, signal: AbortSignal): Promise<PushResult>
  /**
   * An attempt that began at `beganAt` had no answer at its deadline. A later answer is ignored.
   */
  onTimeout?(beganAt: number): void
  /** Called once, after every caller has its answer. */
  close(): Promise<void>
}

/**
 * A send that had less time than others says nothing about its push service: the client of a
 * provider may notice the deadline first, and call it a failure.
 */
function ofMessageAlone(result: PushResult): PushResult {
  if (result.kind !== 'retry') return result
  const { down: _, ...rest } = result
  return rest
}

/**
 * What all push providers guarantee and no client library does: at most `maxInFlight` requests on
 * the wire, an answer within `deadlineMs` (waiting included) and never after the message's expiry,
 * no rejection, one log line per outcome, and a drain in which every caller still receives its
 * answer.
 */
export function buildBoundedProvider(options: BoundedProviderOptions): PushProvider {
  const window = buildSendWindow(options.maxInFlight)

  const sendWithin = async (message: PushMessage, deadlineMs: number): Promise<PushResult> => {
    const deadlineAt = performance.now() + deadlineMs
    let beganAt = deadlineAt
    const over = new AbortController()
    const outcome = await window
      .run(deadlineMs, () => {
        beganAt = performance.now()
        return options.attempt(message, deadlineAt, over.signal)
      })
      .finally(() => over.abort(settledReason))
    const isPatient = deadlineMs === options.deadlineMs
    if (outcome.kind === 'done') return isPatient ? outcome.value : ofMessageAlone(outcome.value)
    if (outcome.kind === 'closed') return { kind: 'retry', reason: 'this process is shutting down' }
    if (!outcome.began) return { kind: 'retry', reason: 'timeout: no free place in time' }
    options.onTimeout?.(beganAt)
    return { kind: 'retry', reason: 'timeout: no answer in time', ...(isPatient && { down: true }) }
  }

  const settle = async (message: PushMessage): Promise<PushResult> => {
    const lifetimeMs = message.expiresAt.getTime() - options.clock.now().getTime()
    if (!(lifetimeMs > 0)) return { kind: 'rejected', reason: 'it has expired' }
    try {
      return await sendWithin(message, Math.min(options.deadlineMs, lifetimeMs))
    } catch (error) {
      const text = error instanceof Error ? error.message : 'unknown failure'
      return { kind: 'retry', reason: plainText(`unexpected: ${text}`) }
    }
  }

  let draining: Promise<void> | undefined
  return {
    send: async (message) => {
      const startedAt = performance.now()
      const result = await settle(message)
      logOutcome(options.log, message, result, performance.now() - startedAt)
      return result
    },
    drain: () => {
      draining ??= window.drain().then(() => options.close())
      return draining
    },
  }
}

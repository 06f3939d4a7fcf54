import type { Schemas } from './operations.ts'
import { RefusedCall } from './refused-call.ts'
import { callWithRetry, pause } from './retry.ts'

type Challenge = Schemas['Challenge']

/** A challenge that has ended, with its signed result. */
export type DecidedChallenge = Challenge & {
  readonly status: Exclude<Challenge['status'], 'pending'>
  readonly result: string
}

export type WaitOptions = {
  /**
   * Ends the waiting, which then rejects with the signal's reason; the challenge stays as it is.
   */
  readonly signal?: AbortSignal
}

const waitSeconds = 30
/** No challenge lives longer. */
const lifetimeSecondsMax = 600
/** For the response that says `expired`, and one more attempt. */
const graceMs = 15_000
const shortestRoundMs = 500

/**
 * Polls until the challenge has ended. Its lifetime is measured from here, by durations only:
 * clocks of two machines are never compared. That makes it too long by at most the age of the
 * challenge.
 */
export async function decisionOf(
  read: (waitSeconds: number, signal?: AbortSignal) => Promise<Challenge>,
  { signal }: WaitOptions,
): Promise<DecidedChallenge> {
  const begin = performance.now()
  let lifetimeMs = lifetimeSecondsMax * 1000
  for (;;) {
    const roundBegin = performance.now()
    const patienceMs = begin + lifetimeMs + graceMs - roundBegin
    const challenge = await callWithRetry(() => read(waitSeconds, signal), {
      retryForMs: patienceMs,
      signal,
    })
    if (isDecided(challenge)) return challenge
    const { createdAt, expiresAt, status } = challenge
    lifetimeMs = Math.min(lifetimeMs, Date.parse(expiresAt) - Date.parse(createdAt))
    const isOver = !(performance.now() - begin < lifetimeMs + graceMs)
    if (status !== 'pending' || isOver) {
      throw new RefusedCall(200, 'unexpected_response', `The challenge does not end: ${status}.`)
    }
    // A service that is stopping, or a proxy, may end a wait immediately.
    const restMs = shortestRoundMs - (performance.now() - roundBegin)
    if (restMs > 0) await pause(restMs, signal)
  }
}

function isDecided(challenge: Challenge): challenge is DecidedChallenge {
  return challenge.status !== 'pending' && typeof challenge.result === 'string'
}

import { RefusedCall } from './refused-call.ts'

const firstPauseMs = 250
const longestPauseMs = 5000

/** Resolves after so many milliseconds, or rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', giveUp)
      resolve()
    }, ms)
    if (signal?.aborted) giveUp()
    else signal?.addEventListener('abort', giveUp, { once: true })
  })
}

/**
 * Makes a call until it is answered. What passes (RefusedCall.isPassing) is tried again, after the time that the service asked for or
 * else after longer and longer pauses, as long as `patienceMs` lasts; then, and for every other refusal, rejects with it.
 */
export async function insist<T>(
  call: () => Promise<T>,
  {
    patienceMs,
    signal,
  }: { readonly patienceMs: number; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const end = performance.now() + patienceMs
  for (let tries = 0; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof RefusedCall) || !error.isPassing) throw error
      const waitMs = pauseMsAfter(error, tries)
      if (performance.now() + waitMs > end) throw error
      await pause(waitMs, signal)
    }
  }
}

/** At random within its upper half: many callers that lost the service at one time do not return at one time. */
function pauseMsAfter({ retryAfterSeconds }: RefusedCall, tries: number): number {
  if (retryAfterSeconds !== null && retryAfterSeconds > 0) return retryAfterSeconds * 1000
  const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** tries)
  return ms * (0.5 + Math.random() / 2)
}

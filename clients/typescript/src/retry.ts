import { RefusedCall } from './refused-call.ts'

const firstPauseMs = 250
const longestPauseMs = 5000

/** Resolves after this many milliseconds, or rejects with the signal's reason. */
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
 * Makes a call with retries. Transient refusals (RefusedCall.isTransient) are retried, after the
 * time that the service asked for or else with exponential back-off, for up to `retryForMs`; then,
 * and for every other refusal, it rejects with the refusal.
 */
export async function callWithRetry<T>(
  call: () => Promise<T>,
  {
    retryForMs: patienceMs,
    signal,
  }: { readonly retryForMs: number; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const end = performance.now() + patienceMs
  for (let attempts = 0; ; attempts++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof RefusedCall) || !error.isTransient) throw error
      const waitMs = pauseMsAfter(error, attempts)
      if (performance.now() + waitMs > end) throw error
      await pause(waitMs, signal)
    }
  }
}

/**
 * Jitter within the upper half: many callers that lost the service at the same time do not return
 * at the same time.
 */
function pauseMsAfter({ retryAfterSeconds }: RefusedCall, attempts: number): number {
  if (retryAfterSeconds !== null && retryAfterSeconds > 0) return retryAfterSeconds * 1000
  const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** attempts)
  return ms * (0.5 + Math.random() / 2)
}

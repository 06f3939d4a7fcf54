// When a push that did not get through is tried again.

/** Tries that a push gets before it is given up; the challenge's own expiry usually comes first. */
export const attemptsMax = 6

const delaysMs = [500, 1_000, 2_000, 5_000, 10_000]
const delayMsMax = 60_000

/**
 * The wait before the next try, or null when there is none: tries are used up. A provider's own wish (`afterMs`, from
 * Retry-After) is honoured up to a minute; what is asked beyond that is treated as a minute.
 */
export function retryDelayMs(attempts: number, afterMs: number | undefined): number | null {
  if (attempts >= attemptsMax) return null
  const ownMs = delaysMs[attempts - 1] ?? delayMsMax
  return Math.min(delayMsMax, Math.max(ownMs, afterMs ?? 0))
}

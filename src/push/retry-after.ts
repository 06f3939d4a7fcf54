/** Longer waits are capped: a provider's typing error must not stop us for days. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000

/**
 * The wait that a `Retry-After` header requests (RFC 9110, 10.2.3: seconds or a date), in
 * milliseconds, at most an hour; undefined when there is none.
 */
export function parseRetryAfterMs(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined
  const waitMs = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS)
}

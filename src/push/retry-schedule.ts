// Retry with back-off of failed pushes.

import type { PushKind } from '../domain/push.ts'

const delaysMs = [500, 1_000, 2_000, 5_000, 10_000] as const
/** A person waits for it: no longer than this. */
const awaitedMsMax = 15_000
const delayMsMax = 300_000
const awaitedKinds: readonly PushKind[] = ['challenge_opened', 'test']

/** The inputs of the back-off. `chance` is uniform in [0, 1). */
export type FailedAttempt = {
  readonly kind: PushKind
  /** Attempts so far, the failed one included. */
  readonly attempts: number
  readonly chance: number
  /** The delay that the provider requests by `Retry-After`. */
  readonly afterMs?: number | undefined
  /** Until the push is obsolete. */
  readonly leftMs: number
}

/**
 * The back-off before the next attempt, or null when that would come after the push is obsolete.
 * Delays grow and get up to a fifth of random jitter, so that pushes that failed together are not
 * retried together. A longer delay requested by the provider is honored.
 */
export function retryDelayMs(attempt: FailedAttempt): number | null {
  const { kind, attempts, chance, afterMs = 0, leftMs } = attempt
  const tableMs = delaysMs[attempts - 1]
  const doubledMs = 10_000 * 2 ** Math.min(10, attempts - delaysMs.length)
  const maxMs = awaitedKinds.includes(kind) ? awaitedMsMax : delayMsMax
  const ownMs = Math.min(maxMs, tableMs ?? doubledMs)
  // A provider that requests a delay requests it of all pushes: the jitter spreads them after it.
  const delayMs = Math.max(ownMs, afterMs) + Math.round((ownMs * chance) / 5)
  return delayMs < leftMs ? delayMs : null
}

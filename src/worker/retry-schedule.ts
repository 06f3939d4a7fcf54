// When a push that did not get through is tried again.

import type { PushKind } from '../ports/push.ts'

const delaysMs = [500, 1_000, 2_000, 5_000, 10_000] as const
/** Somebody waits for it: no longer than this. */
const awaitedMsMax = 15_000
const delayMsMax = 300_000
const awaited: readonly PushKind[] = ['challenge_opened', 'test']

/** What the wait depends on. `chance` is uniform in [0, 1). */
export type FailedTry = {
  readonly kind: PushKind
  /** Tries so far, the failed one included. */
  readonly attempts: number
  readonly chance: number
  /** The provider's own wish, from `Retry-After`. */
  readonly afterMs?: number | undefined
  /** Until nobody wants the push any more. */
  readonly leftMs: number
}

/**
 * The wait before the next try, or null when that would come after the end of what the push is about. Waits grow and are
 * longer by up to a fifth, at random, so that what failed together is not tried together. A longer wish of the provider is honoured.
 */
export function retryDelayMs(failed: FailedTry): number | null {
  const { kind, attempts, chance, afterMs = 0, leftMs } = failed
  const known = delaysMs[attempts - 1]
  const doubled = 10_000 * 2 ** Math.min(10, attempts - delaysMs.length)
  const most = awaited.includes(kind) ? awaitedMsMax : delayMsMax
  const ownMs = Math.min(most, known ?? doubled)
  // What is asked for by name is asked of all: they are spread behind it.
  const delayMs = Math.max(ownMs, afterMs) + Math.round((ownMs * chance) / 5)
  return delayMs < leftMs ? delayMs : null
}

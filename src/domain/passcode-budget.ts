// How many wrong passcodes may be tried: rate limits that refill over time, so that nobody is
// locked out permanently.

import { isAhead } from './protection.ts'
import { isKnown } from './push-budget.ts'

/**
 * Allows `burst` failures in a row; each is forgiven after `refillSeconds`, one after the other.
 */
export type Budget = { readonly burst: number; readonly refillSeconds: number }

/**
 * True for an initiator from which the user signed in lately, by a code or by a push; never for one
 * that the user has reported.
 */
export function isKnownSource(
  history: {
    readonly succeededAt: Date | null
    readonly approvedAt: Date | null
    readonly blockedUntil: Date | null
  },
  initiatorMemoryDays: number,
  now: Date,
): boolean {
  const { succeededAt, approvedAt, blockedUntil } = history
  if (isAhead(blockedUntil, now)) return false
  const policy = { initiatorMemoryDays }
  return isKnown({ approvedAt: succeededAt }, policy, now) || isKnown({ approvedAt }, policy, now)
}

/**
 * Failures of one initiator, of all unknown initiators, from which the user never signed in
 * (`strangers`), and of all others (`known`). Unknown initiators cannot use up the budget of known
 * ones. Only time refills the unknown initiators' budget, so that the number of guesses in a year
 * is bounded whatever the owner does (docs/limits.md).
 */
export const passcodeBudgets = {
  initiator: { burst: 5, refillSeconds: 15 * 60 },
  strangers: { burst: 100, refillSeconds: 7.2 * 3600 },
  known: { burst: 100, refillSeconds: 7.2 * 3600 },
} as const satisfies Readonly<Record<string, Budget>>

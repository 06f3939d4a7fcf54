// How many wrong passcodes may be tried: rate limits that refill over time, so that nobody is
// locked out permanently.

/**
 * Allows `burst` failures in a row; each is forgiven after `refillSeconds`, one after the other.
 */
export type Budget = { readonly burst: number; readonly refillSeconds: number }

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

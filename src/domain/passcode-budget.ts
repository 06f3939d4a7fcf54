// How many wrong passcodes may be tried: budgets that heal by time, so that nobody is locked out for ever.

/** `burst` failures at once; each is forgiven after `refillSeconds`, one after the other. */
export type Budget = { readonly burst: number; readonly refillSeconds: number }

/**
 * Failures of one initiator, of all initiators from which the user never got in (`strangers`), and of all others (`known`).
 * Strangers cannot use up what is `known`'s. Nothing but time fills `strangers`, so that what may be guessed in a year is
 * bounded whatever the owner does (docs/limits.md).
 */
export const passcodeBudgets = {
  initiator: { burst: 5, refillSeconds: 15 * 60 },
  strangers: { burst: 100, refillSeconds: 7.2 * 3600 },
  known: { burst: 100, refillSeconds: 7.2 * 3600 },
} as const satisfies Readonly<Record<string, Budget>>

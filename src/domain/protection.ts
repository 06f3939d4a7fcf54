// What protects one user over all challenges: counters of wrong numbers, locks, a pause. A lock
// affects push sign-in only.

import type { Policy } from './policy.ts'
import type { PushSignInSetting } from './push-sign-in.ts'
import { type Refusal, refuse } from './refusal.ts'

/** The state of one user over all challenges. Every change raises `revision`. */
export type Protection = {
  readonly wrongNumbersInRow: number
  readonly wrongNumbersSinceSuccess: number
  /** Locked for a time by wrong numbers in a row. */
  readonly lockedUntil: Date | null
  /** Locked until an admin or another factor unlocks it. */
  readonly hardLockedAt: Date | null
  /**
   * After a report: only initiators that the user approved before may ask, and no pushes are sent.
   */
  readonly reportedUntil: Date | null
  /** The user wants no pushes until then. */
  readonly pausedUntil: Date | null
  /** An admin has stopped everything of this user until it is reverted. */
  readonly suspendedAt: Date | null
  /** What the organisation has set for this user's push sign-in; null for what the policy says. */
  readonly pushSignIn: PushSignInSetting | null
  readonly revision: number
}

/** Longest pause of pushes that a user can request. */
export const pauseDaysMax = 30

/** True while a time is in the future. */
export function isAhead(until: Date | null, now: Date): until is Date {
  // Not `>`: a lock with an invalid end stays in force.
  return until !== null && !(until <= now)
}

/** Refuses a pause that ends in the past, or too late; null ends one. */
export function checkPause(until: Date | null, now: Date): Refusal<'invalid_request'> | undefined {
  if (until === null) return undefined
  const aheadMs = until.getTime() - now.getTime()
  // Not the opposite: an invalid end is refused.
  if (aheadMs > 0 && aheadMs <= pauseDaysMax * 24 * 60 * 60 * 1000) return undefined
  return refuse('invalid_request', {
    hint: `until must be in the future, by at most ${pauseDaysMax} days.`,
  })
}

/** Seconds until then, at least one: for `Retry-After`. */
export function secondsUntil(until: Date, now: Date): number {
  return Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))
}

/**
 * Refuses while the user's push sign-in is stopped altogether: approvals and new challenges alike.
 */
export function checkProtection(
  protection: Protection,
  now: Date,
): Refusal<'user_suspended' | 'push_locked'> | undefined {
  if (protection.suspendedAt !== null) return refuse('user_suspended')
  if (protection.hardLockedAt !== null) {
    return refuse('push_locked', { facts: { lock: 'wrong_numbers_hard' } })
  }
  if (isAhead(protection.lockedUntil, now)) {
    return refuse('push_locked', {
      retryAfterSeconds: secondsUntil(protection.lockedUntil, now),
      facts: { lock: 'wrong_numbers' },
    })
  }
  return undefined
}

/** The effect of a wrong number on the user, whichever challenge it was for. */
export type WrongNumberEffect = {
  readonly next: Protection
  /** The lock that it caused; null when it was only counted. */
  readonly lock: 'wrong_numbers' | 'wrong_numbers_hard' | null
}

/**
 * Counts a wrong number. Counts survive new challenges (NIST SP 800-63B-4, 3.1.3.2), and an expired
 * lock resets nothing: the next wrong number locks again, and the hard cap bounds all guesses
 * between two successes (3.2.2: at most 100).
 */
export function afterWrongNumber(
  protection: Protection,
  policy: Policy,
  now: Date,
): WrongNumberEffect {
  const wrongNumbersInRow = protection.wrongNumbersInRow + 1
  const wrongNumbersSinceSuccess = protection.wrongNumbersSinceSuccess + 1
  const hard = wrongNumbersSinceSuccess >= policy.wrongNumbersHardMax
  const soft = wrongNumbersInRow >= policy.wrongNumbersInRowMax
  return {
    next: {
      ...protection,
      wrongNumbersInRow,
      wrongNumbersSinceSuccess,
      lockedUntil: soft
        ? new Date(now.getTime() + policy.wrongNumberLockSeconds * 1000)
        : protection.lockedUntil,
      hardLockedAt: hard ? (protection.hardLockedAt ?? now) : protection.hardLockedAt,
    },
    lock: hard ? 'wrong_numbers_hard' : soft ? 'wrong_numbers' : null,
  }
}

/** The counters after an approval; the same value when there was nothing to clear. */
export function afterApproval(protection: Protection): Protection {
  const { wrongNumbersInRow, wrongNumbersSinceSuccess, lockedUntil } = protection
  if (wrongNumbersInRow === 0 && wrongNumbersSinceSuccess === 0 && lockedUntil === null) {
    return protection
  }
  return { ...protection, wrongNumbersInRow: 0, wrongNumbersSinceSuccess: 0, lockedUntil: null }
}

/**
 * The effect of a report ("this wasn't me"): push is locked immediately, for as long as the policy
 * says.
 */
export function afterReport(protection: Protection, policy: Policy, now: Date): Protection {
  const until = new Date(now.getTime() + policy.reportLockSeconds * 1000)
  const { reportedUntil } = protection
  return {
    ...protection,
    reportedUntil: reportedUntil !== null && reportedUntil > until ? reportedUntil : until,
  }
}

/**
 * The state after an unlock by an admin, or a success with another factor: no lock and no count. A
 * suspension stays.
 */
export function afterUnlock(protection: Protection): Protection {
  return { ...afterApproval(protection), hardLockedAt: null, reportedUntil: null }
}

/** True when any lock is in force, so that there is something to unlock. */
export function isLocked(protection: Protection, now: Date): boolean {
  return (
    protection.hardLockedAt !== null ||
    isAhead(protection.lockedUntil, now) ||
    isAhead(protection.reportedUntil, now)
  )
}

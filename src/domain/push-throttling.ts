// Prompt bombing: push throttling decides whether a new challenge may be created, and whether it
// may wake a phone. Suppression drops the push, never the challenge; and nobody can use up the
// budget of an initiator that the user has approved. What each event leaves of a budget:
// push-budget.ts.

import type { ChallengeId } from './ids.ts'
import type { Policy } from './policy.ts'
import { checkProtection, isAhead, type Protection, secondsUntil } from './protection.ts'
import { type Budget, isKnown, type KnownInitiator } from './push-budget.ts'
import { checkPushSignIn } from './push-sign-in.ts'
import { type Refusal, refuse } from './refusal.ts'

/** Why a challenge wakes no phone. */
export const suppressionReasons = [
  'paused',
  'reported',
  'recently_unanswered',
  'recently_denied',
  'push_budget_used_up',
  'unanswered_pushes',
  'no_push_token',
  'resend_too_soon',
  'resends_used_up',
] as const
export type SuppressionReason = (typeof suppressionReasons)[number]

/** The facts that decide an admission; times are the database's. */
export type ThrottlingFacts = {
  readonly policy: Policy
  readonly now: Date
  readonly protection: Protection
  /** Null when the relying party names no initiator, or the user never approved or reported it. */
  readonly initiator: KnownInitiator | null
  readonly others: Budget
}

/** The decision that a challenge may be created. */
export type Admission = {
  /** The budget that it uses. */
  readonly budget: 'initiator' | 'others'
  /** Null when phones may be woken. */
  readonly suppressed: SuppressionReason | null
}

const minuteMs = 60_000

/** Why a user may not be asked at this moment. */
export type AdmissionRefusal = Refusal<
  'user_suspended' | 'push_locked' | 'push_sign_in_off' | 'initiator_blocked' | 'too_many_pending'
>

/** Decides whether a challenge may be created, on which budget, and whether it may wake a phone. */
export function admitChallenge(facts: ThrottlingFacts): Admission | AdmissionRefusal {
  const { policy, now, protection, initiator, others } = facts
  const refusal = checkProtection(protection, now) ?? checkPushSignIn(policy, protection.pushSignIn)
  if (refusal) return refusal
  if (initiator && isAhead(initiator.blockedUntil, now)) {
    return refuse('initiator_blocked', {
      retryAfterSeconds: secondsUntil(initiator.blockedUntil, now),
    })
  }
  const isInitiatorKnown = initiator !== null && isKnown(initiator, policy, now)
  if (!isInitiatorKnown && isAhead(protection.reportedUntil, now)) {
    return refuse('push_locked', {
      retryAfterSeconds: secondsUntil(protection.reportedUntil, now),
      facts: { lock: 'reported' },
    })
  }
  const budget = isInitiatorKnown ? initiator : others
  const pending = budget.pending.filter(({ until }) => until > now)
  if (pending.length >= policy.pendingMax) {
    const first = new Date(Math.min(...pending.map(({ until }) => until.getTime())))
    return refuse('too_many_pending', {
      retryAfterSeconds: secondsUntil(first, now),
      facts: { pendingMax: policy.pendingMax },
    })
  }
  return {
    budget: isInitiatorKnown ? 'initiator' : 'others',
    suppressed: suppressionOf(budget, protection, policy, now),
  }
}

/** Why another push on this budget would exceed a limit; null when it would not. */
function suppressionOf(
  budget: Budget,
  protection: Protection,
  policy: Policy,
  now: Date,
): SuppressionReason | null {
  if (isAhead(protection.pausedUntil, now)) return 'paused'
  if (isAhead(protection.reportedUntil, now)) return 'reported'
  if (budget.unanswered > policy.unansweredMax) return 'unanswered_pushes'
  const within = (ms: number) =>
    budget.pushes.filter(({ at }) => now.getTime() - at.getTime() < ms).length
  if (within(5 * minuteMs) >= policy.pushesPerFiveMinutesMax) return 'push_budget_used_up'
  if (within(60 * minuteMs) >= policy.pushesPerHourMax) return 'push_budget_used_up'
  const { deniedAt } = budget
  if (deniedAt && now.getTime() - deniedAt.getTime() < policy.denialGapSeconds * 1000) {
    return 'recently_denied'
  }
  return within(policy.unansweredGapSeconds * 1000) > 0 ? 'recently_unanswered' : null
}

/** The facts that decide whether a question may be pushed once more. */
export type ResendFacts = {
  readonly challengeId: ChallengeId
  readonly budget: Budget
  readonly protection: Protection
  readonly policy: Policy
  readonly now: Date
}

/**
 * Why a resend would exceed a limit; null when it would not. The challenge's own pushes cause no
 * gap: the resend has limits of its own for those.
 */
export function suppressionOfResend({
  challengeId,
  budget,
  protection,
  policy,
  now,
}: ResendFacts): SuppressionReason | null {
  const reason = suppressionOf(budget, protection, policy, now)
  if (reason !== 'recently_unanswered') return reason
  const foreign = budget.pushes.filter((push) => push.challengeId !== challengeId)
  return suppressionOf({ ...budget, pushes: foreign }, protection, policy, now)
}

/** Refuses a resend that would exceed a limit. */
export function admitResend(
  facts: ResendFacts,
): Refusal<'user_suspended' | 'push_locked' | 'push_sign_in_off' | 'push_suppressed'> | undefined {
  const { protection, policy, now } = facts
  const refusal = checkProtection(protection, now) ?? checkPushSignIn(policy, protection.pushSignIn)
  if (refusal) return refusal
  const suppressed = suppressionOfResend(facts)
  return suppressed === null ? undefined : refuse('push_suppressed', { facts: { suppressed } })
}

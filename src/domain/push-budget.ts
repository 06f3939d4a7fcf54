// What each event leaves of a budget of pushes. An ended challenge frees its place in SQL
// (persistence/push-budgets.ts), or when its time is over. What a budget permits:
// push-throttling.ts.

import type { ChallengeId } from './ids.ts'
import type { Policy } from './policy.ts'

/**
 * What one initiator, or all unknown ones together, have used up at one user. Every change raises
 * `revision`.
 */
export type Budget = {
  /** Pushes within the last hour whose challenge was not approved. */
  readonly pushes: readonly { readonly challengeId: ChallengeId; readonly at: Date }[]
  readonly pending: readonly { readonly challengeId: ChallengeId; readonly until: Date }[]
  /** Pushes since the last success. */
  readonly unanswered: number
  readonly deniedAt: Date | null
  /** Zero as long as it is not stored. */
  readonly revision: number
}

/** An initiator that this user approved or reported before, with a budget of its own. */
export type KnownInitiator = Budget & {
  readonly approvedAt: Date | null
  readonly blockedUntil: Date | null
}

export const unusedBudget: Budget = {
  pushes: [],
  pending: [],
  unanswered: 0,
  deniedAt: null,
  revision: 0,
}

const unknownInitiator: KnownInitiator = { ...unusedBudget, approvedAt: null, blockedUntil: null }

const hourMs = 60 * 60_000
const dayMs = 24 * hourMs

/** True while the user's last approval of the initiator is remembered. */
export function isKnown(
  { approvedAt }: Pick<KnownInitiator, 'approvedAt'>,
  policy: Pick<Policy, 'initiatorMemoryDays'>,
  now: Date,
): boolean {
  if (approvedAt === null) return false
  return now.getTime() - approvedAt.getTime() < policy.initiatorMemoryDays * dayMs
}

/** The budget after a new challenge. */
export function afterCreation(
  budget: Budget,
  challenge: { readonly id: ChallengeId; readonly expiresAt: Date },
  isPushed: boolean,
  now: Date,
): Budget {
  const next = {
    ...budget,
    pending: [
      ...budget.pending.filter(({ until }) => until > now),
      { challengeId: challenge.id, until: challenge.expiresAt },
    ],
  }
  return isPushed ? afterPush(next, challenge.id, now) : next
}

/** The budget without the place of a challenge that ends. */
export function withoutPlace<B extends Budget>(budget: B, challengeId: ChallengeId): B {
  return {
    ...budget,
    pending: budget.pending.filter((place) => place.challengeId !== challengeId),
  }
}

/**
 * The budget before the challenge that supersedes this one: the place is free, and the pushes are
 * those of the new one, whose approval refunds them.
 */
export function afterSuperseded<B extends Budget>(
  budget: B,
  supersededId: ChallengeId,
  challengeId: ChallengeId,
): B {
  return {
    ...withoutPlace(budget, supersededId),
    pushes: budget.pushes.map((push) =>
      push.challengeId === supersededId ? { ...push, challengeId } : push,
    ),
  }
}

/** The budget after one more push. Only an approval refunds it. */
export function afterPush(budget: Budget, challengeId: ChallengeId, now: Date): Budget {
  return {
    ...budget,
    pushes: [
      ...budget.pushes.filter(({ at }) => now.getTime() - at.getTime() < hourMs),
      { challengeId, at: now },
    ],
    unanswered: budget.unanswered + 1,
  }
}

/** The budget after an approval, which refunds the challenge's pushes and clears the count. */
export function afterApprovedPush<B extends Budget>(budget: B, challengeId: ChallengeId): B {
  return {
    ...budget,
    pushes: budget.pushes.filter((push) => push.challengeId !== challengeId),
    unanswered: 0,
  }
}

/** The budget after a denial or a report, which begins the gap until the next push. */
export function afterDenial<B extends Budget>(budget: B, now: Date): B {
  return { ...budget, deniedAt: now }
}

/** What a report makes of an initiator: unknown again, and blocked. */
export function reportedInitiator(
  policy: Pick<Policy, 'initiatorBlockSeconds'>,
  now: Date,
): Pick<KnownInitiator, 'approvedAt' | 'blockedUntil'> {
  const blockedUntil = new Date(now.getTime() + policy.initiatorBlockSeconds * 1000)
  return { approvedAt: null, blockedUntil }
}

/** A budget that an event changes: its key, and its next state with the revision before. */
export type BudgetChange = { readonly key: string; readonly next: KnownInitiator }

/** How an answer ends its challenge. */
export type AnswerEnd = 'approved' | 'user_denied' | 'user_reported' | 'number_mismatch'

/** The facts that decide what an answer leaves of the budgets; times are the database's. */
export type AnsweredFacts = {
  readonly challenge: {
    readonly id: ChallengeId
    readonly budgetKey: string
    readonly initiatorKey: string | null
  }
  /** The budget that the challenge uses; null when it was erased. */
  readonly budget: KnownInitiator | null
  /** Null when the challenge names none, or nothing is stored of it. */
  readonly initiator: KnownInitiator | null
  readonly policy: Pick<Policy, 'initiatorBlockSeconds'>
  readonly now: Date
}

/**
 * What an answer that ends its challenge leaves of the budget that the challenge uses, and of the
 * initiator, which may be the same.
 */
export function budgetsAfterAnswer(facts: AnsweredFacts, end: AnswerEnd): BudgetChange[] {
  const { budgetKey, initiatorKey } = facts.challenge
  const budget = facts.budget && budgetAfter(facts.budget, facts, end)
  if (initiatorKey === budgetKey) {
    const next = budget && (initiatorAfter(budget, facts, end) ?? budget)
    return next ? [{ key: budgetKey, next }] : []
  }
  const initiator = initiatorKey === null ? null : initiatorAfter(facts.initiator, facts, end)
  return [
    ...(budget ? [{ key: budgetKey, next: budget }] : []),
    ...(initiatorKey !== null && initiator ? [{ key: initiatorKey, next: initiator }] : []),
  ]
}

function budgetAfter(
  budget: KnownInitiator,
  { challenge, now }: AnsweredFacts,
  end: AnswerEnd,
): KnownInitiator {
  if (end === 'approved') return afterApprovedPush(budget, challenge.id)
  return end === 'number_mismatch' ? budget : afterDenial(budget, now)
}

/** Null where the answer says nothing of the initiator. */
function initiatorAfter(
  initiator: KnownInitiator | null,
  { policy, now }: AnsweredFacts,
  end: AnswerEnd,
): KnownInitiator | null {
  const before = initiator ?? unknownInitiator
  if (end === 'approved') return { ...before, approvedAt: now }
  return end === 'user_reported' ? { ...before, ...reportedInitiator(policy, now) } : null
}

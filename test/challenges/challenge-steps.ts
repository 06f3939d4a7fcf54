// Steps of a challenge, for tests of its parts.

import type {
  AnswerRecording,
  AnswerToRecord,
} from '../../src/challenges/challenge-answer.store.ts'
import { rereadEveryMs, toNextTickMs } from '../../src/challenges/read-challenge.ts'
import { type ActivityType, activity } from '../../src/domain/activity.ts'
import { type AnswerEffect, answerEnd, decideAnswer } from '../../src/domain/answer.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import {
  type BudgetChange,
  budgetsAfterAnswer,
  unusedBudget,
} from '../../src/domain/push-budget.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { anAnswer, aProof, freshProtection, type Stores, type TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'

/** The challenge as its relying party reads it. */
export async function challengeOf(
  { challenges }: Stores,
  { tenantId, rpId }: TestUser,
  id: ChallengeId,
): Promise<Challenge> {
  const record = await challenges.find(tenantId, rpId, id)
  if (!record) throw new Error('the challenge exists')
  return record.challenge
}

/** Types of all activities of the user, newest first. */
export async function activityTypesOf({ activities }: Stores, { tenantId, userId }: TestUser) {
  const items = await activities.list(tenantId, userId, { limit: 1_000, before: null })
  return items.map(({ type }) => type)
}

/** Makes it an expired challenge. */
export async function runOut({ database }: Stores, id: ChallengeId): Promise<void> {
  const text = `update challenges set expires_at = clock_timestamp() - interval '1 ms'
    where id = $1`
  await database.query('run_out', text, [id])
}

/** Cancels for this relying party. */
export function cancel({ challenges }: Stores, { tenantId, rpId }: TestUser, id: ChallengeId) {
  const event = { type: 'challenge_cancelled', severity: 'info', actor: 'operator' } as const
  return challenges.cancel(tenantId, rpId, id, { ...event, challengeId: id }, 'test')
}

/** Repeats the push, based on the challenge as it was read before. */
export async function resend({ challenges }: Pick<Stores, 'challenges'>, challenge: Challenge) {
  const { userId, resendsLeft } = challenge
  const facts = await challenges.loadResend(challenge)
  return challenges.resend({
    challenge,
    resendsLeft: resendsLeft - 1,
    budget: facts?.budget ?? unusedBudget,
    protectionRevision: facts?.protection.revision ?? 0,
    activity: activity({ userId, type: 'challenge_resent', actor: 'operator' }),
    leasedBy: 'test',
  })
}

/** Unregisters these devices of the user. */
export function unregister(
  { devices }: Stores,
  { tenantId, userId }: TestUser,
  ...deviceIds: DeviceId[]
) {
  const command = { tenantId, userId, deviceIds, reason: 'lost', actor: 'operator' } as const
  return devices.unregister(command)
}

/** What a person may do with a challenge. */
export type AnswerKind = 'approve' | 'deny' | 'wrong number'

const activityTypes = {
  approve: 'challenge_approved',
  deny: 'challenge_denied',
  'wrong number': 'number_failed',
} satisfies Record<AnswerKind, ActivityType>

/**
 * What the rules leave of the budgets after such an answer, as they are now; `now` replaces the
 * database's time.
 */
export async function budgetsAfter(
  { challenges }: Stores,
  { tenantId }: TestUser,
  challenge: Challenge,
  deviceId: DeviceId,
  effect: AnswerEffect,
  now?: Date,
): Promise<BudgetChange[]> {
  const query = { tenantId, challengeId: challenge.id, deviceId, jti: '' }
  const facts = await challenges.loadAnswer(query)
  const end = answerEnd(effect)
  if (!facts?.target || end === null) return []
  return budgetsAfterAnswer({ ...facts, challenge, now: now ?? facts.now }, end)
}

const denial = { outcome: 'denied', status: 'denied', wrongNumbersLeft: 3 } as const
const decidedAnswers = {
  approve: {
    decision: 'approve',
    effect: { outcome: 'approved', status: 'approved', reason: null, wrongNumbersLeft: 3 },
  },
  deny: { decision: 'deny', effect: { ...denial, reason: 'user_denied' } },
  report: { decision: 'report', effect: { ...denial, reason: 'user_reported' } },
} as const

/** An answer that ends its challenge. */
export type DecidedAnswer = keyof typeof decidedAnswers

/** Such an answer, decided on what is stored now, to be recorded later. */
export async function decidedAnswer(
  stores: Stores,
  user: TestUser,
  id: ChallengeId,
  deviceId: DeviceId,
  kind: DecidedAnswer,
  now?: Date,
): Promise<AnswerToRecord> {
  const challenge = await challengeOf(stores, user, id)
  const { effect } = decidedAnswers[kind]
  const budgets = await budgetsAfter(stores, user, challenge, deviceId, effect, now)
  const reportId = kind === 'report' ? systemRandom.id('report') : null
  return anAnswer(user, id, deviceId, { ...decidedAnswers[kind], budgets, reportId })
}

/** Answers as the rules decide it for the challenge as it was read, with a fresh proof. */
export async function answer(
  stores: Stores,
  user: TestUser,
  challenge: Challenge,
  deviceId: DeviceId,
  kind: AnswerKind = 'approve',
  more: Parameters<typeof anAnswer>[3] = {},
): Promise<AnswerRecording> {
  const decision = kind === 'deny' ? 'deny' : 'approve'
  const number = kind === 'deny' ? null : '000000'
  const effect = decideAnswer(challenge, { decision, number }, kind === 'approve')
  if (isRefusal(effect)) throw new Error(`the rules refuse to ${kind}: ${effect.refused}`)
  const about = { userId: user.userId, actor: `device:${deviceId}`, deviceId } as const
  const budgets = await budgetsAfter(stores, user, challenge, deviceId, more.effect ?? effect)
  const recording = anAnswer(user, challenge.id, deviceId, {
    decision,
    effect,
    budgets,
    was: { wrongNumbersLeft: challenge.wrongNumbersLeft, protection: freshProtection },
    jwsSealed: kind === 'wrong number' ? null : Buffer.from('evidence'),
    activities: [
      activity({ ...about, type: activityTypes[kind], challengeId: challenge.id }),
      ...(effect.reason === 'number_mismatch'
        ? [activity({ ...about, type: 'challenge_denied', challengeId: challenge.id })]
        : []),
    ],
    ...more,
  })
  return stores.challenges.recordAnswer(recording, aProof(user, deviceId))
}

/** Resolves when waiting callers have just read this challenge again, and will not for a while. */
export const afterATick = (id: ChallengeId): Promise<unknown> =>
  until('the tick of the challenge', () => toNextTickMs(id) > rereadEveryMs * 0.8)

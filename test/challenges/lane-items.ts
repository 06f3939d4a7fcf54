// Random items of lanes: creations and answers as the rules decide them on what is stored.

import type { CreationFacts, NewChallenge } from '../../src/challenges/challenge.store.ts'
import type { AnswerFacts, AnswerToRecord } from '../../src/challenges/challenge-answer.store.ts'
import type { ProofToSpend } from '../../src/devices/device.store.ts'
import { activity } from '../../src/domain/activity.ts'
import { answerEnd, decideAnswer } from '../../src/domain/answer.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { othersKey } from '../../src/domain/initiator.ts'
import { afterApproval, afterWrongNumber } from '../../src/domain/protection.ts'
import {
  afterCreation,
  budgetsAfterAnswer,
  isKnown,
  unusedBudget,
} from '../../src/domain/push-budget.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { anAnswer, aProof, newChallengeAt, type Stores, type TestUser } from '../support/stores.ts'
import type { Chance } from './lane-chance.ts'
import {
  answerDisturbances,
  answerFlaws,
  creationDisturbances,
  creationFlaws,
  impossibleNumber,
} from './lane-disturbances.ts'

/** One item for both ways, with what is wrong about it. */
export type Item = {
  readonly user: TestUser
  readonly what: 'create' | 'approve' | 'deny' | 'wrong number'
  readonly flaw: string | null
  /** Brings a value that undoes the statement. */
  readonly isImpossible: boolean
  /** It is the second of its user, or of its Idempotency-Key, in one batch. */
  readonly isTwin: boolean
  readonly disturbance: { readonly kind: string; readonly sql: string } | null
  readonly challenge: Challenge
  /** Its Idempotency-Key. */
  readonly key: string | null
  readonly send: (stores: Stores) => Promise<unknown>
}

type Options = {
  readonly isTwin?: boolean
  readonly impossible?: number
  readonly id?: ChallengeId
}

const flawsShare = 0.12
const disturbedShare = 0.4

function disturbanceOf<Of>(
  chance: Chance,
  all: Readonly<Record<string, (item: Of) => string | null>>,
  item: Of,
): Item['disturbance'] {
  if (!chance.when(disturbedShare)) return null
  const kind = chance.pick(Object.keys(all))
  const sql = all[kind]?.(item)
  return sql ? { kind, sql } : null
}

const initiators = ['browser', 'kiosk', null] as const

/** What the relying party asks of this user; the facts are then loaded for it. */
export function creationQuery(chance: Chance, { tenantId, rpId, userId }: TestUser) {
  return {
    tenantId,
    rpId,
    namespaces: ['default'],
    user: { id: userId },
    keyId: null,
    idempotencyKey: null,
    initiatorKey: chance.pick(initiators),
    maySupersede: false,
    continuedId: null,
    supersededId: null,
  }
}

/** A creation as the rules decide it; `key` is its Idempotency-Key. */
export function aCreation(
  chance: Chance,
  user: TestUser,
  facts: CreationFacts,
  initiatorKey: string | null,
  key: string | null,
  { isTwin = false, impossible = 0, id = random.id('challenge') }: Options,
): Item {
  const { now, initiator, others, protection } = facts
  const isOwn = initiator !== null && isKnown(initiator, facts.policy, now)
  const budget = isOwn ? initiator : others
  const ids = facts.devices.map(({ id }) => id)
  const devices = chance.when(0.7) ? ids : ids.slice(0, 1)
  const plain = newChallengeAt(now, user, devices, {
    id,
    idempotencyKey: key,
    initiatorKey,
    budgetKey: (isOwn ? initiatorKey : null) ?? othersKey,
    context: { application: 'Mail', location: 'Graz' },
    returnUrl: chance.when(0.3) ? 'https://mail.example.com/back' : null,
    ttlMs: 3_600_000,
  })
  const decision: NewChallenge = {
    ...plain,
    targets: plain.targets.map((one) => ({ ...one, protocolVersion: chance.pick([1, 2]) })),
    budget: afterCreation(budget ?? unusedBudget, plain.challenge, true, now),
    protectionRevision: protection?.revision ?? 0,
  }
  const flaw = !isTwin && chance.when(flawsShare) ? chance.pick(Object.keys(creationFlaws)) : null
  const withFlaw = flaw === null ? decision : (creationFlaws[flaw]?.(decision) ?? decision)
  const isImpossible = chance.when(impossible)
  const { challenge } = withFlaw
  const newChallenge = isImpossible
    ? { ...withFlaw, challenge: { ...challenge, resendsLeft: impossibleNumber } }
    : withFlaw
  const deviceId = devices[0] ?? (ids[0] as DeviceId)
  return {
    user,
    what: 'create',
    flaw,
    isImpossible,
    isTwin,
    disturbance: isTwin
      ? null
      : disturbanceOf(chance, creationDisturbances, { user, deviceId, newChallenge }),
    challenge: newChallenge.challenge,
    key,
    send: ({ challenges }) => challenges.create(newChallenge, 'process'),
  }
}

function protectionAfter(what: Item['what'], { protection, policy, now }: AnswerFacts) {
  if (what === 'approve') return { next: afterApproval(protection), lock: null }
  if (what === 'deny') return { next: protection, lock: null }
  return afterWrongNumber(protection, policy, now)
}

/** The answer of a phone, as the rules decide it: approval, denial or a wrong number. */
export function anAnswerItem(
  chance: Chance,
  user: TestUser,
  facts: AnswerFacts,
  { isTwin = false, impossible = 0 }: Options,
): Item {
  const what = chance.pick(['approve', 'approve', 'deny', 'wrong number'] as const)
  const challenge = facts.target?.challenge
  if (!challenge) throw new Error('the phone is not asked')
  const decision = what === 'deny' ? 'deny' : 'approve'
  const number = what === 'deny' ? null : '000000'
  const effect = decideAnswer(challenge, { decision, number }, what === 'approve')
  if (isRefusal(effect)) throw new Error(`the rules refuse to ${what}`)
  const end = answerEnd(effect)
  const { next, lock } = protectionAfter(what, facts)
  const deviceId = facts.knownDevice.device.id
  const about = { userId: user.userId, actor: `device:${deviceId}`, deviceId } as const
  const recording = anAnswer(user, challenge.id, deviceId, {
    decision,
    effect,
    was: { wrongNumbersLeft: challenge.wrongNumbersLeft, protection: facts.protection },
    protection: next,
    budgets: end === null ? [] : budgetsAfterAnswer({ ...facts, challenge }, end),
    jwsSealed: what === 'wrong number' ? null : Buffer.from('evidence'),
    closingDeviceIds: end === null ? [] : (facts.target?.otherDeviceIds ?? []),
    activities: [
      activity({ ...about, type: end ? 'challenge_approved' : 'number_failed' }),
      ...(lock ? [activity({ ...about, type: 'push_locked', details: { lock } })] : []),
    ],
  })
  const flaw = !isTwin && chance.when(flawsShare) ? chance.pick(Object.keys(answerFlaws)) : null
  const withFlaw = flaw === null ? recording : (answerFlaws[flaw]?.(recording) ?? recording)
  const isImpossible = chance.when(impossible)
  const answer: AnswerToRecord = isImpossible
    ? { ...withFlaw, effect: { ...withFlaw.effect, wrongNumbersLeft: impossibleNumber } }
    : withFlaw
  const proof: ProofToSpend | null = chance.when(0.05) ? null : aProof(user, answer.deviceId)
  const rows = { user, deviceId, challenge, answer, proof }
  return {
    user,
    what,
    flaw,
    isImpossible,
    isTwin,
    disturbance: isTwin ? null : disturbanceOf(chance, answerDisturbances, rows),
    challenge,
    key: null,
    send: ({ challenges }) => challenges.recordAnswer(answer, proof),
  }
}

// What others do to the rows of an item, as SQL that runs alike on both databases.

import pg from 'pg'
import type { NewChallenge } from '../../src/challenges/challenge.store.ts'
import type { AnswerToRecord } from '../../src/challenges/challenge-answer.store.ts'
import type { ProofToSpend } from '../../src/devices/device.store.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import type { TestUser } from '../support/stores.ts'

const q = (text: string) => pg.escapeLiteral(text)
const at = (ms: number) => q(new Date(Date.now() + ms).toISOString())

type Rows = { readonly user: TestUser; readonly deviceId: DeviceId }
type Creation = Rows & { readonly newChallenge: NewChallenge }
type Answer = Rows & {
  readonly challenge: Challenge
  readonly answer: AnswerToRecord
  readonly proof: ProofToSpend | null
}

/** The time that a challenge has left that runs out while its answer is recorded. */
export const runsOutMs = 25

/** SQL of a disturbance; null where it does not apply to the item. */
type Disturbances<Of> = Readonly<Record<string, (item: Of) => string | null>>

const ofUser = ({ tenantId, userId }: TestUser) =>
  `tenant_id = ${q(tenantId)} and user_id = ${q(userId)}`
const ofRow = ({ tenantId }: TestUser, id: string) => `tenant_id = ${q(tenantId)} and id = ${q(id)}`

const common = {
  'is suspended': ({ user }) =>
    `update user_protections set suspended_at = ${at(0)}, revision = revision + 1
     where ${ofUser(user)}`,
  'is counted at': ({ user }) =>
    `update user_protections set revision = revision + 1 where ${ofUser(user)}`,
  'loses the phone': ({ user, deviceId }) =>
    `update devices set status = 'unregistered', unregistered_at = ${at(0)}
     where ${ofRow(user, deviceId)}`,
  'is seen': ({ user, deviceId }) =>
    `update devices set last_seen_at = ${at(0)} where ${ofRow(user, deviceId)}`,
} satisfies Disturbances<Rows>

const aBudget = ({ tenantId, userId }: TestUser, key: string) =>
  `insert into initiators as i (tenant_id, user_id, key, revision)
   values (${q(tenantId)}, ${q(userId)}, ${q(key)}, 50)
   on conflict (tenant_id, user_id, key) do update set revision = i.revision + 1`

export const creationDisturbances: Disturbances<Creation> = {
  ...common,
  'has another budget': ({ user, newChallenge }) => aBudget(user, newChallenge.challenge.budgetKey),
  'has a place less': ({ user, newChallenge: { challenge } }) =>
    `update initiators set revision = revision + 1
     where ${ofUser(user)} and key = ${q(challenge.budgetKey)}`,
  'is asked under the same key': ({ user, newChallenge: { challenge, idempotencyKey } }) =>
    idempotencyKey &&
    `insert into challenges (tenant_id, id, rp_id, user_id, status, context, number_mode,
       wrong_numbers_left, user_verification, delivery_mode, signing_kid, result_jti,
       idempotency_key, request_hash, resends_left, created_at, expires_at, decided_at)
     values (${q(user.tenantId)}, ${q(`${challenge.id}_0`)}, ${q(user.rpId)}, ${q(user.userId)},
       'cancelled', '{}', 'none', 3, 'preferred', 'push', ${q(user.signingKid)}, 'r',
       ${q(idempotencyKey)}, '\\x00', 2, ${at(0)}, ${at(0)}, ${at(0)})
     on conflict do nothing`,
}

export const answerDisturbances: Disturbances<Answer> = {
  ...common,
  'is cancelled': ({ user, challenge }) =>
    `update challenges set status = 'cancelled', decided_at = ${at(0)}, number_sealed = null
     where ${ofRow(user, challenge.id)} and status = 'pending'`,
  'loses a try': ({ user, challenge }) =>
    `update challenges set wrong_numbers_left = wrong_numbers_left - 1
     where ${ofRow(user, challenge.id)} and wrong_numbers_left > 0`,
  'is over': ({ user, challenge }) =>
    `update challenges set expires_at = ${at(-1_000)}
     where ${ofRow(user, challenge.id)}`,
  'runs out': ({ user, challenge }) =>
    `update challenges set expires_at = clock_timestamp() + interval '${runsOutMs} ms'
     where ${ofRow(user, challenge.id)}`,
  'frees its place': ({ user, challenge }) =>
    `update initiators set pending = pending - ${q(challenge.id)}, revision = revision + 1
     where ${ofUser(user)} and key = ${q(challenge.budgetKey)}`,
  'is proved before': ({ proof }) =>
    proof &&
    `insert into device_proofs (tenant_id, device_id, jti, expires_at)
     values (${q(proof.tenantId)}, ${q(proof.deviceId)}, ${q(proof.jti)},
       ${q(proof.expiresAt.toISOString())})`,
  'is answered alike': ({ user, deviceId, challenge, answer }) =>
    `insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome,
       status_after, wrong_numbers_left, kid, user_verified)
     values (${q(user.tenantId)}, ${q(challenge.id)}, ${q(deviceId)},
       ${q(answer.jti)}, 'approve', 'wrong_number', 'pending', 2, 'k', true)`,
  'is known': ({ user, challenge }) =>
    challenge.initiatorKey && aBudget(user, challenge.initiatorKey),
}

/** Rows that cannot be skipped while another transaction inserts them: they undo a batch. */
export const undoing: ReadonlySet<string> = new Set([
  'has another budget',
  'is asked under the same key',
  'is proved before',
  'is known',
])

/**
 * What only comes before: the time that runs out, and an answer, which nobody records without the
 * lock on its user.
 */
export const early: ReadonlySet<string> = new Set(['runs out', 'is answered alike'])

/** What is decided before the statement and wrong, or never was a value of its column. */
export const creationFlaws: Readonly<Record<string, (newChallenge: NewChallenge) => NewChallenge>> =
  {
    'an old protection': (newChallenge) => ({
      ...newChallenge,
      protectionRevision: newChallenge.protectionRevision + 1_000,
    }),
    'an old budget': (newChallenge) => ({
      ...newChallenge,
      budget: { ...newChallenge.budget, revision: newChallenge.budget.revision + 1_000 },
    }),
    'an unknown phone': (newChallenge) => ({
      ...newChallenge,
      targets: newChallenge.targets.map((target) => ({ ...target, deviceId: random.id('device') })),
      pushes: [],
    }),
    'a key that is gone': (newChallenge) => ({ ...newChallenge, keyId: random.id('apiKey') }),
    'an unknown user': (newChallenge) => ({
      ...newChallenge,
      challenge: { ...newChallenge.challenge, userId: random.id('user') },
    }),
  }

export const answerFlaws: Readonly<Record<string, (answer: AnswerToRecord) => AnswerToRecord>> = {
  'other tries': (answer) => ({
    ...answer,
    was: { ...answer.was, wrongNumbersLeft: answer.was.wrongNumbersLeft + 100 },
  }),
  'an old protection': (answer) => {
    const protection = { ...answer.protection, revision: answer.protection.revision + 1_000 }
    return { ...answer, protection, was: { ...answer.was, protection } }
  },
  'an old budget': (answer) => ({
    ...answer,
    budgets: answer.budgets.map(({ key, next }) => ({
      key,
      next: { ...next, revision: next.revision + 1_000 },
    })),
  }),
  'an unknown challenge': (answer) => ({ ...answer, challengeId: random.id('challenge') }),
  'an unknown phone': (answer) => ({ ...answer, deviceId: random.id('device') }),
}

/** Values that no column takes: PostgreSQL undoes the statement that brings one. */
export const impossibleNumber = 99_999

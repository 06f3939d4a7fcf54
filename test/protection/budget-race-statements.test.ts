// An answer is decided on the budgets as they were loaded; here they change before it is recorded.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AnswerToRecord } from '../../src/challenges/challenge-answer.store.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import {
  answer,
  cancel,
  challengeOf,
  decidedAnswer,
  runOut,
} from '../challenges/challenge-steps.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aDevice,
  aNewChallenge,
  aProof,
  aUser,
  beginOn,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { budgetOf, fillBudget, newBudget } from './budget-rows.ts'

const browser = 'browser'
let openedStores: Stores
let stores: Stores
let user: TestUser
let device: DeviceId
let first: ChallengeId
let second: ChallengeId
beforeAll(async () => {
  openedStores = await openStores()
  stores = openedStores
  return () => openedStores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
  first = await create(0)
  second = await create(1)
})

/** A challenge of the browser on the shared budget, whose revision is this. */
async function create(revision: number): Promise<ChallengeId> {
  const more = { budgetKey: 'others', initiatorKey: browser }
  const newChallenge = await aNewChallenge(stores, user, [device], more)
  const budget = { ...newChallenge.budget, revision }
  expect(await stores.challenges.create({ ...newChallenge, budget }, 'test')).toBe('done')
  return newChallenge.challenge.id
}

const rows = async () => [
  await budgetOf(stores, user, 'others'),
  await budgetOf(stores, user, browser),
]
const decide = (kind: Parameters<typeof decidedAnswer>[4]) =>
  decidedAnswer(stores, user, first, device, kind)
const record = (recording: AnswerToRecord) =>
  stores.challenges.recordAnswer(recording, aProof(user, device))
const answerSecond = async (kind: 'approve' | 'deny') => {
  const challenge = await challengeOf(stores, user, second)
  expect(await answer(stores, user, challenge, device, kind)).toMatchObject({ kind: 'recorded' })
}

describe.each(bothPaths)(
  'an answer on budgets that have changed since is not recorded, and changes none, %s',
  (_, on) => {
    beforeAll(() => {
      stores = on(openedStores)
    })

    const changes: Record<string, () => Promise<unknown>> = {
      'a creation': () => create(2),
      'a cancellation': () => cancel(stores, user, second),
      'another approval': () => answerSecond('approve'),
      'another denial': () => answerSecond('deny'),
      'a change of the initiator alone': () => fillBudget(stores, user, browser),
    }
    test.each(
      Object.keys(changes).flatMap((name) =>
        (['approve', 'report'] as const).map((kind) => [kind, name] as const),
      ),
    )('%s, after %s', async (kind, name) => {
      const recording = await decide(kind)
      await changes[name]?.()
      const before = await rows()
      expect(await record(recording)).toEqual({ kind: 'changed' })
      expect(await rows()).toEqual(before)
      expect(await challengeOf(stores, user, first)).toMatchObject({ status: 'pending' })
      expect(await record(await decide(kind))).toMatchObject({ kind: 'recorded' })
    })

    test('an approval, after a change of the initiator that was known before', async () => {
      await fillBudget(stores, user, browser)
      const recording = await decide('approve')
      await answerSecond('approve')
      const own = `update initiators set revision = 2 where user_id = $1 and key = 'others'`
      await stores.database.query('as_decided', own, [user.userId])
      const before = await rows()
      expect(await record(recording)).toEqual({ kind: 'changed' })
      expect(await rows()).toEqual(before)
    })
  },
)

describe.each(bothPaths)(
  'an answer that waits for a lock sees what its holder committed, %s',
  (_, on) => {
    beforeAll(() => {
      stores = on(openedStores)
    })

    const byHolder: [string, string, (string | null)[]][] = [
      [
        'of the budget',
        `update initiators set unanswered = 9, revision = revision + 1
       where tenant_id = $1 and user_id = $2 and key = 'others'`,
        [],
      ],
      [
        'of the protection, who inserted the initiator',
        `with u as materialized (select tenant_id, user_id from user_protections
         where tenant_id = $1 and user_id = $2 for no key update)
       insert into initiators (tenant_id, user_id, key, revision)
       select tenant_id, user_id, '${browser}', 1 from u`,
        [],
      ],
    ]
    test.each(byHolder)('a lock %s', async (__, text) => {
      const recording = await decide('approve')
      const holder = await beginOn(stores)
      await holder.query(text, [user.tenantId, user.userId])
      const answering = record(recording)
      await until('a lock is waited for', async () => (await lockWaiters(stores)) > 0)
      await holder.commit()
      expect(await answering).toEqual({ kind: 'changed' })
      expect((await budgetOf(stores, user, 'others'))?.pending).toHaveLength(1)
      expect((await budgetOf(stores, user, browser))?.approvedAt ?? null).toBeNull()
    })
  },
)

describe.each(bothPaths)('an initiator of which nothing is stored stays so, %s', (_, on) => {
  beforeAll(() => {
    stores = on(openedStores)
  })

  const isNowhere = async () => expect(await budgetOf(stores, user, browser)).toBeUndefined()

  test('when the answer comes after expiry', async () => {
    const recording = await decide('approve')
    await runOut(stores, first)
    expect(await record(recording)).toEqual({ kind: 'expired' })
    await isNowhere()
  })

  test('when the jti of the answer was used before', async () => {
    const guess = await challengeOf(stores, user, first)
    await answer(stores, user, guess, device, 'wrong number', { jti: 'used' })
    const { effect, was, ...recording } = await decide('approve')
    const wrongNumbersLeft = 2
    const again = { ...recording, jti: 'used', was: { ...was, wrongNumbersLeft } }
    expect(await record({ ...again, effect: { ...effect, wrongNumbersLeft } })).toEqual({
      kind: 'changed',
    })
    await isNowhere()
  })

  test('when the challenge was cancelled', async () => {
    const recording = await decide('approve')
    await cancel(stores, user, first)
    expect(await record(recording)).toEqual({ kind: 'changed' })
    await isNowhere()
  })
})

test.each(bothPaths)('a new row is written once, whole, %s', async (_, on) => {
  stores = on(openedStores)
  const recording = await decide('approve')
  await record(recording)
  const approvedAt = recording.budgets.find(({ key }) => key === browser)?.next.approvedAt ?? null
  expect(await budgetOf(stores, user, browser)).toEqual(newBudget({ approvedAt }))
})

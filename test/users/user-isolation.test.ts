// One user's budgets and locks next to those of similar users: colleagues with challenges from the
// same browser, and users of other tenants with the same ids, as a copy of a tenant would have.

import { beforeAll, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { afterCreation, unusedBudget } from '../../src/domain/push-budget.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import {
  answer,
  budgetsAfter,
  cancel,
  challengeOf,
  resend,
  unregister,
} from '../challenges/challenge-steps.ts'
import { aGuess, createRecoveryCode } from '../passcodes/code-steps.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import { countingRows } from '../platform/postgres/row-counts.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anyRequest,
  aProof,
  aUser,
  freshProtection,
  noExceptions,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
const rowCounts = new Map<string, number>()

beforeAll(async () => {
  stores = await openStores(20, countingRows(rowCounts))
  return () => stores.close()
})

const browser = 'the same browser'
const run = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

type Person = TestUser & {
  readonly device: DeviceId
  /** Is target of nothing; in copies it is the device that was pushed. */
  readonly spare: DeviceId
  /** Pending, by the budget that pays. */
  readonly pending: { readonly others: ChallengeId; readonly browser: ChallengeId }
}

/**
 * A user with two challenges from the same browser: paid by the budget of unknown initiators, and
 * by the browser's.
 */
async function aPerson(user: TestUser): Promise<Person> {
  const [device, spare] = [await aDevice(stores, user), await aDevice(stores, user)]
  const createFor = async (budgetKey: string) => {
    const newChallenge = await aNewChallenge(stores, user, [device], {
      budgetKey,
      initiatorKey: browser,
    })
    expect(await stores.challenges.create(newChallenge, 'test')).toBe('done')
    return newChallenge.challenge.id
  }
  const pending = { others: await createFor('others'), browser: await createFor(browser) }
  return { ...user, device, spare, pending }
}

const mine = '(tenant_id, user_id) = ($1, $2)'

/** A user between two colleagues and two copies, which have other counts. */
async function aScene(): Promise<Person> {
  const first = await aUser(stores)
  await aPerson(first)
  const me = await aPerson(await aColleague(stores, first, 'me'))
  await aPerson(await aColleague(stores, first, 'zoe'))
  const party = { id: random.id('relyingParty'), name: 'Other', namespaces: ['default'] }
  await stores.tenants.createRelyingParty({ ...party, tenantId: me.tenantId }, 'operator')
  await copyTenant(stores, me)
  const whose = [me.tenantId, me.userId]
  await run('my_counts', `update initiators set unanswered = 2 where ${mine}`, ...whose)
  const marks = `set unanswered = 50, approved_at = '2001-01-01', blocked_until = '2100-01-01'`
  await run('their_counts', `update initiators ${marks} where not (${mine})`, ...whose)
  const moveDeliveries = `update deliveries set device_id = $1 where device_id = $2
    and tenant_id <> $3`
  await run('their_pushes', moveDeliveries, me.spare, me.device, me.tenantId)
  const guesses = 'set wrong_numbers_in_row = 7, wrong_numbers_since_success = 7'
  await run('their_guesses', `update user_protections ${guesses} where not (${mine})`, ...whose)
  return me
}

/** All rows of others that could be mistaken for mine. */
async function readRowsOfOthers({ tenantId, userId, device }: Person) {
  const all: Record<string, unknown> = {}
  const rowsOf = async (table: string, who: string, id: string) => {
    const text = `select x::text as row from ${table} x where not (${who})
      and right(tenant_id, 20) = right($1, 20) order by 1`
    all[table] = await run(`all_${table}`, text, tenantId, id)
  }
  const byUser = ['user_protections', 'initiators', 'challenges', 'reports', 'activities']
  for (const table of [...byUser, 'devices']) await rowsOf(table, mine, userId)
  const myDevice = '(tenant_id, device_id) = ($1, $2)'
  for (const table of ['challenge_targets', 'deliveries', 'answers']) {
    await rowsOf(table, myDevice, device)
  }
  return all
}

describe('the facts about a user are their own, and none of a similar user', () => {
  const load = (me: Person, user: Parameters<Stores['challenges']['loadCreation']>[0]['user']) => {
    const { tenantId, rpId } = me
    const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
    return stores.challenges.loadCreation({ ...query, user, initiatorKey: browser })
  }

  test('the facts about a user are their own when a challenge is created', async () => {
    const me = await aScene()
    const expectedFacts = {
      userId: me.userId,
      protection: { wrongNumbersInRow: 0 },
      initiator: { unanswered: 2, approvedAt: null, blockedUntil: null },
      others: { unanswered: 2, deniedAt: null },
      devices: [{ id: me.device }, { id: me.spare }],
    }
    for (const user of [{ id: me.userId }, { namespace: 'default', value: 'me' }]) {
      expect(await load(me, user)).toMatchObject(expectedFacts)
      expect(rowCounts.get('load_creation')).toBe(1)
    }
  })

  test('the facts about a user are their own when they are pushed, answer, are read', async () => {
    const me = await aScene()
    const { tenantId, userId, device: deviceId } = me
    const protection = { wrongNumbersInRow: 0 }
    for (const challengeId of Object.values(me.pending)) {
      const challenge = await challengeOf(stores, me, challengeId)
      const budget = { unanswered: 2, pending: [{ challengeId }] }
      expect(await stores.challenges.loadResend(challenge)).toMatchObject({ protection, budget })
      const query = { tenantId, deviceId, challengeId, jti: 'jti' }
      expect(await stores.challenges.loadAnswer(query)).toMatchObject({ protection })
    }
    expect(await stores.protections.find(tenantId, userId)).toMatchObject({ protection })
    for (const name of ['load_resend', 'load_answer', 'find_protection']) {
      expect([name, rowCounts.get(name)]).toEqual([name, 1])
    }
  })
})

describe('an operation on a user changes nothing of a similar user', () => {
  const report = {
    decision: 'report',
    effect: {
      outcome: 'denied',
      status: 'denied',
      reason: 'user_reported',
      wrongNumbersLeft: 3,
    },
    protection: { ...freshProtection, reportedUntil: new Date('2100-01-01') },
  } as const
  const about = ({ tenantId, userId }: Person) => ({ tenantId, userId, actor: 'operator' }) as const
  const notice = ({ userId }: Person, type: 'test_pushed' | 'activity_reported') =>
    activity({ userId, type, actor: 'operator' })

  async function askAgain(me: Person, budgetKey: string) {
    const more = { budgetKey, initiatorKey: browser }
    const newChallenge = await aNewChallenge(stores, me, [me.device], more)
    const { id, expiresAt, createdAt } = newChallenge.challenge
    const budget = afterCreation(
      { ...unusedBudget, revision: 1 },
      { id, expiresAt },
      true,
      createdAt,
    )
    return stores.challenges.create({ ...newChallenge, budget }, 'test')
  }

  async function reportOf(me: Person, challengeId: ChallengeId) {
    const { tenantId, userId, device: deviceId } = me
    const [one] = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const activityId = one?.id ?? random.id('activity')
    return stores.reports.reportActivity({
      report: { tenantId, id: random.id('report'), userId, activityId, challengeId },
      by: { kind: 'device', deviceId, proof: null },
      protection: report.protection,
      initiator: { approvedAt: null, blockedUntil: new Date('2100-01-01') },
      activities: [notice(me, 'activity_reported')],
    })
  }

  type Operation = (me: Person, pending: ChallengeId, paidBy: string) => Promise<unknown>
  const operations: Record<string, readonly [operation: Operation, expected: unknown]> = {
    'a creation': [(me, _, paidBy) => askAgain(me, paidBy), 'done'],
    'an approval': [
      async (me, id) => {
        const [challenge, closing] = [await challengeOf(stores, me, id), [me.device]]
        return answer(stores, me, challenge, me.device, 'approve', { closingDeviceIds: closing })
      },
      { kind: 'recorded', pushes: [expect.anything()], cancelledChallenges: [], end: null },
    ],
    'a denial': [
      async (me, id) => answer(stores, me, await challengeOf(stores, me, id), me.device, 'deny'),
      expect.objectContaining({ kind: 'recorded' }),
    ],
    'an answer that reports': [
      async (me, id) => {
        const challenge = await challengeOf(stores, me, id)
        const budgets = await budgetsAfter(stores, me, challenge, me.device, report.effect)
        const more = { ...report, budgets, reportId: random.id('report') }
        const recording = anAnswer(me, id, me.device, more)
        return stores.challenges.recordAnswer(recording, aProof(me, me.device))
      },
      expect.objectContaining({ kind: 'recorded', cancelledChallenges: [expect.any(String)] }),
    ],
    'a report of an activity': [
      (me, id) => reportOf(me, id),
      expect.objectContaining({ kind: 'reported' }),
    ],
    'a cancellation': [
      (me, id) => cancel(stores, me, id),
      { pushes: [expect.objectContaining({ kind: 'challenge_closed' })] },
    ],
    'a resend': [
      async (me, id) => resend(stores, await challengeOf(stores, me, id)),
      { pushes: [expect.objectContaining({ kind: 'challenge_opened' })] },
    ],
    'a change of the protection': [
      (me) => stores.protections.change(me.tenantId, me.userId, report.protection, [], null),
      'done',
    ],
    'an unlock': [
      (me) => stores.protections.unlock(me.tenantId, me.userId, freshProtection, []),
      'done',
    ],
    'a code that signs in': [
      async (me) => {
        const [{ tenantId, userId }, id] = [me, await createRecoveryCode(stores, me)]
        await stores.protections.change(tenantId, userId, report.protection, [], null)
        const match = { kind: 'recovery_code', id } as const
        return stores.passcodes.attempt(aGuess(me, { initiator: browser, match }))
      },
      expect.objectContaining({ kind: 'accepted' }),
    ],
    'a test push': [
      (me) => {
        const limits = { protectionRevision: 0, gapSeconds: 0, perHourMax: 5, leasedBy: 'test' }
        const push = { deviceId: me.device, id: random.id('delivery'), ...limits }
        return stores.testPushes.enqueue({ ...me, ...push, activity: notice(me, 'test_pushed') })
      },
      { kind: 'owed', pushes: [expect.anything()] },
    ],
    'an unregistration': [
      (me) => unregister(stores, me, me.device),
      expect.objectContaining({ endedChallenges: [expect.any(String), expect.any(String)] }),
    ],
    'a suspension that is reversed': [
      async (me) => {
        await stores.suspensions.suspendUser(about(me))
        return stores.suspensions.activateUser(about(me))
      },
      { at: expect.any(Date) },
    ],
    'an erasure': [
      async ({ tenantId, userId }) => {
        await stores.personalData.cutOff(tenantId, userId, 'operator', noExceptions)
        return stores.personalData.eraseRest(tenantId, userId, 50)
      },
      'done',
    ],
  }

  const paidBy = { others: 'others', browser } as const
  const cases = Object.keys(operations).flatMap((name) => [
    [name, 'others'] as const,
    [name, 'browser'] as const,
  ])
  test.each(cases)('%s, paid by %s', async (name, budget) => {
    const me = await aScene()
    const before = await readRowsOfOthers(me)
    rowCounts.clear()
    const [operation, expectedResult] = operations[name] ?? []
    expect(await operation?.(me, me.pending[budget], paidBy[budget])).toEqual(expectedResult)
    expect(await readRowsOfOthers(me)).toEqual(before)
    for (const statement of ['lock_protection', 'lock_device']) {
      expect([1, undefined]).toContain(rowCounts.get(statement))
    }
  })
})

test('a challenge stays while its user has a device for it, and none of others ends', async () => {
  const me = await aScene()
  const unregisteredState = `status = 'unregistered', unregistered_at = now(), unregister_reason =
    'lost'`
  await run(
    'their_devices',
    `update devices set ${unregisteredState} where not (${mine})`,
    me.tenantId,
    me.userId,
  )
  const before = await readRowsOfOthers(me)
  const unregistration = await unregister(stores, me, me.spare)
  expect(unregistration).toMatchObject({ endedChallenges: [] })
  expect(await readRowsOfOthers(me)).toEqual(before)
})

// One user's budgets and locks beside those of others that look the same: colleagues who were asked from the same browser, and
// users of other tenants with the same ids, as a copy of a tenant would have.

import { beforeAll, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { afterCreation, unusedBudget } from '../../src/domain/prompt-ladder.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anyRequest,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  unguarded,
  unsaid,
} from '../support/stores.ts'
import { answer, cancel, challengeOf, resend, unregister } from './asking.ts'
import { copyTenant } from './copied-tenant.ts'
import { countingRows } from './rows-found.ts'
import { aGuess, makeCode } from './typing.ts'

let stores: Stores
const rowsFound = new Map<string, number>()

beforeAll(async () => {
  stores = await openStores(20, countingRows(rowsFound))
  return () => stores.close()
})

const browser = 'the same browser'
const run = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

type Person = TestUser & {
  readonly device: DeviceId
  /** Is asked nothing; in copies it is the one that was pushed. */
  readonly spare: DeviceId
  /** Pending, by the budget that pays. */
  readonly pending: { readonly others: ChallengeId; readonly browser: ChallengeId }
}

/** Somebody who is asked twice from the same browser: at the cost of all strangers, and of the browser. */
async function aPerson(user: TestUser): Promise<Person> {
  const [device, spare] = [await aDevice(stores, user), await aDevice(stores, user)]
  const ask = async (budgetKey: string) => {
    const made = await aNewChallenge(stores, user, [device], { budgetKey, initiatorKey: browser })
    expect(await stores.challenges.create(made, 'test')).toBe(true)
    return made.challenge.id
  }
  const pending = { others: await ask('others'), browser: await ask(browser) }
  return { ...user, device, spare, pending }
}

const mine = '(tenant_id, user_id) = ($1, $2)'

/** Somebody between two colleagues and two copies, whose counts are others. */
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
  const spared = `update deliveries set device_id = $1 where device_id = $2 and tenant_id <> $3`
  await run('their_pushes', spared, me.spare, me.device, me.tenantId)
  const guesses = 'set wrong_numbers_in_row = 7, wrong_numbers_since_success = 7'
  await run('their_guesses', `update user_protections ${guesses} where not (${mine})`, ...whose)
  return me
}

/** Whatever is kept of all others that could be mistaken for me. */
async function rowsOfOthers({ tenantId, userId, device }: Person) {
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

describe('what is known of a user is their own, and nothing of who looks the same', () => {
  const ask = (me: Person, user: Parameters<Stores['challenges']['loadCreation']>[0]['user']) => {
    const { tenantId, rpId } = me
    const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
    return stores.challenges.loadCreation({ ...query, user, initiatorKey: browser })
  }

  test('when they are asked', async () => {
    const me = await aScene()
    const wanted = {
      userId: me.userId,
      protection: { wrongNumbersInRow: 0 },
      initiator: { unanswered: 2, approvedAt: null, blockedUntil: null },
      others: { unanswered: 2, deniedAt: null },
      devices: [{ id: me.device }, { id: me.spare }],
    }
    expect(await ask(me, { id: me.userId })).toMatchObject(wanted)
    expect(await ask(me, { namespace: 'default', value: 'me' })).toMatchObject(wanted)
    expect(rowsFound.get('load_creation_by_id')).toBe(1)
    expect(rowsFound.get('load_creation')).toBe(1)
  })

  test('when they are pushed again, answer, and are looked at', async () => {
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
      expect([name, rowsFound.get(name)]).toEqual([name, 1])
    }
  })
})

describe('what is done to a user changes nothing of who looks the same', () => {
  const report = {
    decision: 'report',
    effect: {
      outcome: 'denied',
      status: 'denied',
      reason: 'user_reported',
      wrongNumbersLeft: 3,
    },
    protection: { ...unguarded, reportedUntil: new Date('2100-01-01') },
  } as const
  const about = ({ tenantId, userId }: Person) => ({ tenantId, userId, actor: 'operator' }) as const
  const told = ({ userId }: Person, type: 'test_pushed' | 'activity_reported') =>
    activity({ userId, type, actor: 'operator' })

  async function askAgain(me: Person, budgetKey: string) {
    const more = { budgetKey, initiatorKey: browser }
    const made = await aNewChallenge(stores, me, [me.device], more)
    const { id, expiresAt, createdAt } = made.challenge
    const budget = afterCreation(
      { ...unusedBudget, revision: 1 },
      { id, expiresAt },
      true,
      createdAt,
    )
    return stores.challenges.create({ ...made, budget }, 'test')
  }

  async function reportOf(me: Person, challengeId: ChallengeId) {
    const { tenantId, userId, device: deviceId } = me
    const [one] = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const activityId = one?.id ?? random.id('activity')
    return stores.reports.reportActivity({
      report: { tenantId, id: random.id('report'), userId, activityId, challengeId },
      by: { kind: 'device', deviceId, proof: null },
      protection: report.protection,
      initiatorBlockSeconds: 60,
      activities: [told(me, 'activity_reported')],
    })
  }

  type Deed = (me: Person, pending: ChallengeId, paidBy: string) => Promise<unknown>
  const deeds: Record<string, readonly [deed: Deed, done: unknown]> = {
    'a creation': [(me, _, paidBy) => askAgain(me, paidBy), true],
    'an approval': [
      async (me, id) => {
        const [challenge, closing] = [await challengeOf(stores, me, id), [me.device]]
        return answer(stores, me, challenge, me.device, 'approve', { closing })
      },
      { kind: 'recorded', pushes: [expect.anything()], cancelled: [] },
    ],
    'a denial': [
      async (me, id) => answer(stores, me, await challengeOf(stores, me, id), me.device, 'deny'),
      expect.objectContaining({ kind: 'recorded' }),
    ],
    'an answer that reports': [
      (me, id) => {
        const given = { id: random.id('report'), initiatorBlockSeconds: 60 }
        const said = anAnswer(me, id, me.device, { ...report, report: given })
        return stores.challenges.recordAnswer(said, aProof(me, me.device))
      },
      expect.objectContaining({ kind: 'recorded', cancelled: [expect.any(String)] }),
    ],
    'a report of what happened': [
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
      true,
    ],
    'an unlock': [(me) => stores.protections.unlock(me.tenantId, me.userId, unguarded, []), true],
    'a code that gets in': [
      async (me) => {
        const [{ tenantId, userId }, id] = [me, await makeCode(stores, me)]
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
        return stores.testPushes.owe({ ...me, ...push, activity: told(me, 'test_pushed') })
      },
      { kind: 'owed', pushes: [expect.anything()] },
    ],
    'an unregistration': [
      (me) => unregister(stores, me, me.device),
      expect.objectContaining({ endedChallenges: [expect.any(String), expect.any(String)] }),
    ],
    'a suspension that is taken back': [
      async (me) => {
        await stores.suspensions.suspendUser(about(me))
        return stores.suspensions.activateUser(about(me))
      },
      { at: expect.any(Date) },
    ],
    'an erasure': [
      async ({ tenantId, userId }) => {
        await stores.personalData.cutOff(tenantId, userId, 'operator', unsaid)
        return stores.personalData.eraseRest(tenantId, userId, 50)
      },
      true,
    ],
  }

  const paidBy = { others: 'others', browser } as const
  const cases = Object.keys(deeds).flatMap((deed) => [
    [deed, 'others'] as const,
    [deed, 'browser'] as const,
  ])
  test.each(cases)('%s, at the cost of %s', async (name, budget) => {
    const me = await aScene()
    const before = await rowsOfOthers(me)
    rowsFound.clear()
    const [deed, done] = deeds[name] ?? []
    expect(await deed?.(me, me.pending[budget], paidBy[budget])).toEqual(done)
    expect(await rowsOfOthers(me)).toEqual(before)
    for (const held of ['lock_protection', 'hold_device']) {
      expect([1, undefined]).toContain(rowsFound.get(held))
    }
  })
})

test('a question stays while its user has a device for it, and none of others ends', async () => {
  const me = await aScene()
  const gone = `status = 'unregistered', unregistered_at = now(), unregister_reason = 'lost'`
  await run(
    'their_devices',
    `update devices set ${gone} where not (${mine})`,
    me.tenantId,
    me.userId,
  )
  const before = await rowsOfOthers(me)
  const unregistered = await unregister(stores, me, me.spare)
  expect(unregistered).toMatchObject({ endedChallenges: [] })
  expect(await rowsOfOthers(me)).toEqual(before)
})

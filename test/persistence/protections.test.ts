import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import type { Protection } from '../../src/domain/protection.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aChallenge,
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  unguarded,
} from '../support/stores.ts'
import { challengeOf, toldOf } from './asking.ts'
import { budgetOf } from './budget-rows.ts'
import { copyTenant } from './copied-tenant.ts'
import { aGuess, makeCode } from './typing.ts'

let stores: Stores
let user: TestUser
let device: DeviceId
let pending: ChallengeId
beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
  pending = await aChallenge(stores, user, [device], { budgetKey: 'others' })
})

const at = (day: number) => new Date(Date.UTC(2100, 0, day))
const everything: Omit<Protection, 'revision'> = {
  wrongNumbersInRow: 1,
  wrongNumbersSinceSuccess: 2,
  lockedUntil: at(1),
  hardLockedAt: at(2),
  reportedUntil: at(3),
  pausedUntil: at(4),
  suspendedAt: at(5),
}
const { revision: _, ...nothing } = unguarded

const find = async () => (await stores.protections.find(user.tenantId, user.userId))?.protection
const change = (next: Protection) =>
  stores.protections.change(user.tenantId, user.userId, next, [], null)
const about = (type: 'challenge_resent' | 'activity_reported' | 'test_pushed') =>
  activity({ userId: user.userId, type, actor: 'operator' })

/** Everything that is decided upon the locks of a user, as it was decided on those of this revision. */
const deeds: Record<string, (revision: number) => Promise<unknown>> = {
  async 'a question'(revision) {
    const made = await aNewChallenge(stores, user, [device])
    return stores.challenges.create({ ...made, protectionRevision: revision }, 'test')
  },
  async 'a repeated push'(protectionRevision) {
    const challenge = await challengeOf(stores, user, pending)
    const budget = { pushes: [], pending: [], unanswered: 0, deniedAt: null, revision: 1 }
    const paid = { resendsLeft: 2, budget, protectionRevision, leasedBy: 'test' }
    return stores.challenges.resend({ challenge, ...paid, activity: about('challenge_resent') })
  },
  'an answer'(revision) {
    const protection = { ...unguarded, revision }
    const was = { wrongNumbersLeft: 3, protection }
    const given = anAnswer(user, pending, device, { was, protection })
    return stores.challenges.recordAnswer(given, aProof(user, device))
  },
  'a change': (revision) => change({ ...unguarded, revision }),
  'an unlock': (revision) =>
    stores.protections.unlock(user.tenantId, user.userId, { ...unguarded, revision }, []),
  async 'a report'(revision) {
    const { tenantId, userId } = user
    const told = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const activityId = told[0]?.id ?? random.id('activity')
    return stores.reports.reportActivity({
      report: { tenantId, id: random.id('report'), userId, challengeId: pending, activityId },
      by: { kind: 'device', deviceId: device, proof: null },
      protection: { ...unguarded, revision },
      initiatorBlockSeconds: 60,
      activities: [about('activity_reported')],
    })
  },
  'a test push'(protectionRevision) {
    const limits = { gapSeconds: 0, perHourMax: 5, leasedBy: 'test', protectionRevision }
    const push = { ...user, deviceId: device, id: random.id('delivery'), ...limits }
    return stores.testPushes.owe({ ...push, activity: about('test_pushed') })
  },
}

describe('what was decided upon locks that are others by now is not done', () => {
  test.each(Object.keys(deeds))('%s, whosever locks are still like that', async (name) => {
    await aColleague(stores, user, 'bob')
    await copyTenant(stores, user)
    expect(await change(unguarded)).toBe(true)
    const seen = async () => [
      await find(),
      await challengeOf(stores, user, pending),
      await budgetOf(stores, user, 'others'),
    ]
    const before = await seen()
    for (const revision of [0, 2]) {
      const done = await deeds[name]?.(revision)
      expect([false, null, { kind: 'changed' }]).toContainEqual(done)
    }
    expect(await seen()).toEqual(before)
    const done = await deeds[name]?.(1)
    expect([false, null, { kind: 'changed' }]).not.toContainEqual(done)
  })
})

describe('locks and counts are saved as they were decided, under the next revision', () => {
  test('by a change, all of them, and back', async () => {
    expect(await change({ ...everything, revision: 0 })).toBe(true)
    expect(await find()).toEqual({ ...everything, revision: 1 })
    expect(await change({ ...nothing, revision: 1 })).toBe(true)
    expect(await find()).toEqual({ ...nothing, revision: 2 })
  })

  test('by an answer that changes them, all of them, and back, and by no other', async () => {
    const [second, third] = [
      await aChallenge(stores, user, [device]),
      await aChallenge(stores, user, [device]),
    ]
    const say = async (id: ChallengeId, protection: Protection) => {
      const given = anAnswer(user, id, device, { protection })
      const recorded = await stores.challenges.recordAnswer(given, aProof(user, device))
      expect(recorded).toMatchObject({ kind: 'recorded' })
    }
    await say(pending, unguarded)
    expect(await find()).toEqual(unguarded)
    await say(second, { ...everything, revision: 0 })
    expect(await find()).toEqual({ ...everything, revision: 1 })
    await say(third, { ...nothing, revision: 1 })
    expect(await find()).toEqual({ ...nothing, revision: 2 })
  })

  test('by a suspension and its end, each once, whatever others are', async () => {
    const who = { ...user, actor: 'operator' } as const
    await aColleague(stores, user, 'bob')
    await copyTenant(stores, user)
    const others = `user_protections p where (tenant_id, user_id) <> ($1, $2)
      and right(tenant_id, 20) = right($1, 20)`
    const mine = [user.tenantId, user.userId]
    const seen = () =>
      stores.database.query('others_of', `select p::text from ${others} order by 1`, mine)
    const before = await seen()
    const { at: since } = (await stores.suspensions.suspendUser(who)) ?? {}
    const suspended = { ...unguarded, suspendedAt: since, revision: 1 }
    expect(await find()).toEqual(suspended)
    expect(await stores.suspensions.suspendUser(who)).toBeNull()
    expect(await find()).toEqual(suspended)
    expect(await seen()).toEqual(before)
    const suspend = `update user_protections set suspended_at = now()
      where (tenant_id, user_id) in (select tenant_id, user_id from ${others})`
    await stores.database.query('suspend_others', suspend, mine)
    const then = await seen()
    expect(await stores.suspensions.activateUser(who)).not.toBeNull()
    expect(await stores.suspensions.activateUser(who)).toBeNull()
    expect(await find()).toEqual({ ...unguarded, revision: 2 })
    expect(await seen()).toEqual(then)
  })
})

describe('a code that gets in', () => {
  const unlocks = async () =>
    (await toldOf(stores, user)).filter((type) => type === 'push_unlocked').length
  const getIn = async () => {
    const match = { kind: 'recovery_code', id: await makeCode(stores, user) } as const
    expect(await stores.passcodes.attempt(aGuess(user, { match }))).toMatchObject({
      kind: 'accepted',
    })
  }

  test('leaves locks that there are none of, so that what was decided on them still holds', async () => {
    await getIn()
    expect(await find()).toEqual(unguarded)
  })

  test('clears counts without a word, and tells of the lock that it lifts', async () => {
    const counted = { ...unguarded, wrongNumbersInRow: 1, wrongNumbersSinceSuccess: 2 }
    expect(await change(counted)).toBe(true)
    await getIn()
    expect(await find()).toEqual({ ...unguarded, revision: 2 })
    expect(await unlocks()).toBe(0)
    expect(await change({ ...counted, hardLockedAt: at(1), revision: 2 })).toBe(true)
    await getIn()
    expect(await find()).toEqual({ ...unguarded, revision: 4 })
    expect(await unlocks()).toBe(1)
  })
})

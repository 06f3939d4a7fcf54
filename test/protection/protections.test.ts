import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import type { Protection } from '../../src/domain/protection.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { activityTypesOf, challengeOf } from '../challenges/challenge-steps.ts'
import { aGuess, createRecoveryCode } from '../passcodes/code-steps.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  aProof,
  aStoredChallenge,
  aUser,
  freshProtection,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { budgetOf } from './budget-rows.ts'

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
  pending = await aStoredChallenge(stores, user, [device], { budgetKey: 'others' })
})

const at = (day: number) => new Date(Date.UTC(2100, 0, day))
const everything: Omit<Protection, 'revision' | 'pushSignIn'> = {
  wrongNumbersInRow: 1,
  wrongNumbersSinceSuccess: 2,
  lockedUntil: at(1),
  hardLockedAt: at(2),
  reportedUntil: at(3),
  pausedUntil: at(4),
  suspendedAt: at(5),
}
const { revision: _, pushSignIn: __, ...nothing } = freshProtection

const find = async () => (await stores.protections.find(user.tenantId, user.userId))?.protection
const change = (next: Protection) =>
  stores.protections.change(user.tenantId, user.userId, next, [], null)
const about = (type: 'challenge_resent' | 'activity_reported' | 'test_pushed') =>
  activity({ userId: user.userId, type, actor: 'operator' })

/** Every decision based on the locks of a user, here as made on those of this revision. */
const operations: Record<string, (revision: number) => Promise<unknown>> = {
  async 'a new challenge'(revision) {
    const newChallenge = await aNewChallenge(stores, user, [device])
    return stores.challenges.create({ ...newChallenge, protectionRevision: revision }, 'test')
  },
  async 'a repeated push'(protectionRevision) {
    const challenge = await challengeOf(stores, user, pending)
    const budget = { pushes: [], pending: [], unanswered: 0, deniedAt: null, revision: 1 }
    const payment = { resendsLeft: 2, budget, protectionRevision, leasedBy: 'test' }
    return stores.challenges.resend({ challenge, ...payment, activity: about('challenge_resent') })
  },
  'an answer'(revision) {
    const protection = { ...freshProtection, revision }
    const was = { wrongNumbersLeft: 3, protection }
    const recording = anAnswer(user, pending, device, { was, protection })
    return stores.challenges.recordAnswer(recording, aProof(user, device))
  },
  'a change': (revision) => change({ ...freshProtection, revision }),
  'an unlock': (revision) =>
    stores.protections.unlock(user.tenantId, user.userId, { ...freshProtection, revision }, []),
  async 'a report'(revision) {
    const { tenantId, userId } = user
    const activities = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const activityId = activities[0]?.id ?? random.id('activity')
    return stores.reports.reportActivity({
      report: { tenantId, id: random.id('report'), userId, challengeId: pending, activityId },
      by: { kind: 'device', deviceId: device, proof: null },
      protection: { ...freshProtection, revision },
      initiator: { approvedAt: null, blockedUntil: new Date('2100-01-01') },
      activities: [about('activity_reported')],
    })
  },
  'a test push'(protectionRevision) {
    const limits = { gapSeconds: 0, perHourMax: 5, leasedBy: 'test', protectionRevision }
    const push = { ...user, deviceId: device, id: random.id('delivery'), ...limits }
    return stores.testPushes.enqueue({ ...push, activity: about('test_pushed') })
  },
}

describe('a decision on locks that have changed since is not executed', () => {
  test.each(Object.keys(operations))('%s, even where others have such locks', async (name) => {
    await aColleague(stores, user, 'bob')
    await copyTenant(stores, user)
    expect(await change(freshProtection)).toBe('done')
    const readAll = async () => [
      await find(),
      await challengeOf(stores, user, pending),
      await budgetOf(stores, user, 'others'),
    ]
    const before = await readAll()
    for (const revision of [0, 2]) {
      const outcome = await operations[name]?.(revision)
      expect(['changed', null, { kind: 'changed' }]).toContainEqual(outcome)
    }
    expect(await readAll()).toEqual(before)
    const outcome = await operations[name]?.(1)
    expect(['changed', null, { kind: 'changed' }]).not.toContainEqual(outcome)
  })
})

describe('locks and counts are saved as decided, under the next revision', () => {
  test('locks and counts are saved by a change, all of them, and back', async () => {
    expect(await change({ ...everything, pushSignIn: null, revision: 0 })).toBe('done')
    expect(await find()).toEqual({ ...everything, pushSignIn: null, revision: 1 })
    expect(await change({ ...nothing, pushSignIn: null, revision: 1 })).toBe('done')
    expect(await find()).toEqual({ ...nothing, pushSignIn: null, revision: 2 })
  })

  test('locks and counts are saved by an answer that changes them, and by no other', async () => {
    const [second, third] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device]),
    ]
    const sendAnswer = async (id: ChallengeId, protection: Protection) => {
      const recording = anAnswer(user, id, device, { protection })
      const outcome = await stores.challenges.recordAnswer(recording, aProof(user, device))
      expect(outcome).toMatchObject({ kind: 'recorded' })
    }
    await sendAnswer(pending, freshProtection)
    expect(await find()).toEqual(freshProtection)
    await sendAnswer(second, { ...everything, pushSignIn: null, revision: 0 })
    expect(await find()).toEqual({ ...everything, pushSignIn: null, revision: 1 })
    await sendAnswer(third, { ...nothing, pushSignIn: null, revision: 1 })
    expect(await find()).toEqual({ ...nothing, pushSignIn: null, revision: 2 })
  })

  test('a suspension and its end are saved, each once, whatever others have', async () => {
    const who = { ...user, actor: 'operator' } as const
    await aColleague(stores, user, 'bob')
    await copyTenant(stores, user)
    const others = `user_protections p where (tenant_id, user_id) <> ($1, $2)
      and right(tenant_id, 20) = right($1, 20)`
    const mine = [user.tenantId, user.userId]
    const readOthers = () =>
      stores.database.query('others_of', `select p::text from ${others} order by 1`, mine)
    const before = await readOthers()
    const { at: since } = (await stores.suspensions.suspendUser(who)) ?? {}
    const suspendedState = { ...freshProtection, suspendedAt: since, revision: 1 }
    expect(await find()).toEqual(suspendedState)
    expect(await stores.suspensions.suspendUser(who)).toBeNull()
    expect(await find()).toEqual(suspendedState)
    expect(await readOthers()).toEqual(before)
    const suspend = `update user_protections set suspended_at = now()
      where (tenant_id, user_id) in (select tenant_id, user_id from ${others})`
    await stores.database.query('suspend_others', suspend, mine)
    const then = await readOthers()
    expect(await stores.suspensions.activateUser(who)).not.toBeNull()
    expect(await stores.suspensions.activateUser(who)).toBeNull()
    expect(await find()).toEqual({ ...freshProtection, revision: 2 })
    expect(await readOthers()).toEqual(then)
  })
})

describe('a code that signs in', () => {
  const unlocks = async () =>
    (await activityTypesOf(stores, user)).filter((type) => type === 'push_unlocked').length
  const signIn = async () => {
    const match = { kind: 'recovery_code', id: await createRecoveryCode(stores, user) } as const
    expect(await stores.passcodes.attempt(aGuess(user, { match }))).toMatchObject({
      kind: 'accepted',
    })
  }

  test('leaves the revision without locks, so that earlier decisions are valid', async () => {
    await signIn()
    expect(await find()).toEqual(freshProtection)
  })

  test('clears counts without a record, and records the lock that it lifts', async () => {
    const protectionWithCounts = {
      ...freshProtection,
      wrongNumbersInRow: 1,
      wrongNumbersSinceSuccess: 2,
    }
    expect(await change(protectionWithCounts)).toBe('done')
    await signIn()
    expect(await find()).toEqual({ ...freshProtection, revision: 2 })
    expect(await unlocks()).toBe(0)
    expect(await change({ ...protectionWithCounts, hardLockedAt: at(1), revision: 2 })).toBe('done')
    await signIn()
    expect(await find()).toEqual({ ...freshProtection, revision: 4 })
    expect(await unlocks()).toBe(1)
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { activityTypesOf } from '../challenges/challenge-steps.ts'
import { aGuess, aPasscode, createRecoveryCode, stepNow } from '../passcodes/code-steps.ts'
import { repetitions } from '../support/endurance.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anEnrollment,
  aProof,
  aStoredChallenge,
  aUser,
  beginOn,
  freshProtection,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { until } from '../support/until.ts'

let stores: Stores
let company: TestUser
let user: TestUser
beforeAll(async () => {
  stores = await openStores()
  company = await aUser(stores)
})
beforeEach(async () => {
  user = await aColleague(stores, company, thumbprint())
})
afterAll(() => stores.close())

const command = () => ({ tenantId: user.tenantId, userId: user.userId, actor: 'operator' }) as const
const suspend = () => stores.suspensions.suspendUser(command())
const activate = () => stores.suspensions.activateUser(command())
const statusOf = async () => (await stores.users.find(user.tenantId, user.userId))?.status
const guard = async () => (await stores.protections.find(user.tenantId, user.userId))?.protection
const statuses = () =>
  stores.database.query<{ status: string; n: number }>(
    'statuses_of_user',
    `select status, count(*)::int as n from challenges where tenant_id = $1 and user_id = $2
     group by status order by status`,
    [user.tenantId, user.userId],
  )

describe('a suspended user', () => {
  test('keeps devices and locks, and is unchanged after reactivation', async () => {
    const id = await aDevice(stores, user)
    const before = await stores.devices.findKnown(user.tenantId, id)
    expect(await suspend()).toMatchObject({ at: expect.any(Date), endedChallenges: [] })
    expect(await statusOf()).toBe('suspended')
    expect(await stores.devices.findKnown(user.tenantId, id)).toEqual(before)
    expect(await activate()).toMatchObject({ at: expect.any(Date) })
    expect(await statusOf()).toBe('active')
    expect(await guard()).toEqual({ ...freshProtection, revision: 2 })
    expect((await activityTypesOf(stores, user)).slice(0, 2)).toEqual([
      'user_activated',
      'user_suspended',
    ])
  })

  test('a suspended user gets no new challenge, and the pending ones are over', async () => {
    const id = await aDevice(stores, user)
    const newChallenge = await aNewChallenge(stores, user, [id])
    const challengeId = await aStoredChallenge(stores, user, [id])
    expect(await suspend()).toMatchObject({ endedChallenges: [challengeId] })
    expect(await stores.challenges.create(newChallenge, 'test')).toBe('changed')
    const answer = await stores.challenges.recordAnswer(
      anAnswer(user, challengeId, id),
      aProof(user, id),
    )
    expect(answer).toEqual({ kind: 'changed' })
    expect(await statuses()).toEqual([{ status: 'cancelled', n: 1 }])
    const [row] = await stores.database.query<{ n: number }>(
      'still_counted',
      `select count(*)::int as n from initiators
       where tenant_id = $1 and user_id = $2 and pending <> '{}'`,
      [user.tenantId, user.userId],
    )
    expect(row?.n).toBe(0)
  })

  test('signs in with no code until the suspension ends, and no attempt is charged', async () => {
    const device = await aDevice(stores, user)
    const code = await createRecoveryCode(stores, user)
    const step = await stepNow(stores)
    await suspend()
    const attempts = [
      aPasscode(user, device, step),
      aGuess(user, { match: { kind: 'recovery_code', id: code } }),
      ...Array.from({ length: 10 }, () => aGuess(user)),
    ]
    for (const one of attempts) {
      expect(await stores.passcodes.attempt(one)).toEqual({ kind: 'suspended' })
    }
    await activate()
    expect(await stores.passcodes.attempt(aGuess(user))).toEqual({ kind: 'failed' })
    expect(await stores.passcodes.attempt(aPasscode(user, device, step))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('gets no new device: open or claimed enrollments are void, and none is opened', async () => {
    const openEnrollment = await anEnrollment(stores, user)
    const claim = aClaim(await anEnrollment(stores, user, { confirmationRequired: true }), {
      numberSealed: Buffer.alloc(40),
    })
    await stores.enrollments.claim(claim)
    const suspension = await suspend()
    expect(new Set(suspension?.endedEnrollments)).toEqual(
      new Set([openEnrollment.id, claim.device.enrollmentId]),
    )
    for (const id of suspension?.endedEnrollments ?? []) {
      const record = await stores.enrollments.find(user.tenantId, id)
      expect(record?.enrollment).toMatchObject({ status: 'void', reason: 'user_suspended' })
    }
    expect(await stores.enrollments.claim(aClaim(openEnrollment))).toEqual({ kind: 'not_open' })
    expect(await stores.devices.find(user.tenantId, claim.device.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    await expect(anEnrollment(stores, user)).rejects.toThrow('the user is suspended')
  })

  test('a suspended user cannot have a device enroll the next phone', async () => {
    const id = await aDevice(stores, user)
    await suspend()
    const enrollmentId = systemRandom.id('enrollment')
    const newEnrollment = {
      ...user,
      id: enrollmentId,
      codeAttemptsLeft: 5,
      wrongNumbersLeft: 3,
      confirmationRequired: true,
      replacesDeviceId: null,
      parentDeviceId: null,
      openedByDeviceId: id,
      openedBySessionId: null,
      codeHash: Buffer.from(thumbprint()),
      typedCodeHash: Buffer.from(thumbprint()),
      ttlSeconds: 60,
      activity: activity({ userId: user.userId, type: 'enrollment_opened', actor: 'operator' }),
    }
    expect(await stores.enrollments.createByDevice(newEnrollment, aProof(user, id))).toBe(
      'user_suspended',
    )
    await activate()
    expect(await stores.enrollments.createByDevice(newEnrollment, aProof(user, id))).toMatchObject({
      id: enrollmentId,
    })
  })

  test('is out of the portal: sessions end, links are worthless, and none is created', async () => {
    const { tenantId, userId, rpId } = user
    const linkActivity = activity({ userId, type: 'portal_link_made', actor: 'operator' })
    const createLink = (linkHash: Buffer) =>
      stores.portal.createLink(
        {
          tenantId,
          userId,
          rpId,
          id: systemRandom.id('portalSession'),
          linkHash,
          linkScopes: [],
          linkSeconds: 60,
        },
        linkActivity,
      )
    const hashes = Array.from({ length: 4 }, () => Buffer.from(thumbprint()))
    const [openedHash, unopenedHash, third, session] = hashes as [Buffer, Buffer, Buffer, Buffer]
    await createLink(openedHash)
    await createLink(unopenedHash)
    await stores.portal.open(tenantId, openedHash, { hash: session, seconds: 60 })
    expect(await stores.portal.find(tenantId, session)).not.toBeNull()
    await suspend()
    expect(await stores.portal.find(tenantId, session)).toBeNull()
    const fresh = { hash: Buffer.from(thumbprint()), seconds: 60 }
    expect(await stores.portal.open(tenantId, unopenedHash, fresh)).toBeNull()
    expect(await createLink(third)).toBeNull()
    await activate()
    expect(await stores.portal.find(tenantId, session)).toBeNull()
    expect(await stores.portal.open(tenantId, unopenedHash, fresh)).toBeNull()
  })
})

describe('suspending a user', () => {
  test('suspending a user happens once of 50 at the same time, and is reversed once', async () => {
    const suspensions = await Promise.all(Array.from({ length: 50 }, suspend))
    expect(suspensions.filter((one) => one !== null)).toHaveLength(1)
    const activations = await Promise.all(Array.from({ length: 50 }, activate))
    expect(activations.filter((one) => one !== null)).toHaveLength(1)
  })

  test('waits for a creation under way, and cancels what it created', async () => {
    const id = await aDevice(stores, user)
    const challengeId = await aStoredChallenge(stores, user, [id])
    await stores.database.query(
      'test_take_away',
      `update challenges set status = 'cancelled', decided_at = clock_timestamp(),
         number_sealed = null where id = $1`,
      [challengeId],
    )
    const creating = await beginOn(stores)
    const lockProtection = 'select 1 from user_protections where user_id = $1 for share'
    await creating.query(lockProtection, [user.userId])
    const suspending = suspend()
    await until('the suspension waits', async () => (await lockWaiters(stores)) === 1)
    // As if it were created only now: after the suspension has begun.
    await creating.query(
      `update challenges set status = 'pending', decided_at = null where id = $1`,
      [challengeId],
    )
    await creating.commit()
    expect(await suspending).toMatchObject({ endedChallenges: [challengeId] })
  })

  test.each(bothPaths)(
    'suspending a user leaves nothing pending of 50 concurrent creations, %s',
    async (_, on) => {
      const { challenges } = on(stores)
      const id = await aDevice(stores, user)
      const newChallenges = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const one = await aNewChallenge(stores, user, [id])
          return {
            ...one,
            challenge: { ...one.challenge, budgetKey: `budget ${n}` },
          }
        }),
      )
      const create = async (one: (typeof newChallenges)[number], n: number) => {
        for (let round = 0; round < n % 5; round++) await guard()
        return challenges.create(one, 'test')
      }
      const [suspension, ...creations] = await Promise.all([
        suspend(),
        ...newChallenges.map(create),
      ])
      expect(suspension).not.toBeNull()
      const createdCount = creations.filter((one) => one === 'done').length
      expect(await statuses()).toEqual(
        createdCount === 0 ? [] : [{ status: 'cancelled', n: createdCount }],
      )
      expect(suspension?.endedChallenges).toHaveLength(createdCount)
    },
  )

  const rounds = repetitions({ usual: 6, nightly: 50 })
  test.each(bothPaths)(
    'suspending a user lets no approval commit after it returned, %s',
    async (_, on) => {
      const { challenges } = on(stores)
      const race = async () => {
        const racer = await aColleague(stores, company, thumbprint())
        const { tenantId, userId } = racer
        const id = await aDevice(stores, racer)
        const challengeId = await aStoredChallenge(stores, racer, [id])
        const send = () =>
          challenges.recordAnswer(anAnswer(racer, challengeId, id), aProof(racer, id))
        const answering = async (_: unknown, at: number) => {
          for (let round = 0; round < at; round++) await stores.protections.find(tenantId, userId)
          return send()
        }
        const about = { tenantId, userId, actor: 'operator' } as const
        await Promise.all([
          stores.suspensions.suspendUser(about),
          ...Array.from({ length: 4 }, answering),
        ])
        const [row] = await stores.database.query<{ late: boolean; pending: boolean; ok: boolean }>(
          'decided_after_user_suspension',
          `select c.status = 'approved' and c.decided_at > p.suspended_at as late,
           c.status = 'pending' as pending, c.status = 'approved' as ok
         from challenges c join user_protections p
           on p.tenant_id = c.tenant_id and p.user_id = c.user_id
         where c.tenant_id = $1 and c.id = $2`,
          [tenantId, challengeId],
        )
        expect(row).toMatchObject({ late: false, pending: false })
        expect(await send()).toEqual({ kind: 'changed' })
        return row?.ok === true
      }
      const approvals: boolean[] = []
      for (let round = 0; round < rounds; round++) {
        approvals.push(...(await Promise.all(Array.from({ length: 10 }, race))))
      }
      expect(approvals).toContain(true)
    },
    60_000,
  )
})

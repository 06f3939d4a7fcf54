import { describe, expect } from 'vitest'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { repetitions } from '../support/endurance.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anEnrollment,
  anyRequest,
  aProof,
  aStoredChallenge,
  beginOn,
  lockWaiters,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { userTest } from '../support/world-test.ts'

/** What is done to the devices of the user. */
function devicesOf(stores: Stores, user: TestUser) {
  const command = (deviceId: DeviceId) => {
    const { tenantId, userId } = user
    return { tenantId, userId, deviceId, actor: 'operator' } as const
  }
  const suspend = (id: DeviceId) => stores.suspensions.suspendDevice(command(id))
  const activate = (id: DeviceId) => stores.suspensions.activateDevice(command(id))
  const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
  const send = (challengeId: ChallengeId, id: DeviceId) =>
    stores.challenges.recordAnswer(anAnswer(user, challengeId, id), aProof(user, id))
  const challenge = async (id: ChallengeId) =>
    (await stores.challenges.find(user.tenantId, user.rpId, id))?.challenge
  return { command, suspend, activate, find, send, challenge }
}

const test = userTest.extend('scene', ({ stores, user }) => devicesOf(stores, user))

const page = { limit: 100, before: null }

describe('a suspended device', () => {
  test('keeps its keys and its push token, and is unchanged when it is active again', async ({
    stores,
    user,
    scene,
  }) => {
    const id = await aDevice(stores, user)
    const before = await stores.devices.findKnown(user.tenantId, id)
    expect(await scene.suspend(id)).toMatchObject({ at: expect.any(Date), endedChallenges: [] })
    expect(await scene.find(id)).toMatchObject({
      status: 'suspended',
      suspendedAt: expect.any(Date),
      hasPushToken: true,
    })
    expect(await scene.activate(id)).toMatchObject({ at: expect.any(Date) })
    expect(await stores.devices.findKnown(user.tenantId, id)).toEqual(before)
    const activities = await stores.activities.list(user.tenantId, user.userId, page)
    expect(activities.slice(0, 2)).toMatchObject([
      { type: 'device_activated', deviceId: id },
      { type: 'device_suspended', deviceId: id, details: { name: 'Phone' } },
    ])
  })

  test('a suspended device is asked nothing and pushed nothing', async ({
    stores,
    user,
    scene,
  }) => {
    const [id, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const newChallenge = await aNewChallenge(stores, user, [id, other])
    const challengeId = await aStoredChallenge(stores, user, [id, other])
    await scene.suspend(id)
    expect(await stores.challenges.create(newChallenge, 'test')).toBe('changed')
    const facts = await stores.challenges.loadCreation({
      ...user,
      namespaces: ['default'],
      user: { id: user.userId },
      idempotencyKey: null,
      ...anyRequest,
    })
    expect(facts.devices.map((device) => device.id)).toEqual([other])
    await stores.database.query(
      'free_all',
      `update deliveries set leased_until = null, due_at = clock_timestamp() where tenant_id = $1`,
      [user.tenantId],
    )
    const due = await stores.deliveries.claim('test', 100)
    const ofMine = due.filter((push) => push.challengeId === challengeId)
    expect(ofMine.map((push) => push.deviceId)).toEqual([other])
  })

  test('ends the challenges that have no other active device, and leaves the others', async ({
    stores,
    user,
    scene,
  }) => {
    const [id, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const alone = await aStoredChallenge(stores, user, [id])
    const both = await aStoredChallenge(stores, user, [id, other])
    expect(await scene.suspend(id)).toMatchObject({ endedChallenges: [alone] })
    expect(await scene.challenge(alone)).toMatchObject({
      status: 'denied',
      reason: 'no_device_left',
    })
    expect(await scene.challenge(both)).toMatchObject({ status: 'pending' })
    expect(await scene.send(both, id)).toEqual({ kind: 'device_not_active' })
    await scene.activate(id)
    expect(await scene.send(both, id)).toMatchObject({ kind: 'recorded' })
  })

  test('returns the places of the challenges that it ended to their budgets', async ({
    stores,
    user,
    scene,
  }) => {
    const id = await aDevice(stores, user)
    const alone = await aStoredChallenge(stores, user, [id])
    const pendingPlaces = () =>
      stores.database.query<{ pending: object }>(
        'held_places',
        'select pending from initiators where tenant_id = $1 and user_id = $2 and pending ? $3',
        [user.tenantId, user.userId, alone],
      )
    await stores.database.query(
      'take_place',
      `update initiators set pending = jsonb_build_object($3::text, 1)
       where tenant_id = $1 and user_id = $2`,
      [user.tenantId, user.userId, alone],
    )
    expect(await pendingPlaces()).toHaveLength(1)
    await scene.suspend(id)
    expect(await scene.challenge(alone)).toMatchObject({ reason: 'no_device_left' })
    expect(await pendingPlaces()).toEqual([])
  })

  test('counts towards the device limit, so that it can always become active again', async ({
    stores,
    user,
    scene,
  }) => {
    const id = await aDevice(stores, user)
    await scene.suspend(id)
    const enrollment = await anEnrollment(stores, user)
    expect(await stores.enrollments.claim(aClaim(enrollment, { devicesPerUserMax: 1 }))).toEqual({
      kind: 'too_many_devices',
    })
  })

  test('can be unregistered permanently, and then never becomes active', async ({
    stores,
    user,
    scene,
  }) => {
    const id = await aDevice(stores, user)
    await scene.suspend(id)
    const { tenantId, userId } = user
    const about = { tenantId, userId, deviceIds: [id], reason: 'lost', actor: 'operator' } as const
    expect(await stores.devices.unregister(about)).toMatchObject({ devices: [{ id }] })
    expect(await scene.activate(id)).toBeNull()
    expect(await scene.find(id)).toMatchObject({ status: 'unregistered', suspendedAt: null })
  })

  test('a suspended device unregisters nobody with a proof that was verified before', async ({
    stores,
    user,
    scene,
  }) => {
    const [id, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const proof = aProof(user, id)
    await scene.suspend(id)
    const { tenantId, userId } = user
    const about = { tenantId, userId, deviceIds: [other], actor: `device:${id}` } as const
    expect(await stores.devices.unregisterWithProof({ ...about, reason: 'lost' }, proof)).toEqual({
      devices: [],
      endedChallenges: [],
    })
    expect(await scene.find(other)).toMatchObject({ status: 'active' })
  })
})

describe('suspending a device', () => {
  test('suspending twice changes nothing, nor does activating an active device', async ({
    stores,
    user,
    scene,
  }) => {
    const id = await aDevice(stores, user)
    expect(await scene.activate(id)).toBeNull()
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => scene.suspend(id)))
    expect(outcomes.filter((one) => one !== null)).toHaveLength(1)
    const again = await Promise.all(Array.from({ length: 50 }, () => scene.activate(id)))
    expect(again.filter((one) => one !== null)).toHaveLength(1)
  })

  test('makes no unconfirmed device active, and touches nobody else’s', async ({
    stores,
    user,
    scene,
  }) => {
    const enrollment = await anEnrollment(stores, user, { confirmationRequired: true })
    const claim = aClaim(enrollment, { numberSealed: Buffer.alloc(40) })
    await stores.enrollments.claim(claim)
    expect(await scene.suspend(claim.device.id)).toBeNull()
    expect(await scene.activate(claim.device.id)).toBeNull()
    const colleague = await aColleague(stores, user, 'bob')
    expect(await scene.suspend(await aDevice(stores, colleague))).toBeNull()
    expect(await scene.suspend(systemRandom.id('device'))).toBeNull()
  })

  test('suspending a device waits for an answer under way', async ({ stores, user, scene }) => {
    const id = await aDevice(stores, user)
    const answering = await beginOn(stores)
    await answering.query('select 1 from devices where id = $1 for share', [id])
    const suspending = scene.suspend(id)
    await until('the suspension waits', async () => (await lockWaiters(stores)) === 1)
    expect(await scene.find(id)).toMatchObject({ status: 'active' })
    await answering.commit()
    expect(await suspending).not.toBeNull()
  })

  const rounds = repetitions({ usual: 10, nightly: 50 })
  test.for(bothPaths)(
    'suspending a device lets no answer commit after it returned, %s',
    async ([, on], { stores, user }) => {
      const scene = devicesOf(on(stores), user)
      const otherDevice = await aDevice(stores, user)
      const kinds = new Set<string>()
      const race = async () => {
        const id = await aDevice(stores, user, { devicesPerUserMax: 1000 })
        const challengeId = await aStoredChallenge(stores, user, [id, otherDevice])
        // A suspension takes several round trips, so concurrent answers win: some start later.
        const answering = async (_: unknown, at: number) => {
          for (let round = 0; round < at; round++) await scene.find(id)
          return scene.send(challengeId, id)
        }
        const [, ...answers] = await Promise.all([
          scene.suspend(id),
          ...Array.from({ length: 10 }, answering),
        ])
        for (const { kind } of answers) kinds.add(kind)
        const [row] = await stores.database.query<{ late: boolean }>(
          'decided_after_suspension',
          `select coalesce(c.decided_at > d.suspended_at, false) as late
         from challenges c join devices d on d.tenant_id = c.tenant_id and d.id = $2
         where c.tenant_id = $1 and c.id = $3`,
          [user.tenantId, id, challengeId],
        )
        expect(row?.late).toBe(false)
        expect(await scene.send(challengeId, id)).toEqual({ kind: 'device_not_active' })
      }
      for (let round = 0; round < rounds; round++) {
        await Promise.all(Array.from({ length: 10 }, race))
      }
      expect([...kinds]).toEqual(expect.arrayContaining(['recorded', 'device_not_active']))
    },
  )
})

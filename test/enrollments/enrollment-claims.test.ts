import { describe, expect } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId, EnrollmentId } from '../../src/domain/ids.ts'
import { onServer } from '../support/cluster.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  aKey,
  anEnrollment,
  aUser,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'
import { anUnconfirmedDevice, kindsOf, readEnrollment, runOut, times } from './enrollment-steps.ts'

/** Enrollments of the user, and their devices. */
function claimsOf(stores: Stores, user: TestUser) {
  const read = (id: EnrollmentId) => readEnrollment(stores, user, id)
  const devices = () => stores.devices.listOfUser(user.tenantId, user.userId)
  /** Delays every row of such writes, so that two writers overlap. */
  async function slow(writing: string) {
    const run = (text: string) => onServer(stores.url, (client) => client.query(text))
    await run(`create or replace function wait_a_little() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.05); return new; end $$`)
    await run(`create trigger slow before ${writing} for each row execute function wait_a_little()`)
    return { end: () => run(`drop trigger slow ${writing.slice(writing.indexOf('on'))}`) }
  }
  const keysOf = (deviceId: DeviceId) =>
    stores.database.query('keys_of', 'select kid from device_keys where device_id = $1', [deviceId])

  async function refusedWith(keys: ReturnType<typeof aKey>[]) {
    const enrollment = await anEnrollment(stores, user)
    const before = await devices()
    const claim = aClaim(enrollment, { keys })
    expect(await stores.enrollments.claim(claim)).toEqual({ kind: 'key_already_registered' })
    expect(await devices()).toEqual(before)
    expect(await keysOf(claim.device.id)).toEqual([])
    expect(await read(enrollment.id)).toMatchObject({
      status: 'open',
      deviceId: null,
      number: null,
    })
    expect(await stores.enrollments.claim(aClaim(enrollment))).toMatchObject({ kind: 'claimed' })
  }
  return { read, devices, slow, keysOf, refusedWith }
}

const test = userTest.extend('scene', ({ stores, user }) => claimsOf(stores, user))

describe('a code enrolls one device', () => {
  test('100 parallel claims of one code create exactly one device', async ({
    stores,
    user,
    scene,
  }) => {
    const enrollment = await anEnrollment(stores, user)
    const outcomes = await times(100, () => stores.enrollments.claim(aClaim(enrollment)))
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, not_open: 99 })
    expect(await scene.devices()).toHaveLength(1)
    expect(await scene.read(enrollment.id)).toMatchObject({ status: 'completed' })
  })

  test('30 parallel claims of different codes never exceed a user’s device limit', async ({
    stores,
    user,
    scene,
  }) => {
    const enrollments = await times(30, () => anEnrollment(stores, user))
    const outcomes = await Promise.all(
      enrollments.map((one) => stores.enrollments.claim(aClaim(one, { devicesPerUserMax: 7 }))),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 7, too_many_devices: 23 })
    expect(await scene.devices()).toHaveLength(7)
  })

  test('a claim that is refused for too many devices leaves the code open', async ({
    stores,
    user,
    scene,
  }) => {
    await aDevice(stores, user)
    const enrollment = await anEnrollment(stores, user)
    const claim = aClaim(enrollment, { devicesPerUserMax: 1 })
    expect(await stores.enrollments.claim(claim)).toEqual({ kind: 'too_many_devices' })
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'open',
      deviceId: null,
      claimedAt: null,
    })
    const roomier = { ...claim, devicesPerUserMax: 2 }
    expect(await stores.enrollments.claim(roomier)).toMatchObject({ kind: 'claimed' })
  })

  test('a device that waits for its number counts until its enrollment has expired', async ({
    stores,
    user,
  }) => {
    const { enrollment } = await anUnconfirmedDevice(stores, user)
    const next = await anEnrollment(stores, user)
    const claim = aClaim(next, { devicesPerUserMax: 1 })
    expect(await stores.enrollments.claim(claim)).toEqual({ kind: 'too_many_devices' })
    await runOut(stores, enrollment)
    expect(await stores.enrollments.claim(claim)).toMatchObject({ kind: 'claimed' })
  })

  test('no code can be claimed after its time', async ({ stores, user, scene }) => {
    const enrollment = await anEnrollment(stores, user)
    await runOut(stores, enrollment)
    expect(await stores.enrollments.claim(aClaim(enrollment))).toEqual({ kind: 'not_open' })
    expect(await scene.devices()).toEqual([])
  })

  test('a claim records its activities in the same transaction', async ({ stores, user }) => {
    const enrollment = await anEnrollment(stores, user)
    const claim = aClaim(enrollment)
    const event = activity({
      userId: user.userId,
      type: 'enrollment_claimed',
      actor: `device:${claim.device.id}`,
      deviceId: claim.device.id,
      enrollmentId: enrollment.id,
    })
    await stores.enrollments.claim({ ...claim, activities: [event] })
    const [latest] = await stores.activities.list(user.tenantId, user.userId, {
      limit: 1,
      before: null,
    })
    expect(latest).toMatchObject({
      type: 'enrollment_claimed',
      deviceId: claim.device.id,
      enrollmentId: enrollment.id,
    })
  })
})

describe('a key belongs to one device', () => {
  test('a possession key of another device is refused and leaves nothing behind', async ({
    stores,
    user,
    scene,
  }) => {
    const key = aKey()
    await aDevice(stores, user, { keys: [key] })
    await scene.refusedWith([key])
  })

  test('a possession key that is another device’s verification key is refused', async ({
    stores,
    user,
    scene,
  }) => {
    const key = aKey('verification')
    await aDevice(stores, user, { keys: [aKey(), key] })
    await scene.refusedWith([{ ...key, role: 'possession' }])
  })

  test('another device’s verification key is refused with the new possession key', async ({
    stores,
    user,
    scene,
  }) => {
    const key = aKey()
    await aDevice(stores, user, { keys: [key] })
    await scene.refusedWith([aKey(), { ...key, role: 'verification' }])
  })

  test('a key of another tenant’s device is refused', async ({ stores, scene }) => {
    const key = aKey()
    await aDevice(stores, await aUser(stores), { keys: [key] })
    await scene.refusedWith([key])
  })

  test('a key of an unregistered device is refused permanently', async ({
    stores,
    user,
    scene,
  }) => {
    const key = aKey()
    const deviceId = await aDevice(stores, user, { keys: [key] })
    const { tenantId, userId } = user
    const command = {
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'lost',
      actor: 'operator',
    } as const
    await stores.devices.unregister(command)
    await scene.refusedWith([key])
  })

  test('of parallel claims with one key one gets it', async ({ stores, user }) => {
    const key = aKey()
    const enrollments = await times(10, () => anEnrollment(stores, user))
    const outcomes = await Promise.all(
      enrollments.map((one) => stores.enrollments.claim(aClaim(one, { keys: [key] }))),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, key_already_registered: 9 })
  })

  test('concurrent claims that swap their keys are refused, not deadlocked', async ({
    scene,
    stores,
    user,
  }) => {
    const slowly = await scene.slow('insert on device_keys')
    const others = await times(4, (index) => aColleague(stores, user, `swapper-${index}`))
    const enrollments = await Promise.all(others.map((other) => anEnrollment(stores, other)))
    const [one, two] = [aKey(), aKey()]
    const outcomes = await Promise.all(
      enrollments.map((enrollment, index) => {
        const [first, second] = index % 2 === 0 ? [one, two] : [two, one]
        const keys = [first, { ...second, role: 'verification' as const }]
        return stores.enrollments.claim(aClaim(enrollment, { keys }))
      }),
    )
    await slowly.end()
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, key_already_registered: 3 })
  })
})

import { describe, expect } from 'vitest'
import { confirmEnrollment, type Enrollment } from '../../src/domain/enrollment.ts'
import type { DeviceId, EnrollmentId } from '../../src/domain/ids.ts'
import {
  aClaim,
  aDevice,
  anEnrollment,
  aProof,
  aStoredChallenge,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'
import {
  anUnconfirmedDevice,
  confirm,
  kindsOf,
  numberSealed,
  readEnrollment,
  runOut,
  times,
} from './enrollment-steps.ts'

/** Enrollments of the user, and their devices. */
function confirmationOf(stores: Stores, user: TestUser) {
  const read = (id: EnrollmentId) => readEnrollment(stores, user, id)
  const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
  async function statusOf(id: DeviceId) {
    return (await find(id))?.status
  }
  return { read, find, statusOf }
}

const test = userTest.extend('scene', ({ stores, user }) => confirmationOf(stores, user))

const right = (enrollment: Enrollment) => confirmEnrollment(enrollment.wrongNumbersLeft, true)
const wrong = (enrollment: Enrollment) => confirmEnrollment(enrollment.wrongNumbersLeft, false)

describe('the number confirms a new device', () => {
  test('a right number activates the device, completes the enrollment, is erased', async ({
    stores,
    user,
    scene,
  }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    expect(enrollment).toMatchObject({ status: 'claimed', deviceId, number: numberSealed })
    expect(await scene.statusOf(deviceId)).toBe('unconfirmed')
    expect(await confirm(stores, user, enrollment, right(enrollment))).toEqual({
      kind: 'recorded',
      unregistration: null,
    })
    expect(await scene.find(deviceId)).toMatchObject({
      status: 'active',
      activatedAt: expect.any(Date),
    })
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'completed',
      number: null,
      wrongNumbersLeft: 3,
    })
  })

  test('three wrong numbers void the enrollment and unregister the device', async ({
    stores,
    user,
    scene,
  }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    for (const attemptsLeft of [2, 1]) {
      const now = await scene.read(enrollment.id)
      expect(await confirm(stores, user, now, wrong(now))).toMatchObject({ kind: 'recorded' })
      expect(await scene.read(enrollment.id)).toMatchObject({
        status: 'claimed',
        wrongNumbersLeft: attemptsLeft,
      })
      expect(await scene.statusOf(deviceId)).toBe('unconfirmed')
    }
    const last = await scene.read(enrollment.id)
    expect(await confirm(stores, user, last, wrong(last))).toMatchObject({ kind: 'recorded' })
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'void',
      reason: 'number_tries_used_up',
      wrongNumbersLeft: 0,
      number: null,
    })
    expect(await scene.find(deviceId)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    expect(await confirm(stores, user, last, right(last))).toEqual({ kind: 'changed' })
    expect(await scene.statusOf(deviceId)).toBe('unregistered')
  })

  test('parallel confirmations count each attempt once', async ({ stores, user, scene }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    for (const attemptsLeft of [2, 1, 0]) {
      const now = await scene.read(enrollment.id)
      const outcomes = await times(10, () => confirm(stores, user, now, wrong(now)))
      expect(kindsOf(outcomes)).toEqual({ recorded: 1, changed: 9 })
      expect(await scene.read(enrollment.id)).toMatchObject({ wrongNumbersLeft: attemptsLeft })
    }
    expect(await scene.statusOf(deviceId)).toBe('unregistered')
  })

  test('concurrent right and wrong numbers leave one of the two outcomes, whole', async ({
    stores,
    user,
    scene,
  }) => {
    for (let round = 0; round < 20; round++) {
      const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
      const [first] = await Promise.all([
        confirm(stores, user, enrollment, right(enrollment)),
        confirm(stores, user, enrollment, wrong(enrollment)),
      ])
      const expectedStates =
        first.kind === 'recorded'
          ? [{ status: 'completed', wrongNumbersLeft: 3 }, 'active']
          : [{ status: 'claimed', wrongNumbersLeft: 2 }, 'unconfirmed']
      expect(await scene.read(enrollment.id)).toMatchObject(expectedStates[0] as object)
      expect(await scene.statusOf(deviceId)).toBe(expectedStates[1])
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'admin', actor: 'operator' } as const
      await stores.devices.unregister(all)
    }
  })

  test('a proof confirms once', async ({ stores, user, scene }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    const proof = aProof(user, deviceId)
    expect(await confirm(stores, user, enrollment, wrong(enrollment), proof)).toMatchObject({
      kind: 'recorded',
    })
    const now = await scene.read(enrollment.id)
    expect(await confirm(stores, user, now, right(now), proof)).toEqual({ kind: 'proof_replayed' })
    expect(await scene.statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms after the enrollment has expired', async ({ stores, user, scene }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    await runOut(stores, enrollment)
    expect(await confirm(stores, user, enrollment, right(enrollment))).toEqual({ kind: 'changed' })
    expect(await scene.statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms a device that was unregistered meanwhile', async ({
    stores,
    user,
    scene,
  }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    const { tenantId, userId } = user
    const command = {
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'stolen',
      actor: 'operator',
    } as const
    await stores.devices.unregister(command)
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'void',
      reason: 'device_unregistered',
      number: null,
    })
    expect(await confirm(stores, user, enrollment, right(enrollment))).toEqual({ kind: 'changed' })
    expect(await scene.statusOf(deviceId)).toBe('unregistered')
  })

  test('unregistering all devices during the confirmation leaves no live device', async ({
    stores,
    user,
    scene,
  }) => {
    for (let round = 0; round < 20; round++) {
      const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'lost', actor: 'operator' } as const
      await Promise.all([
        confirm(stores, user, enrollment, right(enrollment)),
        stores.devices.unregister(all),
      ])
      expect(await scene.statusOf(deviceId)).toBe('unregistered')
    }
  })

  test('a device waits for its own enrollment only', async ({ stores, user }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    const record = await stores.enrollments.findForConfirmation(user.tenantId, deviceId)
    expect(record).toMatchObject({ enrollment: { id: enrollment.id }, numberSealed })
    const active = await aDevice(stores, user)
    expect(await stores.enrollments.findForConfirmation(user.tenantId, active)).toBeNull()
  })
})

describe('a replaced device', () => {
  test('a replaced device is unregistered in the commit that confirms the new one', async ({
    stores,
    user,
    scene,
  }) => {
    const old = await aDevice(stores, user)
    const challengeId = await aStoredChallenge(stores, user, [old])
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user, {
      replacesDeviceId: old,
    })
    expect(await scene.statusOf(old)).toBe('active')
    const outcome = await confirm(stores, user, enrollment, right(enrollment))
    expect(outcome).toMatchObject({
      kind: 'recorded',
      unregistration: { devices: [{ id: old }], endedChallenges: [challengeId] },
    })
    expect(await scene.find(old)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'replaced',
    })
    const commits = await stores.database.query(
      'commits',
      'select distinct xmin::text from devices where tenant_id = $1 and id = any($2::text[])',
      [user.tenantId, [old, deviceId]],
    )
    expect(commits).toHaveLength(1)
  })

  test('a replaced device is unregistered by a claim without confirmation', async ({
    stores,
    user,
    scene,
  }) => {
    const old = await aDevice(stores, user)
    const enrollment = await anEnrollment(stores, user, { replacesDeviceId: old })
    const claim = await stores.enrollments.claim(aClaim(enrollment, { devicesPerUserMax: 1 }))
    expect(claim).toMatchObject({ kind: 'claimed', unregistration: { devices: [{ id: old }] } })
    expect(await scene.statusOf(old)).toBe('unregistered')
  })

  test('a replaced device stays when the number was wrong three times', async ({
    stores,
    user,
    scene,
  }) => {
    const old = await aDevice(stores, user)
    const { enrollment } = await anUnconfirmedDevice(stores, user, { replacesDeviceId: old })
    for (let attempts = 0; attempts < 3; attempts++) {
      const now = await scene.read(enrollment.id)
      await confirm(stores, user, now, wrong(now))
    }
    expect(await scene.statusOf(old)).toBe('active')
  })

  test('a replaced device makes room for one only, of any enrollments that name it', async ({
    stores,
    user,
  }) => {
    const old = await aDevice(stores, user)
    const enrollments = await times(5, () =>
      anEnrollment(stores, user, { replacesDeviceId: old, confirmationRequired: true }),
    )
    const outcomes = await Promise.all(
      enrollments.map((one) =>
        stores.enrollments.claim(aClaim(one, { numberSealed, devicesPerUserMax: 1 })),
      ),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, too_many_devices: 4 })
  })
})

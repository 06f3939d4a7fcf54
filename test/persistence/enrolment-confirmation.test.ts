import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { confirmEnrolment, type Enrolment } from '../../src/domain/enrolment.ts'
import type { DeviceId, EnrolmentId } from '../../src/domain/ids.ts'
import {
  aChallenge,
  aClaim,
  aDevice,
  anEnrolment,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import {
  anUnconfirmed,
  confirm,
  kindsOf,
  numberSealed,
  readEnrolment,
  runOut,
  times,
} from './enrolling.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const read = (id: EnrolmentId) => readEnrolment(stores, user, id)
const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
async function statusOf(id: DeviceId) {
  return (await find(id))?.status
}
const right = (enrolment: Enrolment) => confirmEnrolment(enrolment.wrongNumbersLeft, true)
const wrong = (enrolment: Enrolment) => confirmEnrolment(enrolment.wrongNumbersLeft, false)

describe('the number confirms a new device', () => {
  test('right: the device is active, the enrolment completed and the number erased', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    expect(enrolment).toMatchObject({ status: 'claimed', deviceId, number: numberSealed })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
    expect(await confirm(stores, user, enrolment, right(enrolment))).toEqual({
      kind: 'recorded',
      replaced: null,
    })
    expect(await find(deviceId)).toMatchObject({
      status: 'active',
      activatedAt: expect.any(Date),
    })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'completed',
      number: null,
      wrongNumbersLeft: 3,
    })
  })

  test('wrong three times: the enrolment is void and the device unregistered', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    for (const left of [2, 1]) {
      const now = await read(enrolment.id)
      expect(await confirm(stores, user, now, wrong(now))).toMatchObject({ kind: 'recorded' })
      expect(await read(enrolment.id)).toMatchObject({ status: 'claimed', wrongNumbersLeft: left })
      expect(await statusOf(deviceId)).toBe('unconfirmed')
    }
    const last = await read(enrolment.id)
    expect(await confirm(stores, user, last, wrong(last))).toMatchObject({ kind: 'recorded' })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'void',
      reason: 'number_tries_used_up',
      wrongNumbersLeft: 0,
      number: null,
    })
    expect(await find(deviceId)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    expect(await confirm(stores, user, last, right(last))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('parallel confirmations count each try once', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    for (const left of [2, 1, 0]) {
      const now = await read(enrolment.id)
      const outcomes = await times(10, () => confirm(stores, user, now, wrong(now)))
      expect(kindsOf(outcomes)).toEqual({ recorded: 1, changed: 9 })
      expect(await read(enrolment.id)).toMatchObject({ wrongNumbersLeft: left })
    }
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('a right and a wrong number at the same time leave one of the two outcomes, whole', async () => {
    for (let round = 0; round < 20; round++) {
      const { enrolment, deviceId } = await anUnconfirmed(stores, user)
      const [first] = await Promise.all([
        confirm(stores, user, enrolment, right(enrolment)),
        confirm(stores, user, enrolment, wrong(enrolment)),
      ])
      const expected =
        first.kind === 'recorded'
          ? [{ status: 'completed', wrongNumbersLeft: 3 }, 'active']
          : [{ status: 'claimed', wrongNumbersLeft: 2 }, 'unconfirmed']
      expect(await read(enrolment.id)).toMatchObject(expected[0] as object)
      expect(await statusOf(deviceId)).toBe(expected[1])
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'admin', actor: 'operator' } as const
      await stores.devices.unregister(all, null)
    }
  })

  test('a proof confirms once', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    const proof = aProof(user, deviceId)
    expect(await confirm(stores, user, enrolment, wrong(enrolment), proof)).toMatchObject({
      kind: 'recorded',
    })
    const now = await read(enrolment.id)
    expect(await confirm(stores, user, now, right(now), proof)).toEqual({ kind: 'proof_replayed' })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms after the enrolment’s time', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    await runOut(stores, enrolment)
    expect(await confirm(stores, user, enrolment, right(enrolment))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms a device that was unregistered meanwhile', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    const { tenantId, userId } = user
    const command = {
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'stolen',
      actor: 'operator',
    } as const
    await stores.devices.unregister(command, null)
    expect(await read(enrolment.id)).toMatchObject({
      status: 'void',
      reason: 'device_unregistered',
      number: null,
    })
    expect(await confirm(stores, user, enrolment, right(enrolment))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('unregistering everything at the moment of the confirmation leaves no live device', async () => {
    for (let round = 0; round < 20; round++) {
      const { enrolment, deviceId } = await anUnconfirmed(stores, user)
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'lost', actor: 'operator' } as const
      await Promise.all([
        confirm(stores, user, enrolment, right(enrolment)),
        stores.devices.unregister(all, null),
      ])
      expect(await statusOf(deviceId)).toBe('unregistered')
    }
  })

  test('a device waits for its own enrolment only', async () => {
    const { enrolment, deviceId } = await anUnconfirmed(stores, user)
    const found = await stores.enrolments.findForConfirmation(user.tenantId, deviceId)
    expect(found).toMatchObject({ enrolment: { id: enrolment.id }, numberSealed })
    const active = await aDevice(stores, user)
    expect(await stores.enrolments.findForConfirmation(user.tenantId, active)).toBeNull()
  })
})

describe('a device that is replaced', () => {
  test('stays until the new one is confirmed, and goes in the same commit', async () => {
    const old = await aDevice(stores, user)
    const asked = await aChallenge(stores, user, [old])
    const { enrolment, deviceId } = await anUnconfirmed(stores, user, { replacesDeviceId: old })
    expect(await statusOf(old)).toBe('active')
    const outcome = await confirm(stores, user, enrolment, right(enrolment))
    expect(outcome).toMatchObject({
      kind: 'recorded',
      replaced: { devices: [{ id: old }], endedChallenges: [asked] },
    })
    expect(await find(old)).toMatchObject({
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

  test('goes with the claim where no confirmation is asked for', async () => {
    const old = await aDevice(stores, user)
    const enrolment = await anEnrolment(stores, user, { replacesDeviceId: old })
    const claimed = await stores.enrolments.claim(aClaim(enrolment, { devicesPerUserMax: 1 }))
    expect(claimed).toMatchObject({ kind: 'claimed', replaced: { devices: [{ id: old }] } })
    expect(await statusOf(old)).toBe('unregistered')
  })

  test('stays when the number was wrong three times', async () => {
    const old = await aDevice(stores, user)
    const { enrolment } = await anUnconfirmed(stores, user, { replacesDeviceId: old })
    for (let tries = 0; tries < 3; tries++) {
      const now = await read(enrolment.id)
      await confirm(stores, user, now, wrong(now))
    }
    expect(await statusOf(old)).toBe('active')
  })

  test('makes room for one only, however many enrolments name it', async () => {
    const old = await aDevice(stores, user)
    const enrolments = await times(5, () =>
      anEnrolment(stores, user, { replacesDeviceId: old, confirmationRequired: true }),
    )
    const outcomes = await Promise.all(
      enrolments.map((one) =>
        stores.enrolments.claim(aClaim(one, { numberSealed, devicesPerUserMax: 1 })),
      ),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, too_many_devices: 4 })
  })
})

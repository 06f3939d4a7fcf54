import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { changeDevice } from '../../src/devices/change-device.ts'
import { readDevice } from '../../src/devices/read-devices.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { cancelEnrollment } from '../../src/enrollments/cancel-enrollment.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openNextEnrollment, readNextEnrollment } from '../../src/enrollments/enroll-next-phone.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { until } from '../support/until.ts'
import {
  aClaimCommand,
  aPhone,
  aPrincipal,
  aProof,
  granted,
  inAnotherProcess,
  openWorld,
  type Phone,
  scannedCode,
  type World,
} from '../support/world.ts'

let world: World
let rp: Principal
let old: Phone
let user: string

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
beforeEach(async () => {
  user = `user-${Math.random()}`
  old = await aPhone(world, rp, { user })
})
afterAll(() => world.close())

const verifiedProof = (phone: Phone) =>
  aProof(world, phone, phone.keys.verification ?? phone.keys.possession)
const open = async (more: { replacesDeviceId?: DeviceId | null } = {}, phone = old) =>
  openNextEnrollment(world, await verifiedProof(phone), more)
const now = { waitMs: 0 }

/** The next phone claims the enrollment that the old one opened. */
async function claim(uri: string) {
  const { keys, command } = await aClaimCommand(world, rp.tenantId, scannedCode(uri))
  const { device } = await granted(claimEnrollment(world, command))
  return { keys, id: device.id, userId: device.userId, tenantId: rp.tenantId }
}
const statusOf = async (id: DeviceId) => (await granted(readDevice(world, rp, id))).status

describe('the old phone', () => {
  test('shows the number that the new one types, and is unregistered when the new one is confirmed', async () => {
    const { enrollment, uri, code } = await granted(open())
    expect(code).toMatch(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/)
    const following = readNextEnrollment(world, await aProof(world, old), enrollment.id, {
      waitMs: 20_000,
      after: 'open',
    })
    const next = await claim(uri)
    const { status, number } = await granted(following)
    expect([status, number]).toEqual(['claimed', expect.stringMatching(/^[0-9]{6}$/)])
    expect(await statusOf(old.id)).toBe('active')
    world.revocations.length = 0
    await granted(confirmEnrollment(world, await aProof(world, next), number ?? ''))
    expect(await statusOf(next.id)).toBe('active')
    expect(await readDevice(world, rp, old.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'replaced',
    })
    expect(world.revocations).toMatchObject([{ deviceId: old.id, reason: 'replaced' }])
  })

  test('stays when both are to be kept, and another device of the user goes when that one is named', async () => {
    const other = await aPhone(world, rp, { user })
    for (const [replacesDeviceId, goneDeviceIds] of [
      [null, []],
      [other.id, [other.id]],
    ] as const) {
      const { enrollment, uri } = await granted(open({ replacesDeviceId }))
      const next = await claim(uri)
      const proof = await aProof(world, old)
      const { number } = await granted(readNextEnrollment(world, proof, enrollment.id, now))
      await granted(confirmEnrollment(world, await aProof(world, next), number ?? ''))
      expect(await statusOf(old.id)).toBe('active')
      for (const id of goneDeviceIds) expect(await statusOf(id)).toBe('unregistered')
    }
  })

  test('opens nothing without its verification key, with a used proof, or for another user’s device', async () => {
    const possession = await aProof(world, old)
    expect(await openNextEnrollment(world, possession, {})).toEqual({
      refused: 'proof_key_not_allowed',
    })
    const proof = await verifiedProof(old)
    const results = await Promise.all(
      Array.from({ length: 50 }, () => openNextEnrollment(world, proof, {})),
    )
    expect(results.filter((one) => 'enrollment' in one)).toHaveLength(1)
    const otherPhone = await aPhone(world, rp, { user: 'other' })
    expect(await open({ replacesDeviceId: otherPhone.id })).toEqual({ refused: 'not_found' })
    expect(await open({ replacesDeviceId: world.random.id('device') })).toEqual({
      refused: 'not_found',
    })
  })

  test('alone reads the number; the user’s other devices and other users’ devices see nothing', async () => {
    const { enrollment } = await granted(open())
    for (const reader of [
      await aPhone(world, rp, { user }),
      await aPhone(world, rp, { user: 'other' }),
    ]) {
      const proof = await aProof(world, reader)
      expect(await readNextEnrollment(world, proof, enrollment.id, now)).toEqual({
        refused: 'not_found',
      })
    }
  })

  test('reads no enrollment that a relying party opened', async () => {
    const { enrollmentId } = await granted(readDevice(world, rp, old.id))
    const proof = await aProof(world, old)
    expect(await readNextEnrollment(world, proof, enrollmentId, now)).toEqual({
      refused: 'not_found',
    })
  })

  test('leaves its relying party able to see and cancel the enrollment it opened', async () => {
    const { enrollment } = await granted(open())
    expect(await waitForEnrollment(world, rp, enrollment.id, now)).toMatchObject({ status: 'open' })
    expect(await cancelEnrollment(world, rp, enrollment.id)).toMatchObject({ status: 'cancelled' })
    const other = await aPrincipal(world, ['default'], rp.tenantId)
    expect(await waitForEnrollment(world, other, enrollment.id, now)).toEqual({
      refused: 'not_found',
    })
  })
})

describe('an enrollment that a lost phone opened ends with the phone', () => {
  const ways = [
    ['unregistered', (id: DeviceId) => unregisterDevice(world, rp, id, 'stolen')],
    ['suspended', (id: DeviceId) => changeDevice(world, rp, id, { status: 'suspended' })],
  ] as const

  test.each(ways)(
    'and an open wait for it ends in a refusal, when the phone is %s',
    async (how, end) => {
      const { enrollment } = await granted(open())
      const wait = { waitMs: 20_000, after: 'open' } as const
      let isWaiting = false
      const watch: World['signals']['watch'] = (...keys) => {
        const signalWatch = world.signals.watch(...keys)
        const next = (ms: number) => {
          isWaiting = true
          return signalWatch.next(ms)
        }
        return { next, close: () => signalWatch.close() }
      }
      const watchedWorld = { ...world, signals: { ...world.signals, watch } }
      const following = readNextEnrollment(
        watchedWorld,
        await aProof(world, old),
        enrollment.id,
        wait,
      )
      await until('it has read that it is open, and waits', () => isWaiting)
      await granted(end(old.id))
      expect(await following).toEqual({ refused: `device_${how}` })
    },
  )

  test.each(ways)('while it is open, when the phone is %s', async (_, end) => {
    const { enrollment, uri } = await granted(open())
    await granted(end(old.id))
    expect(await waitForEnrollment(world, rp, enrollment.id, now)).toMatchObject({ status: 'void' })
    const { command } = await aClaimCommand(world, rp.tenantId, scannedCode(uri))
    expect(await claimEnrollment(world, command)).toEqual({ refused: 'enrollment_not_open' })
  })

  test.each(ways)(
    'and with it the phone that had claimed it, when the phone is %s',
    async (_, end) => {
      const { enrollment, uri } = await granted(open())
      const thief = await claim(uri)
      const proof = await aProof(world, old)
      const { number } = await granted(readNextEnrollment(world, proof, enrollment.id, now))
      await granted(end(old.id))
      expect(await readDevice(world, rp, thief.id)).toMatchObject({
        status: 'unregistered',
        unregisterReason: 'not_confirmed',
      })
      const confirmation = await confirmEnrollment(world, await aProof(world, thief), number ?? '')
      expect(confirmation).toEqual({ refused: 'device_unregistered' })
    },
  )

  test('also when it is opened with a proof verified before the phone was lost', async () => {
    const proof = await verifiedProof(old)
    const { enrollments } = world
    const late = {
      ...world,
      enrollments: {
        ...enrollments,
        createByDevice: async (...args: Parameters<typeof enrollments.createByDevice>) => {
          await unregisterDevice(inAnotherProcess(world), rp, old.id, 'stolen')
          return enrollments.createByDevice(...args)
        },
      },
    }
    expect(await openNextEnrollment(late, proof, {})).toEqual({ refused: 'device_unregistered' })
  })

  test('and a phone that was confirmed before stays', async () => {
    const { enrollment, uri } = await granted(open({ replacesDeviceId: null }))
    const next = await claim(uri)
    const { number } = await granted(
      readNextEnrollment(world, await aProof(world, old), enrollment.id, now),
    )
    await granted(confirmEnrollment(world, await aProof(world, next), number ?? ''))
    await granted(unregisterDevice(world, rp, old.id, 'lost'))
    expect(await statusOf(next.id)).toBe('active')
  })
})

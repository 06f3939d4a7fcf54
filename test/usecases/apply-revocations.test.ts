import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { type Revocation, revocationLine } from '../../src/domain/revocation.ts'
import { applyRevocations } from '../../src/usecases/apply-revocations.ts'
import { findUser } from '../../src/usecases/find-user.ts'
import { readDevice } from '../../src/usecases/read-devices.ts'
import { aPhone, aPrincipal, granted, openWorld, type Phone, type World } from './world.ts'

let world: World
let rp: Principal
let phone: Phone

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
beforeEach(async () => {
  phone = await aPhone(world, rp, { user: `user-${Math.random()}` })
})
afterAll(() => world.close())

type Kind = Exclude<Revocation['revocation'], 'api_key_revoked'>

/** A line about the phone, this many seconds after the first. */
function line(revocation: Kind, second: number): string {
  const { tenantId, userId, id: deviceId } = phone
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, second))
  return revocationLine({
    revocation,
    tenantId,
    userId,
    deviceId,
    at,
    reason: 'lost',
  } as Revocation)
}
const apply = (...lines: string[]) => applyRevocations(world, lines)
const status = async () => (await granted(readDevice(world, rp, phone.id))).status

test('the last word counts, in whatever order the lines of several processes come', async () => {
  await apply(line('device_activated', 2), line('device_suspended', 1))
  expect(await status()).toBe('active')
  await apply(line('device_suspended', 3), line('device_activated', 2))
  expect(await status()).toBe('suspended')
})

test('no line gives a right back: whoever wants a suspended device active says so', async () => {
  await apply(line('device_suspended', 1))
  expect(await apply(line('device_suspended', 1), line('device_activated', 2))).toEqual({
    applied: 0,
    already: 0,
    unknown: 0,
    unreadable: 0,
  })
  expect(await status()).toBe('suspended')
})

test('an end is the last word, whatever times say', async () => {
  await apply(line('device_unregistered', 1), line('device_activated', 2), '', ' ')
  expect(await status()).toBe('unregistered')
  expect(await apply(line('device_unregistered', 1), line('device_suspended', 3))).toMatchObject({
    applied: 0,
    already: 1,
  })
})

test('an unregistered device keeps the reason of its line', async () => {
  expect(await apply(line('device_unregistered', 1))).toMatchObject({ applied: 1 })
  expect(await readDevice(world, rp, phone.id)).toMatchObject({ unregisterReason: 'lost' })
})

test('a line under the name of another tenant concerns nobody', async () => {
  const other = await aPrincipal(world)
  const foreign = line('device_unregistered', 1).replace(phone.tenantId, other.tenantId)
  expect(await apply(foreign)).toMatchObject({ applied: 0, unknown: 1 })
  expect(await status()).toBe('active')
})

test('a user is suspended again, unless a later line took it back; nobody is let in again', async () => {
  const userStatus = async () => (await granted(findUser(world, rp, { id: phone.userId }))).status
  await apply(line('user_suspended', 1), line('user_activated', 2))
  expect(await userStatus()).toBe('active')
  expect(await apply(line('user_suspended', 3), line('user_activated', 2))).toMatchObject({
    applied: 1,
  })
  expect(await userStatus()).toBe('suspended')
  expect(await apply(line('user_suspended', 3))).toMatchObject({ already: 1 })
  expect(await apply(line('user_activated', 4))).toMatchObject({ applied: 0 })
  expect(await userStatus()).toBe('suspended')
  const foreign = line('user_suspended', 1).replace(
    phone.tenantId,
    (await aPrincipal(world)).tenantId,
  )
  expect(await apply(foreign)).toMatchObject({ unknown: 1 })
})

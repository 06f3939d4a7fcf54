// The scope of a suspension, among other devices of the user, colleagues, and tenants with the same
// ids.

import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  anEnrollment,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'

let stores: Stores
let user: TestUser
let phone: DeviceId
let watch: DeviceId
let spare: DeviceId
const run = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

/** Has a phone with a watch and another phone, is about to enroll one more, and uses the portal. */
async function aPerson(who: TestUser) {
  const [first, second] = [await aDevice(stores, who), await aDevice(stores, who)]
  const enrollment = await anEnrollment(stores, who, { parentDeviceId: first })
  const claim = await stores.enrollments.claim(aClaim(enrollment))
  if (claim.kind !== 'claimed') throw new Error('the watch is enrolled')
  await anEnrollment(stores, who)
  await openPortal(who)
  return [first, claim.device.id, second] as const
}

async function openPortal({ tenantId, userId, rpId }: TestUser) {
  const id = random.id('portalSession')
  await run(
    'open_portal',
    `insert into portal_sessions (tenant_id, id, user_id, rp_id, link_hash, link_expires_at)
     values ($1, $2, $3, $4, $5, now() + interval '1 hour')`,
    ...[tenantId, id, userId, rpId, Buffer.from(thumbprint())],
  )
}

beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  await aPerson(await aColleague(stores, user, 'bob'))
  ;[phone, watch, spare] = await aPerson(user)
  await copyTenant(stores, user)
})

const myOwn = '(tenant_id, user_id) = ($1, $2)'
const others = `(tenant_id, user_id) <> ($1, $2) and right(tenant_id, 20) = right($1, 20)`
const mine = () => [user.tenantId, user.userId]
async function rowsOf(whose: string) {
  const rows: unknown[] = []
  for (const table of ['devices', 'enrollments', 'portal_sessions']) {
    const text = `select x::text from ${table} x where ${whose} order by 1`
    rows.push(await run(`rows_${table}_${whose.length}`, text, ...mine()))
  }
  return rows
}

const about = () => ({ ...user, actor: 'operator' }) as const
const suspend = (deviceId: DeviceId) => stores.suspensions.suspendDevice({ ...about(), deviceId })
const activate = (deviceId: DeviceId) => stores.suspensions.activateDevice({ ...about(), deviceId })
const suspendedDevices = async () => {
  const text = `select id from devices where ${myOwn} and status = 'suspended' order by id`
  return (await run('suspended', text, ...mine())).map(({ id }) => id)
}

test('a device is suspended with its companion, and no other is', async () => {
  const before = await rowsOf(others)
  expect(await suspend(phone)).not.toBeNull()
  expect(await suspendedDevices()).toEqual([phone, watch])
  expect(await rowsOf(others)).toEqual(before)
})

test('neither a suspended device nor its reactivated companion is suspended again', async () => {
  await suspend(phone)
  await activate(watch)
  const before = await rowsOf(myOwn)
  expect(await suspend(phone)).toBeNull()
  expect(await rowsOf(myOwn)).toEqual(before)
})

test('a device is reactivated with its companion, and no other is', async () => {
  await suspend(phone)
  await suspend(spare)
  const all = `update devices set status = 'suspended', suspended_at = now() where ${others}`
  await run('suspend_others', all, ...mine())
  const before = await rowsOf(others)
  expect(await activate(phone)).not.toBeNull()
  expect(await suspendedDevices()).toEqual([spare])
  expect(await rowsOf(others)).toEqual(before)
})

test('a device reactivates nothing suspended separately, even at the same time', async () => {
  await suspend(watch)
  await suspend(phone)
  const same = `update devices set status = 'suspended', suspended_at =
    (select p.suspended_at from devices p where p.tenant_id = $1 and p.id = $3)
    where tenant_id = $1 and id = $2`
  await run('suspend_at_the_same_time', same, user.tenantId, spare, phone)
  expect(await activate(phone)).not.toBeNull()
  expect(await suspendedDevices()).toEqual([watch, spare].toSorted())
})

test('an active device reactivates nothing, whatever its copies in other tenants are', async () => {
  await suspend(phone)
  const theirs = `update devices set status = 'suspended', suspended_at =
    (select w.suspended_at from devices w where w.tenant_id = $2 and w.id = $3)
    where id = $1 and tenant_id <> $2`
  await run('suspend_theirs', theirs, phone, user.tenantId, watch)
  const active = `update devices set status = 'active', suspended_at = null
    where id = $1 and tenant_id = $2`
  await run('activate_mine', active, phone, user.tenantId)
  expect(await activate(phone)).toBeNull()
  expect(await suspendedDevices()).toEqual([watch])
})

test('a suspension ends the user’s enrollments and sessions, and nobody else’s', async () => {
  const before = await rowsOf(others)
  const suspension = await stores.suspensions.suspendUser(about())
  expect(suspension?.endedEnrollments).toHaveLength(1)
  expect(await rowsOf(others)).toEqual(before)
})

test('ended rows of a user stay unchanged, whatever others have under way', async () => {
  const over = `set ended_at = '2020-01-01'`
  await run('end_sessions', `update portal_sessions ${over} where ${myOwn}`, ...mine())
  const cancel = `update enrollments ${over}, status = 'cancelled' where ${myOwn}
    and status = 'open'`
  await run('cancel_enrollment', cancel, ...mine())
  const before = [await rowsOf(others), await rowsOf(myOwn)]
  expect(await stores.suspensions.suspendUser(about())).not.toBeNull()
  expect([await rowsOf(others), await rowsOf(myOwn)]).toEqual(before)
})

// Whom and what a suspension concerns, among other devices of the user, colleagues, and tenants with the same ids.

import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  anEnrolment,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { copyTenant } from './copied-tenant.ts'

let stores: Stores
let user: TestUser
let phone: DeviceId
let watch: DeviceId
let spare: DeviceId
const run = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

/** Has a phone with a watch and another phone, is about to enrol one more, and looks at the portal. */
async function aPerson(who: TestUser) {
  const [first, second] = [await aDevice(stores, who), await aDevice(stores, who)]
  const enrolment = await anEnrolment(stores, who, { parentDeviceId: first })
  const claimed = await stores.enrolments.claim(aClaim(enrolment))
  if (claimed.kind !== 'claimed') throw new Error('the watch is enrolled')
  await anEnrolment(stores, who)
  await openPortal(who)
  return [first, claimed.device.id, second] as const
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
async function seen(whose: string) {
  const rows: unknown[] = []
  for (const table of ['devices', 'enrolments', 'portal_sessions']) {
    const text = `select x::text from ${table} x where ${whose} order by 1`
    rows.push(await run(`rows_${table}_${whose.length}`, text, ...mine()))
  }
  return rows
}

const about = () => ({ ...user, actor: 'operator' }) as const
const suspend = (deviceId: DeviceId) => stores.suspensions.suspendDevice({ ...about(), deviceId })
const activate = (deviceId: DeviceId) => stores.suspensions.activateDevice({ ...about(), deviceId })
const suspended = async () => {
  const text = `select id from devices where ${myOwn} and status = 'suspended' order by id`
  return (await run('suspended', text, ...mine())).map(({ id }) => id)
}

test('a device is suspended with its companion, and no other is', async () => {
  const before = await seen(others)
  expect(await suspend(phone)).not.toBeNull()
  expect(await suspended()).toEqual([phone, watch])
  expect(await seen(others)).toEqual(before)
})

test('a device that is suspended already is not again, and nor is a companion that came back', async () => {
  await suspend(phone)
  await activate(watch)
  const before = await seen(myOwn)
  expect(await suspend(phone)).toBeNull()
  expect(await seen(myOwn)).toEqual(before)
})

test('a device comes back with its companion, and no other does', async () => {
  await suspend(phone)
  await suspend(spare)
  const all = `update devices set status = 'suspended', suspended_at = now() where ${others}`
  await run('suspend_others', all, ...mine())
  const before = await seen(others)
  expect(await activate(phone)).not.toBeNull()
  expect(await suspended()).toEqual([spare])
  expect(await seen(others)).toEqual(before)
})

test('a device does not bring back a companion that was suspended by itself, nor what was suspended with it by chance', async () => {
  await suspend(watch)
  await suspend(phone)
  const same = `update devices set status = 'suspended', suspended_at =
    (select p.suspended_at from devices p where p.tenant_id = $1 and p.id = $3)
    where tenant_id = $1 and id = $2`
  await run('suspend_at_the_same_time', same, user.tenantId, spare, phone)
  expect(await activate(phone)).not.toBeNull()
  expect(await suspended()).toEqual([watch, spare].toSorted())
})

test('a device that is not suspended brings nothing back, whatever it is in other tenants', async () => {
  await suspend(phone)
  const theirs = `update devices set status = 'suspended', suspended_at =
    (select w.suspended_at from devices w where w.tenant_id = $2 and w.id = $3)
    where id = $1 and tenant_id <> $2`
  await run('suspend_theirs', theirs, phone, user.tenantId, watch)
  const active = `update devices set status = 'active', suspended_at = null
    where id = $1 and tenant_id = $2`
  await run('activate_mine', active, phone, user.tenantId)
  expect(await activate(phone)).toBeNull()
  expect(await suspended()).toEqual([watch])
})

test('a user’s enrolments and sessions end with the suspension, and nobody else’s do', async () => {
  const before = await seen(others)
  const ended = await stores.suspensions.suspendUser(about())
  expect(ended?.endedEnrolments).toHaveLength(1)
  expect(await seen(others)).toEqual(before)
})

test('what has ended of a user stays as it ended, whatever others have under way', async () => {
  const over = `set ended_at = '2020-01-01'`
  await run('end_sessions', `update portal_sessions ${over} where ${myOwn}`, ...mine())
  const cancel = `update enrolments ${over}, status = 'cancelled' where ${myOwn} and status = 'open'`
  await run('cancel_enrolment', cancel, ...mine())
  const before = [await seen(others), await seen(myOwn)]
  expect(await stores.suspensions.suspendUser(about())).not.toBeNull()
  expect([await seen(others), await seen(myOwn)]).toEqual(before)
})

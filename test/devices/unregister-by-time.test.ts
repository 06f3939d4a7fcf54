import { afterAll, beforeAll, expect, test } from 'vitest'
import { listDevices, readDevice } from '../../src/devices/read-devices.ts'
import { devicesPerCallMax, unregisterByTime } from '../../src/devices/unregister-by-time.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { aClaim, aDevice, anEnrollment } from '../support/stores.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let rp: Principal

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
afterAll(() => world.close())

const reason = 'stolen' as const

/**
 * The database's time, later than everything before by more than the millisecond that a Date cuts
 * off.
 */
async function now(): Promise<Date> {
  const [row] = await world.database.query<{ now: Date }>(
    'soon',
    `select clock_timestamp() as now from pg_sleep(0.01)`,
    [],
  )
  return row?.now ?? new Date(0)
}

test('every device of the tenant that was registered in the time span is removed, and no other', async () => {
  const early = await aPhone(world, rp, { user: 'early' })
  const from = await now()
  const [one, two] = [
    await aPhone(world, rp, { user: 'one' }),
    await aPhone(world, rp, { user: 'two' }),
  ]
  const elsewhere = await aPrincipal(world)
  const foreign = await aPhone(world, elsewhere)
  const to = await now()
  const late = await aPhone(world, rp, { user: 'late' })
  world.revocations.length = 0
  expect(await unregisterByTime(world, rp, { from, to, reason })).toEqual({
    unregistered: 2,
    users: 2,
    more: false,
  })
  const status = async (id: typeof one.id, by = rp) =>
    (await granted(readDevice(world, by, id))).status
  expect([await status(one.id), await status(two.id)]).toEqual(['unregistered', 'unregistered'])
  expect([await status(early.id), await status(late.id)]).toEqual(['active', 'active'])
  expect(await status(foreign.id, elsewhere)).toBe('active')
  expect(world.revocations.map((line) => line.revocation)).toEqual([
    'device_unregistered',
    'device_unregistered',
  ])
  const events = await world.database.query(
    'bulk_events',
    `select type, actor, subject, details from audit_events
     where tenant_id = $1 and type = 'devices_unregistered_by_time'`,
    [rp.tenantId],
  )
  expect(events).toMatchObject([
    {
      actor: `api_key:${rp.keyId}`,
      details: { from: from.toISOString(), to: to.toISOString(), reason },
    },
  ])
  expect(await unregisterByTime(world, rp, { from, to, reason })).toMatchObject({ unregistered: 0 })
})

test('more than fit into one call take several, and none is left or counted twice', async () => {
  const crowd = await aPrincipal(world)
  const phone = await aPhone(world, crowd, { user: 'crowd' })
  const from = await now()
  const user = { ...crowd, userId: phone.userId, signingKid: '' }
  const stores = { ...world, signingKeys: world.keys }
  const count = devicesPerCallMax + 5
  for (let index = 0; index < count; index++) {
    await aDevice(stores, user, { devicesPerUserMax: count + 1 })
  }
  const enrollment = await anEnrollment(stores, user, { confirmationRequired: true })
  await world.enrollments.claim(
    aClaim(enrollment, { numberSealed: Buffer.alloc(40), devicesPerUserMax: count + 2 }),
  )
  const span = { from, to: await now(), reason }
  const calls = await Promise.all([1, 2].map(() => unregisterByTime(world, crowd, span)))
  expect(calls.some((call) => 'more' in call && call.more)).toBe(true)
  const rest = await granted(unregisterByTime(world, crowd, span))
  const first = calls.reduce(
    (sum, call) => sum + ('unregistered' in call ? call.unregistered : 0),
    0,
  )
  expect(first + rest.unregistered).toBe(count + 1)
  expect(rest.more).toBe(false)
  const all = await granted(listDevices(world, crowd, phone.userId))
  const remainingDevices = all.filter(({ status }) => status !== 'unregistered')
  expect(remainingDevices.map(({ id }) => id)).toEqual([phone.id])
})

test('a time span that is not over or is empty is refused before anything is recorded', async () => {
  const before = world.database.statements().get('insert_audit_event')
  const soon = new Date(Date.now() + 60_000)
  for (const span of [
    { from: new Date(0), to: soon },
    { from: new Date(5), to: new Date(5) },
    { from: new Date(6), to: new Date(5) },
  ]) {
    const refusal = await unregisterByTime(world, rp, { ...span, reason })
    expect(refusal).toMatchObject({ refused: 'invalid_request' })
  }
  expect(world.database.statements().get('insert_audit_event')).toBe(before)
})

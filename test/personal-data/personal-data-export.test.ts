import { afterAll, beforeAll, expect, test } from 'vitest'
import { everythingIn, everythingOn } from '../support/personal-data.ts'
import {
  aColleague,
  aDevice,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
let user: TestUser
beforeAll(async () => {
  stores = await openStores(8)
  user = await aUser(stores)
})
afterAll(() => stores.close())

async function addActivities({ tenantId, userId }: TestUser, count: number) {
  await stores.database.query(
    'add_activities',
    `insert into activities (tenant_id, id, user_id, type, severity, actor)
     select $1, 'act_' || gen_random_uuid(), $2, 'device_renamed', 'info', 'operator'
     from generate_series(1, $3::int)`,
    [tenantId, userId, count],
  )
}
async function begin({ tenantId, userId }: TestUser) {
  const reading = await stores.personalData.openExport(tenantId, userId)
  if (reading === 'busy') throw new Error('another one is under way')
  return reading
}

test('an export shows one moment, whatever happens while it is read', async () => {
  await aDevice(stores, user)
  const before = await everythingOn(stores.personalData, user.tenantId, user.userId)
  const reading = await begin(user)
  const first = await reading.next()
  expect(first).toMatchObject({ table: 'users' })
  await addActivities(user, 10)
  await aDevice(stores, user)
  const { users: _, ...rest } = before
  expect(await everythingIn(reading)).toEqual(rest)
})

test('an export of a long history comes in short pages', async () => {
  const busy = await aColleague(stores, user, 'busy')
  await addActivities(busy, 1_000)
  const reading = await begin(busy)
  const sizes: number[] = []
  for (let page = await reading.next(); page !== null; page = await reading.next()) {
    if (page.table === 'activities') sizes.push(page.rows.length)
  }
  await reading.close()
  expect(sizes).toEqual([200, 200, 200, 200, 200, 1])
})

test('a tenant reads one export at a time, a process four; closed ones do not count', async () => {
  const others = await Promise.all(Array.from({ length: 4 }, () => aUser(stores)))
  const [first, second, third, fourth] = await Promise.all(others.map(begin))
  const busy = { tenantId: others[0]?.tenantId, userId: others[0]?.userId } as TestUser
  const open = ({ tenantId, userId }: TestUser) => stores.personalData.openExport(tenantId, userId)
  await fourth?.close()
  expect(await open(busy)).toBe('busy')
  const last = await begin(user)
  expect(await open(others[3] as TestUser)).toBe('busy')
  await Promise.all([first, second, third, last].map((reading) => reading?.close()))
  await (await begin(busy)).close()
  const { total, idle } = stores.database.connections()
  expect(idle).toBe(total)
})

test('exports take half of the connections at most, so that other work finds some', async () => {
  const few = await openStores(4)
  const people = [await aUser(few), await aUser(few), await aUser(few)]
  const readings = []
  for (const { tenantId, userId } of people) {
    readings.push(await few.personalData.openExport(tenantId, userId))
  }
  expect(readings.map((one) => one === 'busy')).toEqual([false, false, true])
  for (const one of readings) if (typeof one !== 'string') await one.close()
  await few.close()
})

test('an export that fails half-way releases its connection', async () => {
  const reading = await begin(user)
  await reading.next()
  await stores.database.query(
    'end_it',
    `select pg_terminate_backend(pid) from pg_stat_activity
     where state = 'idle in transaction' and datname = current_database()`,
    [],
  )
  await expect(everythingIn(reading)).rejects.toThrow()
  await (await begin(user)).close()
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Activity } from '../../src/activities/activity.store.ts'
import { activity } from '../../src/domain/activity.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { recordActivities } from '../../src/platform/postgres/record.ts'
import { aColleague, aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const event = (number: number, of = user) =>
  activity({
    userId: of.userId,
    type: 'device_renamed',
    actor: 'operator',
    deviceId: systemRandom.id('device'),
    details: { number, plain: true, text: 'O’Brien "; drop table' },
  })

function record(...events: ReturnType<typeof event>[]) {
  return stores.database.transaction((tx) =>
    recordActivities(tx, systemRandom, user.tenantId, events),
  )
}
const page = (limit: number, before: string | null, of = user) =>
  stores.activities.list(user.tenantId, of.userId, { limit, before })

test('an activity is read as it was recorded, with the time of the database', async () => {
  const input = event(1)
  await record(input)
  expect((await page(1, null))[0]).toEqual({
    ...input,
    id: expect.stringMatching(/^act_/),
    challengeId: null,
    enrollmentId: null,
    posted: null,
    occurredAt: expect.any(Date),
  })
})

test('activities come newest first, page by page, none twice and none omitted', async () => {
  await record(...Array.from({ length: 10 }, (_, index) => event(index)))
  await record(event(10))
  const listedActivities: Activity[] = []
  let before: string | null = null
  for (;;) {
    const items: Activity[] = await page(4, before)
    const last = items.at(-1)
    if (!last) break
    listedActivities.push(...items)
    before = last.id
  }
  expect(listedActivities.map(({ details }) => details.number)).toEqual([
    10,
    9,
    8,
    7,
    6,
    5,
    4,
    3,
    2,
    1,
    0,
    undefined,
  ])
  expect(listedActivities.at(-1)).toMatchObject({ type: 'user_imported' })
})

test('a user’s activities are listed for nobody else', async () => {
  const colleague = await aColleague(stores, user, 'bob')
  await record(event(1), event(2, colleague))
  expect((await page(10, null)).map(({ details }) => details.number)).toEqual([1, undefined])
  expect((await page(10, null, colleague)).map(({ details }) => details.number)).toEqual([
    2,
    undefined,
  ])
})

test('an activity is rolled back with the change that it records', async () => {
  const undone = stores.database.transaction(async (tx) => {
    await recordActivities(tx, systemRandom, user.tenantId, [event(1)])
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  expect(await page(10, null)).toHaveLength(1)
})

test('recording no activities sends no query', async () => {
  const before = stores.database.roundTrips()
  await recordActivities(stores.database, systemRandom, user.tenantId, [])
  expect(stores.database.roundTrips()).toBe(before)
})

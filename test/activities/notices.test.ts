import { afterAll, beforeAll, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ActivityId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { recordActivities } from '../../src/platform/postgres/record.ts'
import {
  aDevice,
  aUser,
  beginOn,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
  user = await aUser(stores)
})
afterAll(() => stores.close())

const ordinary = { otherwise: 'over_limit', budget: 'ordinary', isDigest: false } as const

async function recordDeviceActivities(count: number): Promise<ActivityId[]> {
  const { tenantId, userId } = user
  const events = Array.from({ length: count }, () =>
    activity({ userId, type: 'device_renamed', actor: 'operator' }),
  )
  await stores.database.transaction((tx) => recordActivities(tx, systemRandom, tenantId, events))
  const activities = await stores.activities.list(tenantId, userId, { limit: count, before: null })
  return activities.map(({ id }) => id).sort()
}

test('overlapping notices are serialized: they lock activities before the budget', async () => {
  const { tenantId, userId } = user
  const deviceId = await aDevice(stores, user)
  const enqueue = (activityIds: readonly ActivityId[]) =>
    stores.notices.enqueue({
      tenantId,
      userId,
      push: { activityIds, deviceIds: [deviceId], pushesMax: 20, ...ordinary },
      deliveries: [{ id: systemRandom.id('delivery'), deviceId }],
      leasedBy: 'test',
    })
  await enqueue(await recordDeviceActivities(1))
  const [first, second] = await recordDeviceActivities(2)
  if (!first || !second) throw new Error('two were recorded')

  const holder = await beginOn(stores)
  await holder.query('select from activity_push_budgets where user_id = $1 for update', [userId])
  const both = enqueue([first, second])
  await until('the one with both waits', async () => (await lockWaiters(stores)) === 1)
  const one = enqueue([second])
  await until('the other waits, too', async () => (await lockWaiters(stores)) === 2)
  await holder.commit()
  expect([(await both).length, (await one).length]).toEqual([1, 0])
})

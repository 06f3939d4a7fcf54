import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import { countingRows } from '../platform/postgres/row-counts.ts'
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
let device: DeviceId
const rowCounts = new Map<string, number>()
beforeAll(async () => {
  stores = await openStores(20, countingRows(rowCounts))
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
})

const enqueue = (deviceId: DeviceId) =>
  stores.testPushes.enqueue({
    ...user,
    ...{ deviceId, id: random.id('delivery'), leasedBy: 'test' },
    ...{ protectionRevision: 0, gapSeconds: 60, perHourMax: 5 },
    activity: activity({ userId: user.userId, type: 'test_pushed', actor: 'operator', deviceId }),
  })

test('one device takes a slot: other devices, also of other tenants, keep theirs', async () => {
  const spare = await aDevice(stores, user)
  await copyTenant(stores, user)
  expect(await enqueue(device)).toMatchObject({ kind: 'owed', pushes: [{ deviceId: device }] })
  expect(await enqueue(device)).toMatchObject({ kind: 'too_soon' })
  expect(rowCounts.get('test_slot_wait')).toBe(1)
  const devicesPushed =
    'select tenant_id, id from devices where cardinality(test_pushes_at) > 0 and id = $1'
  const mine = [{ tenant_id: user.tenantId, id: device }]
  expect(await stores.database.query('turns_taken', devicesPushed, [device])).toEqual(mine)
  expect(await enqueue(spare)).toMatchObject({ kind: 'owed', pushes: [{ deviceId: spare }] })
})

describe('a device changed since its check gets no slot, nor the time of the next', () => {
  const set = (what: string) => async () => {
    await stores.database.query(what, `update devices set ${what} where id = $1`, [device])
    return device
  }
  const suspendedState = `status = 'suspended', suspended_at = now()`
  test.each<[string, () => Promise<DeviceId>]>([
    ['is not active', set(suspendedState)],
    ['cannot be pushed', set('push_token_sealed = null')],
    ['is another user’s', async () => aDevice(stores, await aColleague(stores, user, 'bob'))],
  ])('because it %s', async (_, change) => {
    const other = await change()
    expect(await enqueue(other)).toEqual({ kind: 'changed' })
    const takeSlot = 'update devices set test_pushes_at = array[clock_timestamp()] where id = $1'
    await stores.database.query('take_turn', takeSlot, [other])
    expect(await enqueue(other)).toEqual({ kind: 'changed' })
  })
})

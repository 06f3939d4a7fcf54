import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aColleague,
  aDevice,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { copyTenant } from './copied-tenant.ts'
import { countingRows } from './rows-found.ts'

let stores: Stores
let user: TestUser
let device: DeviceId
const rowsFound = new Map<string, number>()
beforeAll(async () => {
  stores = await openStores(20, countingRows(rowsFound))
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
})

const owe = (deviceId: DeviceId) =>
  stores.testPushes.owe({
    ...user,
    ...{ deviceId, id: random.id('delivery'), leasedBy: 'test' },
    ...{ protectionRevision: 0, gapSeconds: 60, perHourMax: 5 },
    activity: activity({ userId: user.userId, type: 'test_pushed', actor: 'operator', deviceId }),
  })

test('a turn is taken by one device: others of its user, and those of other tenants, keep theirs', async () => {
  const spare = await aDevice(stores, user)
  await copyTenant(stores, user)
  expect(await owe(device)).toMatchObject({ kind: 'owed', pushes: [{ deviceId: device }] })
  expect(await owe(device)).toMatchObject({ kind: 'too_soon' })
  expect(rowsFound.get('test_turn_wait')).toBe(1)
  const taken =
    'select tenant_id, id from devices where cardinality(test_pushes_at) > 0 and id = $1'
  const mine = [{ tenant_id: user.tenantId, id: device }]
  expect(await stores.database.query('turns_taken', taken, [device])).toEqual(mine)
  expect(await owe(spare)).toMatchObject({ kind: 'owed', pushes: [{ deviceId: spare }] })
})

describe('a device that is not what it was judged as gets no turn, nor is told when it would', () => {
  const set = (what: string) => async () => {
    await stores.database.query(what, `update devices set ${what} where id = $1`, [device])
    return device
  }
  const suspended = `status = 'suspended', suspended_at = now()`
  test.each<[string, () => Promise<DeviceId>]>([
    ['is not active', set(suspended)],
    ['cannot be pushed', set('push_token_sealed = null')],
    ['is another user’s', async () => aDevice(stores, await aColleague(stores, user, 'bob'))],
  ])('because it %s', async (_, change) => {
    const other = await change()
    expect(await owe(other)).toEqual({ kind: 'changed' })
    const turn = 'update devices set test_pushes_at = array[clock_timestamp()] where id = $1'
    await stores.database.query('take_turn', turn, [other])
    expect(await owe(other)).toEqual({ kind: 'changed' })
  })
})

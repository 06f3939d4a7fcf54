import { beforeAll, expect, test } from 'vitest'
import type { ChallengeId, DeliveryId, DeviceId } from '../../src/domain/ids.ts'
import {
  aChallenge,
  aDevice,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { cancel } from './asking.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})

type End = (user: TestUser, id: ChallengeId) => Promise<unknown>
test.each<[string, End]>([
  ['a cancellation', (user, id) => cancel(stores, user, id)],
  ['a suspension', (user) => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
])(
  '%s is told where the push of the question is out or on its way, and nowhere else',
  async (_, end) => {
    const user = await aUser(stores)
    const [told, failed, elsewhere] = [
      await aDevice(stores, user),
      await aDevice(stores, user),
      await aDevice(stores, user),
    ]
    const asked = await aChallenge(stores, user, [told, failed])
    await aChallenge(stores, user, [elsewhere])
    const owed = (kind: string) =>
      stores.database.query<{ id: DeliveryId; device_id: DeviceId }>(
        'owed_to_user',
        'select id, device_id from deliveries where tenant_id = $1 and challenge_id = $2 and kind = $3',
        [user.tenantId, asked, kind],
      )
    const lost = (await owed('challenge_opened')).find(({ device_id }) => device_id === failed)
    const outcome = { status: 'failed', reason: 'token_not_registered' } as const
    const { tenantId } = user
    const settled = lost ? [{ tenantId, id: lost.id, outcome }] : []
    await stores.deliveries.settle('test', settled)
    await end(user, asked)
    expect((await owed('challenge_closed')).map((one) => one.device_id)).toEqual([told])
  },
)

test('a device that was suspended meanwhile is not pushed when a question is cancelled', async () => {
  const user = await aUser(stores)
  const [live, suspended] = [await aDevice(stores, user), await aDevice(stores, user)]
  const asked = await aChallenge(stores, user, [live, suspended])
  const actor = 'operator'
  await stores.suspensions.suspendDevice({ ...user, deviceId: suspended, actor })
  const cancelled = await cancel(stores, user, asked)
  expect(cancelled?.pushes.map(({ deviceId }) => deviceId)).toEqual([live])
})

import { beforeAll, expect, test } from 'vitest'
import type { ChallengeId, DeliveryId, DeviceId } from '../../src/domain/ids.ts'
import { cancel, runOut } from '../challenges/challenge-steps.ts'
import {
  aDevice,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})

async function expire(id: ChallengeId, only: Parameters<Stores['challenges']['expire']>[0]) {
  await runOut(stores, id)
  expect(await stores.challenges.expire(only, 1_000)).toContain(id)
}

type End = (user: TestUser, id: ChallengeId) => Promise<unknown>
test.each<[string, End]>([
  ['a cancellation', (user, id) => cancel(stores, user, id)],
  ['an expiry that a sweep finds', (_, id) => expire(id, null)],
  ['an expiry that a reader finds', ({ tenantId }, id) => expire(id, { tenantId, id })],
  ['a suspension', (user) => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
])('%s notifies the devices with a push sent or on its way, and no other', async (_, end) => {
  const user = await aUser(stores)
  const [pushedDevice, failedDevice, elsewhere] = [
    await aDevice(stores, user),
    await aDevice(stores, user),
    await aDevice(stores, user),
  ]
  const challengeId = await aStoredChallenge(stores, user, [pushedDevice, failedDevice])
  await aStoredChallenge(stores, user, [elsewhere])
  const pushesOf = (kind: string) =>
    stores.database.query<{ id: DeliveryId; device_id: DeviceId }>(
      'owed_to_user',
      `select id, device_id from deliveries where tenant_id = $1 and challenge_id = $2
        and kind = $3`,
      [user.tenantId, challengeId, kind],
    )
  const failedPush = (await pushesOf('challenge_opened')).find(
    ({ device_id }) => device_id === failedDevice,
  )
  const outcome = { status: 'failed', reason: 'token_not_registered' } as const
  const { tenantId } = user
  const settlements = failedPush ? [{ tenantId, id: failedPush.id, outcome }] : []
  await stores.deliveries.settle('test', settlements)
  await end(user, challengeId)
  expect((await pushesOf('challenge_closed')).map((one) => one.device_id)).toEqual([pushedDevice])
})

test('a device suspended meanwhile gets no push when a challenge is cancelled', async () => {
  const user = await aUser(stores)
  const [activeDevice, suspendedDevice] = [await aDevice(stores, user), await aDevice(stores, user)]
  const challengeId = await aStoredChallenge(stores, user, [activeDevice, suspendedDevice])
  const actor = 'operator'
  await stores.suspensions.suspendDevice({ ...user, deviceId: suspendedDevice, actor })
  const cancellation = await cancel(stores, user, challengeId)
  expect(cancellation?.pushes.map(({ deviceId }) => deviceId)).toEqual([activeDevice])
})

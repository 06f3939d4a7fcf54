import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import { buildDeviceStore } from '../../src/devices/devices.sql.ts'
import { confirmEnrollment } from '../../src/domain/enrollment.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { bothPaths, buildBatchLanes } from '../support/lanes.ts'
import {
  aClaim,
  aDevice,
  aNewChallenge,
  anEnrollment,
  aProof,
  beginOn,
  lockWaiters,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { test } from './device-owner.ts'

describe('operations that lock several devices lock them in one order, and never deadlock', () => {
  /**
   * Stores whose queries read rows in the order in which they were last written, as in small
   * tables.
   */
  async function storesWithoutIndexes(stores: Stores) {
    const url = new URL(stores.url)
    url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off')
    const database = openDatabase({ url: url.href, timeoutMs: 15_000 })
    return {
      database,
      devices: buildDeviceStore(database, systemRandom),
      challenges: buildChallengeStore(database, systemRandom, buildBatchLanes()),
      close: () => database.close(),
    }
  }

  /** Two devices, the elder written last. */
  async function twoDevices(
    stores: Stores,
    user: TestUser,
    tokenHash: Uint8Array = randomBytes(32),
  ) {
    const ids = [
      await aDevice(stores, user, { tokenHash }),
      await aDevice(stores, user, { tokenHash }),
    ] as const
    await stores.devices.change(user.tenantId, ids[0], { name: 'Elder' }, null)
    return ids
  }

  /** Lets both wait for the elder device, `first` before `second`, and then releases it. */
  async function collide<A, B>(
    stores: Stores,
    elder: DeviceId,
    first: () => Promise<A>,
    second: () => Promise<B>,
  ) {
    const lockHolder = await beginOn(stores)
    await lockHolder.query('select 1 from devices where id = $1 for update', [elder])
    const one = first()
    await until('the first waits', async () => (await lockWaiters(stores)) === 1)
    const other = second()
    await until('the second waits', async () => (await lockWaiters(stores)) === 2)
    await lockHolder.commit()
    return Promise.all([one, other])
  }

  test.for(bothPaths)(
    'unregistering all devices never deadlocks with a creation, %s',
    async ([, on], { stores, owner }) => {
      const ids = await twoDevices(stores, owner.user)
      const small = await storesWithoutIndexes(stores)
      const newChallenge = await aNewChallenge(stores, owner.user, ids)
      const [unregistration, creation] = await collide(
        stores,
        ids[0],
        () => owner.unregister([]),
        () => on(small).challenges.create(newChallenge, 'test'),
      )
      await small.close()
      expect(unregistration).toMatchObject({ devices: [{}, {}] })
      expect(creation).toBe('changed')
    },
  )

  test('unregistering all devices never deadlocks with dropping a token', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const ids = await twoDevices(stores, owner.user, tokenHash)
    const small = await storesWithoutIndexes(stores)
    const [unregistration, dropCount] = await collide(
      stores,
      ids[0],
      () => owner.unregister([]),
      () => small.devices.dropPushToken(tokenHash, null, null),
    )
    await small.close()
    expect(unregistration).toMatchObject({ devices: [{}, {}] })
    expect(dropCount).toBe(0)
  })

  test('a replacement never deadlocks with dropping a token of both devices', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const old = await aDevice(stores, owner.user, { tokenHash })
    const newEnrollment = await anEnrollment(stores, owner.user, {
      replacesDeviceId: old,
      confirmationRequired: true,
    })
    const claim = aClaim(newEnrollment, { tokenHash, numberSealed: randomBytes(40) })
    await stores.enrollments.claim(claim)
    const { id } = claim.device
    const record = await stores.enrollments.findForConfirmation(owner.user.tenantId, id)
    if (!record) throw new Error('the device waits for its number')
    const { enrollment } = record
    const [dropCount, confirmation] = await collide(
      stores,
      old,
      () => stores.devices.dropPushToken(tokenHash, null, null),
      () =>
        stores.enrollments.confirm(
          { enrollment, effect: confirmEnrollment(3, true), activities: [] },
          aProof(owner.user, id),
        ),
    )
    expect(dropCount).toBe(2)
    expect(confirmation).toMatchObject({
      kind: 'recorded',
      unregistration: { devices: [{ id: old }] },
    })
    expect(await owner.find(id)).toMatchObject({ status: 'active', hasPushToken: false })
  })
})

import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { aColleague, aDevice, aKey, aProof, aUser, type TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aToken, page, test } from './device-owner.ts'

describe('a device', () => {
  test('is found with its keys and whether it can be pushed and can verify its user', async ({
    stores,
    owner,
  }) => {
    const keys = [aKey(), aKey('verification')]
    const id = await aDevice(stores, owner.user, { keys, withPush: false })
    const knownDevice = await stores.devices.findKnown(owner.user.tenantId, id)
    expect(knownDevice?.device).toMatchObject({
      id,
      userId: owner.user.userId,
      status: 'active',
      hasPushToken: false,
      hasVerificationKey: true,
      activatedAt: expect.any(Date),
      unregisteredAt: null,
    })
    expect(knownDevice?.keys.toSorted((a, b) => a.role.localeCompare(b.role))).toEqual(keys)
    expect(await owner.find(await aDevice(stores, owner.user))).toMatchObject({
      hasPushToken: true,
      hasVerificationKey: false,
    })
  })

  test('a device changes its own description, keeps the rest, and records a new name', async ({
    stores,
    owner,
  }) => {
    const id = await aDevice(stores, owner.user)
    const { tenantId } = owner.user
    const before = await owner.find(id)
    const changes = { name: 'New phone', appVersion: '2' }
    const change = await stores.devices.changeWithProof(
      tenantId,
      id,
      changes,
      owner.renaming(id, 'New phone'),
      aProof(owner.user, id),
    )
    expect(change).toEqual({ ...before, ...changes, lastSeenAt: expect.any(Date) })
    const [latest] = await stores.activities.list(tenantId, owner.user.userId, page)
    expect(latest).toMatchObject({
      type: 'device_renamed',
      deviceId: id,
      details: { to: 'New phone' },
    })
  })

  test('a device of a user stays on record permanently, newest first', async ({
    stores,
    owner,
  }) => {
    const ids = [
      await aDevice(stores, owner.user),
      await aDevice(stores, owner.user),
      await aDevice(stores, owner.user),
    ]
    const [first] = ids
    if (first) await owner.unregister([first])
    const devices = await stores.devices.listOfUser(owner.user.tenantId, owner.user.userId)
    expect(devices.map((device) => device.id)).toEqual(ids.toReversed())
    expect(devices.map((device) => device.status)).toEqual(['active', 'active', 'unregistered'])
  })
})

describe('a proof changes one thing', () => {
  test('of parallel calls of any kinds with one proof one succeeds', async ({ stores, owner }) => {
    const id = await aDevice(stores, owner.user)
    const proof = aProof(owner.user, id)
    const { tenantId } = owner.user
    const calls = [
      () =>
        stores.devices.changeWithProof(tenantId, id, { name: 'A' }, owner.renaming(id, 'A'), proof),
      () => stores.devices.setPushToken(tenantId, id, aToken(), proof),
      () =>
        stores.devices.changeWithProof(tenantId, id, { name: 'B' }, owner.renaming(id, 'B'), proof),
      () => stores.devices.setPushToken(tenantId, id, null, proof),
    ]
    const outcomes = await Promise.all(calls.map((call) => call()))
    expect(outcomes.filter((one) => one === 'proof_replayed')).toHaveLength(3)
    expect(await owner.unregisterWithProof([id], proof)).toBe('proof_replayed')
    expect(await owner.find(id)).toMatchObject({ status: 'active' })
    const activities = await stores.activities.list(tenantId, owner.user.userId, page)
    expect(activities.filter(({ type }) => type === 'device_renamed').length).toBeLessThanOrEqual(1)
  })

  test('the same jti of another device is another proof', async ({ stores, owner }) => {
    const [one, two] = [await aDevice(stores, owner.user), await aDevice(stores, owner.user)]
    const { jti } = aProof(owner.user, one)
    for (const id of [one, two]) {
      const proof = { ...aProof(owner.user, id), jti }
      expect(
        await stores.devices.changeWithProof(owner.user.tenantId, id, { name: 'X' }, null, proof),
      ).toMatchObject({ id })
    }
  })
})

describe('a push token', () => {
  test('a push token is replaced, and removed', async ({ stores, owner }) => {
    const id = await aDevice(stores, owner.user, { withPush: false })
    const { tenantId } = owner.user
    expect(await stores.devices.setPushToken(tenantId, id, aToken(), aProof(owner.user, id))).toBe(
      'done',
    )
    expect(await owner.find(id)).toMatchObject({ hasPushToken: true })
    expect(await stores.devices.setPushToken(tenantId, id, null, aProof(owner.user, id))).toBe(
      'done',
    )
    expect(await owner.find(id)).toMatchObject({ hasPushToken: false })
  })

  test('a push token may be shared, and setting it detaches it from nobody', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const theirs = await aDevice(stores, await aColleague(stores, owner.user, 'bob'), { tokenHash })
    const mine = await aDevice(stores, owner.user)
    await stores.devices.setPushToken(
      owner.user.tenantId,
      mine,
      aToken(tokenHash),
      aProof(owner.user, mine),
    )
    expect(await owner.find(theirs)).toMatchObject({ hasPushToken: true })
    expect(await owner.find(mine)).toMatchObject({ hasPushToken: true })
  })

  test('a dead push token is dropped where it has the same credentials, only there', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const outsider = await aUser(stores)
    const mine = await aDevice(stores, owner.user, { tokenHash })
    const theirs = await aDevice(stores, outsider, { tokenHash })
    const other = await aDevice(stores, owner.user)
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(2)
    expect(await owner.find(mine)).toMatchObject({ status: 'active', hasPushToken: false })
    expect(await stores.devices.find(outsider.tenantId, theirs)).toMatchObject({
      hasPushToken: false,
    })
    expect(await owner.find(other)).toMatchObject({ hasPushToken: true })
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(0)
  })

  test('a token dead for own credentials drops there, for shared ones elsewhere', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const [outsider, appOwner] = [await aUser(stores), await aUser(stores)]
    const mine = await aDevice(stores, owner.user, { tokenHash })
    const theirs = await aDevice(stores, outsider, { tokenHash })
    const ownersDevice = await aDevice(stores, appOwner, { tokenHash })
    const tokenOf = async (of: TestUser, id: DeviceId) =>
      (await stores.devices.find(of.tenantId, id))?.hasPushToken
    await stores.database.query(
      'own_app',
      `insert into apps (tenant_id, id, provider, app_id, name, credentials_sealed, updated_at)
       select tenant_id, $3, push_provider, app_id, 'App', '', clock_timestamp() from devices
       where tenant_id = $1 and id = $2`,
      [appOwner.tenantId, ownersDevice, systemRandom.id('app')],
    )
    expect(await stores.devices.dropPushToken(tokenHash, null, outsider.tenantId)).toBe(1)
    expect([await tokenOf(owner.user, mine), await tokenOf(outsider, theirs)]).toEqual([
      true,
      false,
    ])
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(1)
    expect([await tokenOf(owner.user, mine), await tokenOf(appOwner, ownersDevice)]).toEqual([
      false,
      true,
    ])
    expect(await stores.devices.dropPushToken(tokenHash, null, appOwner.tenantId)).toBe(1)
    expect(await tokenOf(appOwner, ownersDevice)).toBe(false)
  })

  test('a push token that was set again after the time of the reply stays', async ({
    stores,
    owner,
  }) => {
    const tokenHash = randomBytes(32)
    const [old, fresh] = [
      await aDevice(stores, owner.user, { tokenHash }),
      await aDevice(stores, owner.user),
    ]
    const [row] = await stores.database.query<{ now: Date }>(
      'now',
      'select clock_timestamp() as now',
      [],
    )
    const since = new Date((row?.now.getTime() ?? 0) + 1)
    await until('the next millisecond', async () => {
      const [at] = await stores.database.query<{ now: Date }>(
        'now',
        'select clock_timestamp() as now',
        [],
      )
      return at && at.now > since
    })
    await stores.devices.setPushToken(
      owner.user.tenantId,
      fresh,
      aToken(tokenHash),
      aProof(owner.user, fresh),
    )
    expect(await stores.devices.dropPushToken(tokenHash, since, null)).toBe(1)
    expect(await owner.find(old)).toMatchObject({ hasPushToken: false })
    expect(await owner.find(fresh)).toMatchObject({ hasPushToken: true })
  })
})

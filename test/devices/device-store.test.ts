import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import { buildDeviceStore } from '../../src/devices/devices.sql.ts'
import { activity } from '../../src/domain/activity.ts'
import type { UnregisterReason } from '../../src/domain/device.ts'
import { confirmEnrollment } from '../../src/domain/enrollment.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import {
  aChallenge,
  aClaim,
  aColleague,
  aDevice,
  aKey,
  aNewChallenge,
  anAnswer,
  anEnrollment,
  aProof,
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
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
const page = { limit: 100, before: null }

const unregistration = (deviceIds: readonly DeviceId[], reason: UnregisterReason = 'lost') => {
  const { tenantId, userId } = user
  return { tenantId, userId, deviceIds, reason, actor: 'operator' } as const
}
const unregister = (deviceIds: readonly DeviceId[], reason?: UnregisterReason) =>
  stores.devices.unregister(unregistration(deviceIds, reason))
const unregisterWithProof = (deviceIds: readonly DeviceId[], proof: ReturnType<typeof aProof>) =>
  stores.devices.unregisterWithProof(unregistration(deviceIds), proof)

function renaming(id: DeviceId, to: string) {
  const about = { userId: user.userId, actor: 'operator', deviceId: id } as const
  return activity({ ...about, type: 'device_renamed', details: { to } })
}

function aToken(tokenHash: Uint8Array = randomBytes(32)) {
  return {
    provider: 'fcm',
    environment: 'production',
    appId: 'com.example.app',
    tokenSealed: randomBytes(80),
    tokenHash,
  } as const
}

describe('a device', () => {
  test('is found with its keys and whether it can be pushed and can verify its user', async () => {
    const keys = [aKey(), aKey('verification')]
    const id = await aDevice(stores, user, { keys, withPush: false })
    const knownDevice = await stores.devices.findKnown(user.tenantId, id)
    expect(knownDevice?.device).toMatchObject({
      id,
      userId: user.userId,
      status: 'active',
      hasPushToken: false,
      hasVerificationKey: true,
      activatedAt: expect.any(Date),
      unregisteredAt: null,
    })
    expect(knownDevice?.keys.toSorted((a, b) => a.role.localeCompare(b.role))).toEqual(keys)
    expect(await find(await aDevice(stores, user))).toMatchObject({
      hasPushToken: true,
      hasVerificationKey: false,
    })
  })

  test('a device changes its own description, keeps the rest, and records a new name', async () => {
    const id = await aDevice(stores, user)
    const { tenantId } = user
    const before = await find(id)
    const changes = { name: 'New phone', appVersion: '2' }
    const change = await stores.devices.changeWithProof(
      tenantId,
      id,
      changes,
      renaming(id, 'New phone'),
      aProof(user, id),
    )
    expect(change).toEqual({ ...before, ...changes, lastSeenAt: expect.any(Date) })
    const [latest] = await stores.activities.list(tenantId, user.userId, page)
    expect(latest).toMatchObject({
      type: 'device_renamed',
      deviceId: id,
      details: { to: 'New phone' },
    })
  })

  test('a device of a user stays on record permanently, newest first', async () => {
    const ids = [
      await aDevice(stores, user),
      await aDevice(stores, user),
      await aDevice(stores, user),
    ]
    const [first] = ids
    if (first) await unregister([first])
    const devices = await stores.devices.listOfUser(user.tenantId, user.userId)
    expect(devices.map((device) => device.id)).toEqual(ids.toReversed())
    expect(devices.map((device) => device.status)).toEqual(['active', 'active', 'unregistered'])
  })
})

describe('a proof changes one thing', () => {
  test('of parallel calls of any kinds with one proof one succeeds', async () => {
    const id = await aDevice(stores, user)
    const proof = aProof(user, id)
    const { tenantId } = user
    const calls = [
      () => stores.devices.changeWithProof(tenantId, id, { name: 'A' }, renaming(id, 'A'), proof),
      () => stores.devices.setPushToken(tenantId, id, aToken(), proof),
      () => stores.devices.changeWithProof(tenantId, id, { name: 'B' }, renaming(id, 'B'), proof),
      () => stores.devices.setPushToken(tenantId, id, null, proof),
    ]
    const outcomes = await Promise.all(calls.map((call) => call()))
    expect(outcomes.filter((one) => one === 'proof_replayed')).toHaveLength(3)
    expect(await unregisterWithProof([id], proof)).toBe('proof_replayed')
    expect(await find(id)).toMatchObject({ status: 'active' })
    const activities = await stores.activities.list(tenantId, user.userId, page)
    expect(activities.filter(({ type }) => type === 'device_renamed').length).toBeLessThanOrEqual(1)
  })

  test('the same jti of another device is another proof', async () => {
    const [one, two] = [await aDevice(stores, user), await aDevice(stores, user)]
    const { jti } = aProof(user, one)
    for (const id of [one, two]) {
      const proof = { ...aProof(user, id), jti }
      expect(
        await stores.devices.changeWithProof(user.tenantId, id, { name: 'X' }, null, proof),
      ).toMatchObject({ id })
    }
  })
})

describe('unregistering', () => {
  test('unregistering is permanent, keeps the first reason and is recorded once', async () => {
    const id = await aDevice(stores, user)
    const unregistration = await unregister([id], 'stolen')
    expect(unregistration).toMatchObject({
      devices: [{ id, status: 'unregistered', unregisterReason: 'stolen' }],
    })
    expect(await unregister([id], 'admin')).toEqual({
      devices: [],
      endedChallenges: [],
    })
    expect(await find(id)).toMatchObject({ unregisterReason: 'stolen', hasPushToken: false })
    const activities = await stores.activities.list(user.tenantId, user.userId, page)
    expect(activities.filter(({ type }) => type === 'device_unregistered')).toMatchObject([
      { deviceId: id, details: { reason: 'stolen', name: 'Phone' } },
    ])
  })

  test('unregistering by parallel calls happens once', async () => {
    const id = await aDevice(stores, user)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => unregister([id])))
    expect(outcomes.flatMap(({ devices }) => devices)).toHaveLength(1)
  })

  test('unregistering takes all devices of a user if none is named, of nobody else', async () => {
    const colleague = await aColleague(stores, user, 'bob')
    const theirs = await aDevice(stores, colleague)
    const mine = [await aDevice(stores, user), await aDevice(stores, user)]
    const unregistration = await unregister([])
    expect(unregistration).toMatchObject({ devices: mine.map((id) => ({ id })) })
    expect(await find(theirs)).toMatchObject({ status: 'active' })
  })

  test('unregistering changes no device of another user, even when it is named', async () => {
    const theirs = await aDevice(stores, await aColleague(stores, user, 'bob'))
    expect(await unregister([theirs])).toEqual({ devices: [], endedChallenges: [] })
    expect(await find(theirs)).toMatchObject({ status: 'active' })
  })

  test('unregistering ends orphaned challenges, erases their numbers, and records it', async () => {
    const [one, two] = [await aDevice(stores, user), await aDevice(stores, user)]
    const both = await aChallenge(stores, user, [one, two])
    const alone = await aChallenge(stores, user, [one])
    expect(await unregister([one])).toMatchObject({ endedChallenges: [alone] })
    const { tenantId, rpId, userId } = user
    expect((await stores.challenges.find(tenantId, rpId, both))?.challenge.status).toBe('pending')
    expect((await stores.challenges.find(tenantId, rpId, alone))?.challenge).toMatchObject({
      status: 'denied',
      reason: 'no_device_left',
      decidedAt: expect.any(Date),
      decidedDeviceId: null,
    })
    const activities = await stores.activities.list(tenantId, userId, page)
    expect(activities.filter(({ type }) => type === 'challenge_denied')).toMatchObject([
      { challengeId: alone, actor: 'service', details: { reason: 'no_device_left' } },
    ])
  })

  test('unregistering leaves an expired challenge to the sweep', async () => {
    const id = await aDevice(stores, user)
    await aChallenge(stores, user, [id], { ttlMs: -1 })
    expect(await unregister([id])).toMatchObject({ endedChallenges: [] })
  })

  test('an unregistered device cannot change: neither name nor push token comes back', async () => {
    const id = await aDevice(stores, user)
    await unregister([id])
    const { tenantId } = user
    expect(
      await stores.devices.changeWithProof(tenantId, id, { name: 'X' }, null, aProof(user, id)),
    ).toBeNull()
    expect(await stores.devices.setPushToken(tenantId, id, aToken(), aProof(user, id))).toBeNull()
    expect(await find(id)).toMatchObject({ name: 'Phone', hasPushToken: false })
  })

  test('unregistering waits for an answer under way, and refuses every later one', async () => {
    const [id, otherDevice] = [await aDevice(stores, user), await aDevice(stores, user)]
    const challengeId = await aChallenge(stores, user, [id, otherDevice])
    const answering = await beginOn(stores)
    await answering.query('select 1 from devices where id = $1 for share', [id])
    const unregistering = unregister([id])
    await until('the unregistration waits', async () => (await lockWaiters(stores)) === 1)
    expect(await find(id)).toMatchObject({ status: 'active' })
    await answering.commit()
    expect(await unregistering).toMatchObject({ devices: [{ id }] })
    const late = await stores.challenges.recordAnswer(
      anAnswer(user, challengeId, id),
      aProof(user, id),
    )
    expect(late).toEqual({ kind: 'device_not_active' })
  })

  test('unregistering refuses an answer that waited for it', async () => {
    const [id, otherDevice] = [await aDevice(stores, user), await aDevice(stores, user)]
    const challengeId = await aChallenge(stores, user, [id, otherDevice])
    const unregistering = await beginOn(stores)
    await unregistering.query(
      `update devices set status = 'unregistered', unregistered_at = clock_timestamp()
        where id = $1`,
      [id],
    )
    const answering = stores.challenges.recordAnswer(
      anAnswer(user, challengeId, id),
      aProof(user, id),
    )
    await until('the answer waits', async () => (await lockWaiters(stores)) === 1)
    await unregistering.commit()
    expect(await answering).toEqual({ kind: 'device_not_active' })
  })
})

describe('a push token', () => {
  test('a push token is replaced, and removed', async () => {
    const id = await aDevice(stores, user, { withPush: false })
    const { tenantId } = user
    expect(await stores.devices.setPushToken(tenantId, id, aToken(), aProof(user, id))).toBe('done')
    expect(await find(id)).toMatchObject({ hasPushToken: true })
    expect(await stores.devices.setPushToken(tenantId, id, null, aProof(user, id))).toBe('done')
    expect(await find(id)).toMatchObject({ hasPushToken: false })
  })

  test('a push token may be shared, and setting it detaches it from nobody', async () => {
    const tokenHash = randomBytes(32)
    const theirs = await aDevice(stores, await aColleague(stores, user, 'bob'), { tokenHash })
    const mine = await aDevice(stores, user)
    await stores.devices.setPushToken(user.tenantId, mine, aToken(tokenHash), aProof(user, mine))
    expect(await find(theirs)).toMatchObject({ hasPushToken: true })
    expect(await find(mine)).toMatchObject({ hasPushToken: true })
  })

  test('a dead push token is dropped where it has the same credentials, only there', async () => {
    const tokenHash = randomBytes(32)
    const outsider = await aUser(stores)
    const mine = await aDevice(stores, user, { tokenHash })
    const theirs = await aDevice(stores, outsider, { tokenHash })
    const other = await aDevice(stores, user)
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(2)
    expect(await find(mine)).toMatchObject({ status: 'active', hasPushToken: false })
    expect(await stores.devices.find(outsider.tenantId, theirs)).toMatchObject({
      hasPushToken: false,
    })
    expect(await find(other)).toMatchObject({ hasPushToken: true })
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(0)
  })

  test('a token dead for own credentials drops there, for shared ones elsewhere', async () => {
    const tokenHash = randomBytes(32)
    const [outsider, owner] = [await aUser(stores), await aUser(stores)]
    const mine = await aDevice(stores, user, { tokenHash })
    const theirs = await aDevice(stores, outsider, { tokenHash })
    const ownersDevice = await aDevice(stores, owner, { tokenHash })
    const tokenOf = async (of: TestUser, id: DeviceId) =>
      (await stores.devices.find(of.tenantId, id))?.hasPushToken
    await stores.database.query(
      'own_app',
      `insert into apps (tenant_id, id, provider, app_id, name, credentials_sealed, updated_at)
       select tenant_id, $3, push_provider, app_id, 'App', '', clock_timestamp() from devices
       where tenant_id = $1 and id = $2`,
      [owner.tenantId, ownersDevice, systemRandom.id('app')],
    )
    expect(await stores.devices.dropPushToken(tokenHash, null, outsider.tenantId)).toBe(1)
    expect([await tokenOf(user, mine), await tokenOf(outsider, theirs)]).toEqual([true, false])
    expect(await stores.devices.dropPushToken(tokenHash, null, null)).toBe(1)
    expect([await tokenOf(user, mine), await tokenOf(owner, ownersDevice)]).toEqual([false, true])
    expect(await stores.devices.dropPushToken(tokenHash, null, owner.tenantId)).toBe(1)
    expect(await tokenOf(owner, ownersDevice)).toBe(false)
  })

  test('a push token that was set again after the time of the reply stays', async () => {
    const tokenHash = randomBytes(32)
    const [old, fresh] = [await aDevice(stores, user, { tokenHash }), await aDevice(stores, user)]
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
    await stores.devices.setPushToken(user.tenantId, fresh, aToken(tokenHash), aProof(user, fresh))
    expect(await stores.devices.dropPushToken(tokenHash, since, null)).toBe(1)
    expect(await find(old)).toMatchObject({ hasPushToken: false })
    expect(await find(fresh)).toMatchObject({ hasPushToken: true })
  })
})

describe('operations that lock several devices lock them in one order, and never deadlock', () => {
  /**
   * Stores whose queries read rows in the order in which they were last written, as in small
   * tables.
   */
  async function storesWithoutIndexes() {
    const url = new URL(stores.url)
    url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off')
    const database = openDatabase({ url: url.href, timeoutMs: 15_000 })
    return {
      devices: buildDeviceStore(database, systemRandom),
      challenges: buildChallengeStore(database, systemRandom),
      close: () => database.close(),
    }
  }

  /** Two devices, the elder written last. */
  async function twoDevices(tokenHash: Uint8Array = randomBytes(32)) {
    const ids = [
      await aDevice(stores, user, { tokenHash }),
      await aDevice(stores, user, { tokenHash }),
    ] as const
    await stores.devices.change(user.tenantId, ids[0], { name: 'Elder' }, null)
    return ids
  }

  /** Lets both wait for the elder device, `first` before `second`, and then releases it. */
  async function collide<A, B>(elder: DeviceId, first: () => Promise<A>, second: () => Promise<B>) {
    const lockHolder = await beginOn(stores)
    await lockHolder.query('select 1 from devices where id = $1 for update', [elder])
    const one = first()
    await until('the first waits', async () => (await lockWaiters(stores)) === 1)
    const other = second()
    await until('the second waits', async () => (await lockWaiters(stores)) === 2)
    await lockHolder.commit()
    return Promise.all([one, other])
  }

  test('unregistering all devices never deadlocks with a creation', async () => {
    const ids = await twoDevices()
    const small = await storesWithoutIndexes()
    const newChallenge = await aNewChallenge(stores, user, ids)
    const [unregistration, creation] = await collide(
      ids[0],
      () => unregister([]),
      () => small.challenges.create(newChallenge, 'test'),
    )
    await small.close()
    expect(unregistration).toMatchObject({ devices: [{}, {}] })
    expect(creation).toBe('changed')
  })

  test('unregistering all devices never deadlocks with dropping a token', async () => {
    const tokenHash = randomBytes(32)
    const ids = await twoDevices(tokenHash)
    const small = await storesWithoutIndexes()
    const [unregistration, dropCount] = await collide(
      ids[0],
      () => unregister([]),
      () => small.devices.dropPushToken(tokenHash, null, null),
    )
    await small.close()
    expect(unregistration).toMatchObject({ devices: [{}, {}] })
    expect(dropCount).toBe(0)
  })

  test('a replacement never deadlocks with dropping a token of both devices', async () => {
    const tokenHash = randomBytes(32)
    const old = await aDevice(stores, user, { tokenHash })
    const newEnrollment = await anEnrollment(stores, user, {
      replacesDeviceId: old,
      confirmationRequired: true,
    })
    const claim = aClaim(newEnrollment, { tokenHash, numberSealed: randomBytes(40) })
    await stores.enrollments.claim(claim)
    const { id } = claim.device
    const record = await stores.enrollments.findForConfirmation(user.tenantId, id)
    if (!record) throw new Error('the device waits for its number')
    const { enrollment } = record
    const [dropCount, confirmation] = await collide(
      old,
      () => stores.devices.dropPushToken(tokenHash, null, null),
      () =>
        stores.enrollments.confirm(
          { enrollment, effect: confirmEnrollment(3, true), activities: [] },
          aProof(user, id),
        ),
    )
    expect(dropCount).toBe(2)
    expect(confirmation).toMatchObject({
      kind: 'recorded',
      unregistration: { devices: [{ id: old }] },
    })
    expect(await find(id)).toMatchObject({ status: 'active', hasPushToken: false })
  })
})

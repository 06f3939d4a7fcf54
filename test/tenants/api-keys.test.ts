import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyId } from '../../src/domain/ids.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import {
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

const secretHash = randomBytes(32)

function aKey(name = 'key', expiresAt: Date | null = null) {
  const { tenantId, rpId } = user
  const id = systemRandom.id('apiKey')
  const scopes = ['users:read'] as const
  const key = { tenantId, id, rpId, name, scopes, expiresAt, allowedAddresses: ['192.0.2.1'] }
  return stores.apiKeys.create(key, secretHash, 'operator')
}

async function audit(): Promise<{ type: string; subject: string; details: object }[]> {
  return stores.database.query(
    'audit',
    `select type, subject, actor, details from audit_events
     where tenant_id = $1 and type like 'api_key_%' order by id`,
    [user.tenantId],
  )
}

test('a key is found by its public part, with rights, owner and secret hash', async () => {
  const key = await aKey()
  expect(key).toMatchObject({ scopes: ['users:read'], revokedAt: null, lastUsedAt: null })
  expect(await stores.apiKeys.findCredential(key.id)).toEqual({
    key,
    secretHash,
    relyingParty: expect.objectContaining({ id: user.rpId, name: 'RP', namespaces: ['default'] }),
  })
  expect(await stores.apiKeys.findCredential(systemRandom.id('apiKey'))).toBeNull()
})

test('creating and revoking a key are recorded, once each, and never with its hash', async () => {
  const { id } = await aKey('backend')
  await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  const events = await audit()
  expect(events).toMatchObject([
    { type: 'api_key_created', subject: id, details: { name: 'backend', scopes: 'users:read' } },
    { type: 'api_key_revoked', subject: id },
  ])
  expect(JSON.stringify(events)).not.toContain(secretHash.toString('hex'))
})

test('a key is revoked permanently, and the first time is kept', async () => {
  const { id } = await aKey()
  const revocation = await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  expect(revocation?.revokedAt).toBeInstanceOf(Date)
  expect(await stores.apiKeys.revoke(user.tenantId, id, 'operator')).toEqual(revocation)
  expect((await stores.apiKeys.findCredential(id))?.key).toEqual(revocation)
  expect(
    await stores.apiKeys.revoke(user.tenantId, systemRandom.id('apiKey'), 'operator'),
  ).toBeNull()
})

test('of parallel revocations one is recorded', async () => {
  const { id } = await aKey()
  await Promise.all(
    Array.from({ length: 10 }, () => stores.apiKeys.revoke(user.tenantId, id, 'operator')),
  )
  expect((await audit()).filter(({ type }) => type === 'api_key_revoked')).toHaveLength(1)
})

test('a tenant’s keys are listed newest first, including the revoked ones', async () => {
  const [first, second] = [await aKey('first'), await aKey('second')]
  await stores.apiKeys.revoke(user.tenantId, first.id, 'operator')
  const keys = await stores.apiKeys.list(user.tenantId)
  expect(keys.map(({ id }) => id)).toEqual([second.id, first.id])
})

test('the last use of several keys is recorded in one batch, and only of those', async () => {
  const { tenantId } = user
  const [one, two, idle] = [await aKey(), await aKey(), await aKey()]
  await stores.apiKeys.touch([
    { tenantId, id: one.id },
    { tenantId, id: two.id },
  ])
  const usedKeys = (await stores.apiKeys.list(tenantId)).filter((key) => key.lastUsedAt !== null)
  expect(usedKeys.map(({ id }) => id)).toEqual([two.id, one.id])
  expect(usedKeys.map(({ id }) => id)).not.toContain(idle.id)
})

describe('rotating a key', () => {
  const successorHash = randomBytes(32)

  async function rotate(id: ApiKeyId, overlapSeconds = 3600, expiresAt?: Date | null) {
    const { tenantId } = user
    const successorId = systemRandom.id('apiKey')
    const rotation = { tenantId, id, successorId, overlapSeconds, expiresAt }
    return stores.apiKeys.rotate(rotation, successorHash, 'operator')
  }

  async function rotateSuccessfully(...args: Parameters<typeof rotate>) {
    const rotation = await rotate(...args)
    if (rotation === null || isRefusal(rotation)) throw new Error(JSON.stringify(rotation))
    return rotation
  }

  test('creates a key of the same rights and lineage, with a secret of its own', async () => {
    const old = await aKey('backend')
    const { key, previous } = await rotateSuccessfully(old.id)
    const { id, createdAt, ...rights } = key
    const { id: oldId, createdAt: oldCreatedAt, ...oldRights } = old
    expect(rights).toEqual(oldRights)
    expect(key.lineageId).toBe(oldId)
    expect((await stores.apiKeys.findCredential(id))?.secretHash).toEqual(successorHash)
    expect((await stores.apiKeys.findCredential(oldId))?.secretHash).toEqual(secretHash)
    const leftMs = (previous.expiresAt?.getTime() ?? 0) - createdAt.getTime()
    expect(leftMs).toBeGreaterThan(3_590_000)
    expect(leftMs).toBeLessThan(3_610_000)
    expect(oldCreatedAt).toEqual(previous.createdAt)
    expect((await audit()).at(-1)).toMatchObject({
      type: 'api_key_rotated',
      subject: oldId,
      details: { successor: id, overlapSeconds: 3600 },
    })
  })

  test('rotating a key never lengthens the life of the old key', async () => {
    const soon = new Date(Date.now() + 60_000)
    const { previous } = await rotateSuccessfully((await aKey('short', soon)).id)
    expect(previous.expiresAt).toEqual(soon)
  })

  test('gives the new key the same lifetime as the old one, or the requested end', async () => {
    const lifeMs = 86_400_000
    const old = await aKey('daily', new Date(Date.now() + lifeMs))
    const { key } = await rotateSuccessfully(old.id, 0)
    const ownMs = (key.expiresAt?.getTime() ?? 0) - key.createdAt.getTime()
    expect(Math.abs(ownMs - lifeMs)).toBeLessThan(10_000)
    const end = new Date(Date.now() + 5_000)
    expect((await rotateSuccessfully(key.id, 0, end)).key.expiresAt).toEqual(end)
  })

  test('succeeds once of 50 in parallel: at most two keys of a lineage are live', async () => {
    const { id } = await aKey()
    const rotations = await Promise.all(Array.from({ length: 50 }, () => rotate(id)))
    expect(rotations.filter((one) => !isRefusal(one))).toHaveLength(1)
    const refusals = rotations.filter((one) => isRefusal(one))
    expect(refusals.every((one) => one.refused === 'rotation_under_way')).toBe(true)
    expect(refusals[0]?.retryAfterSeconds).toBeGreaterThan(3_590)
    expect(await stores.apiKeys.list(user.tenantId)).toHaveLength(2)
  })

  test('is refused for the new key until the old one has ended or is revoked', async () => {
    const old = await aKey()
    const { key } = await rotateSuccessfully(old.id)
    expect(await rotate(key.id)).toMatchObject({ refused: 'rotation_under_way' })
    await stores.apiKeys.revoke(user.tenantId, old.id, 'operator')
    expect((await rotateSuccessfully(key.id)).key.lineageId).toBe(old.id)
  })

  test('rotating a key works again for the old key after a lost new key was revoked', async () => {
    const old = await aKey()
    const lostRotation = await rotateSuccessfully(old.id)
    await stores.apiKeys.revoke(user.tenantId, lostRotation.key.id, 'operator')
    const again = await rotateSuccessfully(old.id, 7200)
    expect(again.previous.expiresAt).toEqual(lostRotation.previous.expiresAt)
  })

  test('a key whose revocation commits first gets no successor', async () => {
    const first = await aKey()
    const { key } = await rotateSuccessfully(first.id)
    await stores.apiKeys.revoke(user.tenantId, first.id, 'operator')
    const revoking = await beginOn(stores)
    await revoking.query('update api_keys set revoked_at = clock_timestamp() where id = $1', [
      key.id,
    ])
    const rotating = rotate(key.id)
    await until('the rotation waits', async () => (await lockWaiters(stores)) === 1)
    await revoking.commit()
    expect(await rotating).toEqual({ refused: 'api_key_not_live' })
  })

  test('a key that has ended, is revoked or does not exist gets no successor', async () => {
    const revokedKey = await aKey()
    await stores.apiKeys.revoke(user.tenantId, revokedKey.id, 'operator')
    const expiredKey = await aKey('ended', new Date(Date.now() - 1000))
    for (const { id } of [revokedKey, expiredKey])
      expect(await rotate(id)).toEqual({ refused: 'api_key_not_live' })
    expect(await rotate(systemRandom.id('apiKey'))).toBeNull()
  })
})

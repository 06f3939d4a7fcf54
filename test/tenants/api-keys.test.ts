import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { ApiKeyId } from '../../src/domain/ids.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { beginOn, lockWaiters, type Stores, type TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { userTest } from '../support/world-test.ts'

/** The keys of the user's relying party. */
function keysOf(stores: Stores, user: TestUser) {
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
  return { aKey, audit, rotate, rotateSuccessfully }
}

const test = userTest.extend('scene', ({ stores, user }) => keysOf(stores, user))

const secretHash = randomBytes(32)
const successorHash = randomBytes(32)

test('a key is found by its public part, with rights, owner and secret hash', async ({
  scene,
  stores,
  user,
}) => {
  const key = await scene.aKey()
  expect(key).toMatchObject({ scopes: ['users:read'], revokedAt: null, lastUsedAt: null })
  expect(await stores.apiKeys.findCredential(key.id)).toEqual({
    key,
    secretHash,
    relyingParty: expect.objectContaining({ id: user.rpId, name: 'RP', namespaces: ['default'] }),
  })
  expect(await stores.apiKeys.findCredential(systemRandom.id('apiKey'))).toBeNull()
})

test('creating and revoking a key are recorded, once each, and never with its hash', async ({
  scene,
  stores,
  user,
}) => {
  const { id } = await scene.aKey('backend')
  await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  const events = await scene.audit()
  expect(events).toMatchObject([
    { type: 'api_key_created', subject: id, details: { name: 'backend', scopes: 'users:read' } },
    { type: 'api_key_revoked', subject: id },
  ])
  expect(JSON.stringify(events)).not.toContain(secretHash.toString('hex'))
})

test('a key is revoked permanently, and the first time is kept', async ({
  scene,
  stores,
  user,
}) => {
  const { id } = await scene.aKey()
  const revocation = await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  expect(revocation?.revokedAt).toBeInstanceOf(Date)
  expect(await stores.apiKeys.revoke(user.tenantId, id, 'operator')).toEqual(revocation)
  expect((await stores.apiKeys.findCredential(id))?.key).toEqual(revocation)
  expect(
    await stores.apiKeys.revoke(user.tenantId, systemRandom.id('apiKey'), 'operator'),
  ).toBeNull()
})

test('of parallel revocations one is recorded', async ({ scene, stores, user }) => {
  const { id } = await scene.aKey()
  await Promise.all(
    Array.from({ length: 10 }, () => stores.apiKeys.revoke(user.tenantId, id, 'operator')),
  )
  expect((await scene.audit()).filter(({ type }) => type === 'api_key_revoked')).toHaveLength(1)
})

test('a tenant’s keys are listed newest first, including the revoked ones', async ({
  scene,
  stores,
  user,
}) => {
  const [first, second] = [await scene.aKey('first'), await scene.aKey('second')]
  await stores.apiKeys.revoke(user.tenantId, first.id, 'operator')
  const keys = await stores.apiKeys.list(user.tenantId)
  expect(keys.map(({ id }) => id)).toEqual([second.id, first.id])
})

test('the last use of several keys is recorded in one batch, and only of those', async ({
  user,
  scene,
  stores,
}) => {
  const { tenantId } = user
  const [one, two, idle] = [await scene.aKey(), await scene.aKey(), await scene.aKey()]
  await stores.apiKeys.touch([
    { tenantId, id: one.id },
    { tenantId, id: two.id },
  ])
  const usedKeys = (await stores.apiKeys.list(tenantId)).filter((key) => key.lastUsedAt !== null)
  expect(usedKeys.map(({ id }) => id)).toEqual([two.id, one.id])
  expect(usedKeys.map(({ id }) => id)).not.toContain(idle.id)
})

describe('rotating a key', () => {
  test('creates a key of the same rights and lineage, with a secret of its own', async ({
    scene,
    stores,
  }) => {
    const old = await scene.aKey('backend')
    const { key, previous } = await scene.rotateSuccessfully(old.id)
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
    expect((await scene.audit()).at(-1)).toMatchObject({
      type: 'api_key_rotated',
      subject: oldId,
      details: { successor: id, overlapSeconds: 3600 },
    })
  })

  test('rotating a key never lengthens the life of the old key', async ({ scene }) => {
    const soon = new Date(Date.now() + 60_000)
    const { previous } = await scene.rotateSuccessfully((await scene.aKey('short', soon)).id)
    expect(previous.expiresAt).toEqual(soon)
  })

  test('gives the new key the same lifetime as the old one, or the requested end', async ({
    scene,
  }) => {
    const lifeMs = 86_400_000
    const old = await scene.aKey('daily', new Date(Date.now() + lifeMs))
    const { key } = await scene.rotateSuccessfully(old.id, 0)
    const ownMs = (key.expiresAt?.getTime() ?? 0) - key.createdAt.getTime()
    expect(Math.abs(ownMs - lifeMs)).toBeLessThan(10_000)
    const end = new Date(Date.now() + 5_000)
    expect((await scene.rotateSuccessfully(key.id, 0, end)).key.expiresAt).toEqual(end)
  })

  test('succeeds once of 50 in parallel: at most two keys of a lineage are live', async ({
    scene,
    stores,
    user,
  }) => {
    const { id } = await scene.aKey()
    const rotations = await Promise.all(Array.from({ length: 50 }, () => scene.rotate(id)))
    expect(rotations.filter((one) => !isRefusal(one))).toHaveLength(1)
    const refusals = rotations.filter((one) => isRefusal(one))
    expect(refusals.every((one) => one.refused === 'rotation_under_way')).toBe(true)
    expect(refusals[0]?.retryAfterSeconds).toBeGreaterThan(3_590)
    expect(await stores.apiKeys.list(user.tenantId)).toHaveLength(2)
  })

  test('is refused for the new key until the old one has ended or is revoked', async ({
    scene,
    stores,
    user,
  }) => {
    const old = await scene.aKey()
    const { key } = await scene.rotateSuccessfully(old.id)
    expect(await scene.rotate(key.id)).toMatchObject({ refused: 'rotation_under_way' })
    await stores.apiKeys.revoke(user.tenantId, old.id, 'operator')
    expect((await scene.rotateSuccessfully(key.id)).key.lineageId).toBe(old.id)
  })

  test('rotating a key works again for the old key after a lost new key was revoked', async ({
    scene,
    stores,
    user,
  }) => {
    const old = await scene.aKey()
    const lostRotation = await scene.rotateSuccessfully(old.id)
    await stores.apiKeys.revoke(user.tenantId, lostRotation.key.id, 'operator')
    const again = await scene.rotateSuccessfully(old.id, 7200)
    expect(again.previous.expiresAt).toEqual(lostRotation.previous.expiresAt)
  })

  test('a key whose revocation commits first gets no successor', async ({
    scene,
    stores,
    user,
  }) => {
    const first = await scene.aKey()
    const { key } = await scene.rotateSuccessfully(first.id)
    await stores.apiKeys.revoke(user.tenantId, first.id, 'operator')
    const revoking = await beginOn(stores)
    await revoking.query('update api_keys set revoked_at = clock_timestamp() where id = $1', [
      key.id,
    ])
    const rotating = scene.rotate(key.id)
    await until('the rotation waits', async () => (await lockWaiters(stores)) === 1)
    await revoking.commit()
    expect(await rotating).toEqual({ refused: 'api_key_not_live' })
  })

  test('a key that has ended, is revoked or does not exist gets no successor', async ({
    scene,
    stores,
    user,
  }) => {
    const revokedKey = await scene.aKey()
    await stores.apiKeys.revoke(user.tenantId, revokedKey.id, 'operator')
    const expiredKey = await scene.aKey('ended', new Date(Date.now() - 1000))
    for (const { id } of [revokedKey, expiredKey])
      expect(await scene.rotate(id)).toEqual({ refused: 'api_key_not_live' })
    expect(await scene.rotate(systemRandom.id('apiKey'))).toBeNull()
  })
})

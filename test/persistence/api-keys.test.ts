import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemRandom } from '../../src/outbound/random.ts'
import { aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'

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

function aKey(name = 'key') {
  const { tenantId, rpId } = user
  const id = systemRandom.id('apiKey')
  const key = { tenantId, id, rpId, name, scopes: ['users:read'], expiresAt: null } as const
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

test('a key is found by its public part, with what it may do, for whom, and the hash of its secret', async () => {
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

test('a key is revoked for ever, and the first time stands', async () => {
  const { id } = await aKey()
  const revoked = await stores.apiKeys.revoke(user.tenantId, id, 'operator')
  expect(revoked?.revokedAt).toBeInstanceOf(Date)
  expect(await stores.apiKeys.revoke(user.tenantId, id, 'operator')).toEqual(revoked)
  expect((await stores.apiKeys.findCredential(id))?.key).toEqual(revoked)
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

test('a tenant’s keys are listed newest first, the revoked among them', async () => {
  const [first, second] = [await aKey('first'), await aKey('second')]
  await stores.apiKeys.revoke(user.tenantId, first.id, 'operator')
  const listed = await stores.apiKeys.list(user.tenantId)
  expect(listed.map(({ id }) => id)).toEqual([second.id, first.id])
})

test('the last use of several keys is noted at once, and only of those', async () => {
  const { tenantId } = user
  const [one, two, idle] = [await aKey(), await aKey(), await aKey()]
  await stores.apiKeys.touch([
    { tenantId, id: one.id },
    { tenantId, id: two.id },
  ])
  const used = (await stores.apiKeys.list(tenantId)).filter((key) => key.lastUsedAt !== null)
  expect(used.map(({ id }) => id)).toEqual([two.id, one.id])
  expect(used.map(({ id }) => id)).not.toContain(idle.id)
})

import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { anyRequest, aUser, type Stores, type TestUser, thumbprint } from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'

/** Rotations of the tenant's key. */
function rotationOf(stores: Stores, user: TestUser) {
  const rotate = (key: ReturnType<typeof next>) =>
    stores.signingKeys.rotate(user.tenantId, key, 'operator')
  return { rotate }
}

const test = userTest.extend('scene', ({ stores, user }) => rotationOf(stores, user))

const next = (seq: number) => ({
  kid: thumbprint(),
  publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const,
  privateSealed: randomBytes(60),
  seq,
  linkJws: `link-${seq}`,
})

test('a rotation retires the old key, adds the next with its link, and is recorded', async ({
  scene,
  stores,
  user,
}) => {
  const key = next(2)
  expect(await scene.rotate(key)).toBe('done')
  const { privateSealed, ...publicKey } = key
  expect(await stores.signingKeys.list(user.tenantId)).toEqual([
    { ...publicKey, status: 'active' },
    expect.objectContaining({ kid: user.signingKid, seq: 1, status: 'retired' }),
  ])
  expect(await stores.signingKeys.findPrivate(user.tenantId, key.kid)).toEqual(privateSealed)
  const auditEvents = await stores.database.query(
    'audit_of_rotation',
    `select subject, details from audit_events where tenant_id = $1
      and type = 'signing_key_rotated'`,
    [user.tenantId],
  )
  expect(auditEvents).toEqual([{ subject: key.kid, details: { seq: 2 } }])
})

test('of 5 concurrent rotations one wins each place in the chain, one key is active', async ({
  scene,
  stores,
  user,
}) => {
  for (const seq of [2, 3, 4]) {
    const rotations = await Promise.all(Array.from({ length: 5 }, () => scene.rotate(next(seq))))
    expect(rotations.filter((one) => one === 'done')).toHaveLength(1)
    const keys = await stores.signingKeys.list(user.tenantId)
    expect(keys.map((key) => key.seq)).toEqual(Array.from({ length: seq }, (_, i) => seq - i))
    expect(keys.filter(({ status }) => status === 'active')).toMatchObject([{ seq }])
  }
})

test('a rotation retires no key of another tenant', async ({ stores, scene }) => {
  const outsider = await aUser(stores)
  await scene.rotate(next(2))
  expect(await stores.signingKeys.list(outsider.tenantId)).toMatchObject([{ status: 'active' }])
})

test('no rotation skips a place in the chain or goes back', async ({ scene, stores, user }) => {
  expect(await scene.rotate(next(3))).toBe('changed')
  expect(await scene.rotate(next(1))).toBe('changed')
  expect(await stores.signingKeys.list(user.tenantId)).toHaveLength(1)
})

test('challenges are signed with the key that is active when they are created', async ({
  user,
  stores,
  scene,
}) => {
  const { tenantId, rpId, userId } = user
  const load = async () => {
    const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
    return (await stores.challenges.loadCreation({ ...query, user: { id: userId } })).signingKid
  }
  expect(await load()).toBe(user.signingKid)
  const key = next(2)
  await scene.rotate(key)
  expect(await load()).toBe(key.kid)
})

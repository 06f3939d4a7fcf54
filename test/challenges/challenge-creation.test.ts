import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { CreationFacts } from '../../src/challenges/challenge.store.ts'
import type { ApiKeyId, ChallengeId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import type { UserReference } from '../../src/users/user.store.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aClaim,
  aDevice,
  aKey,
  aNewChallenge,
  anEnrollment,
  anyRequest,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'
import { activityTypesOf, unregister } from './challenge-steps.ts'

/** Challenges of the user, created and found. */
function creationsOf(stores: Stores, user: TestUser) {
  const find = (id: ChallengeId) => stores.challenges.find(user.tenantId, user.rpId, id)
  function load(
    reference: UserReference,
    more: {
      readonly namespaces?: readonly string[]
      readonly idempotencyKey?: string | null
      readonly keyId?: ApiKeyId
    } = {},
  ): Promise<CreationFacts> {
    const { tenantId, rpId } = user
    const { namespaces = ['default'], idempotencyKey = null, ...rest } = more
    return stores.challenges.loadCreation({
      tenantId,
      rpId,
      namespaces,
      user: reference,
      idempotencyKey,
      ...anyRequest,
      ...rest,
    })
  }

  async function rowsOf(table: 'challenge_targets' | 'deliveries' | 'activities', id: ChallengeId) {
    const text = `select * from ${table} where challenge_id = $1`
    return stores.database.query(`rows_of_${table}`, text, [id])
  }
  return { find, load, rowsOf }
}

async function aStoredKey(
  { apiKeys }: Stores,
  { tenantId, rpId }: TestUser,
  expiresAt: Date | null,
): Promise<ApiKeyId> {
  const id = systemRandom.id('apiKey')
  const scopes = ['challenges:write'] as const
  const key = { tenantId, id, rpId, name: 'key', scopes, expiresAt, allowedAddresses: [] }
  await apiKeys.create(key, randomBytes(32), 'operator')
  return id
}

const test = userTest.extend('scene', ({ stores, user }) => creationsOf(stores, user))

const page = { limit: 100, before: null }

describe('what decides a creation', () => {
  test('is the user by name or id, with active devices and how to reach them', async ({
    stores,
    user,
    scene,
  }) => {
    const plain = await aDevice(stores, user, { withPush: false })
    const strong = await aDevice(stores, user, { keys: [aKey(), aKey('verification')] })
    await unregister(stores, user, await aDevice(stores, user))
    const enrollment = await anEnrollment(stores, user, { confirmationRequired: true })
    await stores.enrollments.claim(aClaim(enrollment, { numberSealed: randomBytes(40) }))

    for (const reference of [{ namespace: 'default', value: 'alice' }, { id: user.userId }]) {
      const facts = await scene.load(reference)
      expect(facts).toMatchObject({
        userId: user.userId,
        signingKid: user.signingKid,
        earlier: null,
      })
      expect(facts.devices).toMatchObject([
        { id: plain, hasVerificationKey: false, hasPushToken: false, address: null },
        { id: strong, hasVerificationKey: true, hasPushToken: true, address: { provider: 'apns' } },
      ])
    }
  })

  test.for<readonly [string, UserReference, string[]]>([
    [
      'a name in a namespace that was not granted',
      { namespace: 'default', value: 'alice' },
      ['other'],
    ],
    ['another name', { namespace: 'default', value: 'Alice' }, ['default']],
    ['a name in another namespace', { namespace: 'other', value: 'alice' }, ['default', 'other']],
    ['an unknown id', { id: systemRandom.id('user') }, ['default']],
  ])('finds no user under %s', async ([_, reference, namespaces], { stores, user, scene }) => {
    await aDevice(stores, user)
    expect(await scene.load(reference, { namespaces })).toMatchObject({ userId: null, devices: [] })
  })

  test('finds no user by an id whose names are in namespaces that were not granted', async ({
    scene,
    user,
  }) => {
    expect(await scene.load({ id: user.userId }, { namespaces: ['other'] })).toMatchObject({
      userId: null,
    })
    expect(await scene.load({ id: user.userId }, { namespaces: [] })).toMatchObject({
      userId: null,
    })
  })

  test('is the earlier challenge of the same relying party and Idempotency-Key only', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const newChallenge = await aNewChallenge(stores, user, [device], { idempotencyKey: 'once' })
    await stores.challenges.create(newChallenge, 'test')
    const { tenantId } = user
    const other = await stores.tenants.createRelyingParty(
      { tenantId, id: systemRandom.id('relyingParty'), name: 'Other', namespaces: ['default'] },
      'operator',
    )
    const reference = { id: user.userId }
    expect((await scene.load(reference, { idempotencyKey: 'once' })).earlier).toMatchObject({
      challenge: { id: newChallenge.challenge.id },
      numberSealed: newChallenge.numberSealed,
      requestHash: newChallenge.requestHash,
    })
    expect((await scene.load(reference, { idempotencyKey: 'twice' })).earlier).toBeNull()
    expect((await scene.load(reference)).earlier).toBeNull()
    const elsewhere = creationsOf(stores, { ...user, rpId: other.id })
    expect((await elsewhere.load(reference, { idempotencyKey: 'once' })).earlier).toBeNull()
  })
})

describe('a creation', () => {
  test.for(bothPaths)(
    '%s: 20 parallel creations under one Idempotency-Key create one row, nothing else',
    async ([, on], { stores, user, scene }) => {
      const { challenges: ownChallenges } = on(stores)
      const device = await aDevice(stores, user)
      const newChallenges = await Promise.all(
        Array.from({ length: 20 }, () =>
          aNewChallenge(stores, user, [device], { idempotencyKey: 'once' }),
        ),
      )
      const outcomes = await Promise.all(
        newChallenges.map((one) => ownChallenges.create(one, 'test')),
      )
      expect(outcomes.filter((one) => one === 'done')).toHaveLength(1)
      const { tenantId, rpId } = user
      const challenges = await stores.challenges.list(
        { tenantId, rpId, userId: null, status: null },
        page,
      )
      expect(challenges).toHaveLength(1)
      for (const { challenge } of newChallenges) {
        const count = challenge.id === challenges[0]?.id ? 1 : 0
        expect(await scene.rowsOf('challenge_targets', challenge.id)).toHaveLength(count)
        expect(await scene.rowsOf('deliveries', challenge.id)).toHaveLength(count)
        expect(await scene.rowsOf('activities', challenge.id)).toHaveLength(count)
      }
    },
  )

  test('one Idempotency-Key of two relying parties creates two challenges', async ({
    user,
    stores,
  }) => {
    const { tenantId } = user
    const device = await aDevice(stores, user)
    const other = await stores.tenants.createRelyingParty(
      { tenantId, id: systemRandom.id('relyingParty'), name: 'Other', namespaces: ['default'] },
      'operator',
    )
    for (const rpId of [user.rpId, other.id]) {
      const newChallenge = await aNewChallenge(stores, { ...user, rpId }, [device], {
        idempotencyKey: 'once',
      })
      expect(await stores.challenges.create(newChallenge, 'test')).toBe('done')
    }
  })

  test.for(bothPaths)(
    '%s: is made by a key that is in force at that moment, and then leaves nothing',
    async ([, on], { stores, user, scene }) => {
      const device = await aDevice(stores, user)
      const create = async (keyId: ApiKeyId) => {
        const newChallenge = { ...(await aNewChallenge(stores, user, [device])), keyId }
        const outcome = await on(stores).challenges.create(newChallenge, 'test')
        const isFound = (await scene.find(newChallenge.challenge.id)) !== null
        return {
          outcome,
          isFound,
          isKeyLive: (await scene.load({ id: user.userId }, { keyId })).isKeyLive,
        }
      }
      const refused = { outcome: 'changed', isFound: false, isKeyLive: false }
      const live = { outcome: 'done', isFound: true, isKeyLive: true }
      const [inForce, over, revoked] = [
        await aStoredKey(stores, user, new Date(Date.now() + 60_000)),
        await aStoredKey(stores, user, new Date(Date.now() - 1)),
        await aStoredKey(stores, user, null),
      ]
      expect(await create(revoked)).toEqual(live)
      await stores.apiKeys.revoke(user.tenantId, revoked, 'operator')
      expect(await create(inForce)).toEqual(live)
      expect(await create(over)).toEqual(refused)
      expect(await create(revoked)).toEqual(refused)
      expect(await create(systemRandom.id('apiKey'))).toEqual(refused)
    },
  )

  test.for(bothPaths)(
    '%s: never targets a device unregistered meanwhile, and then leaves nothing',
    async ([, on], { stores, user, scene }) => {
      const [unregisteredId, remainingId] = [
        await aDevice(stores, user),
        await aDevice(stores, user),
      ]
      const newChallenge = await aNewChallenge(stores, user, [unregisteredId, remainingId])
      await unregister(stores, user, unregisteredId)
      expect(await on(stores).challenges.create(newChallenge, 'test')).toBe('changed')
      expect(await scene.find(newChallenge.challenge.id)).toBeNull()
      expect(await scene.rowsOf('challenge_targets', newChallenge.challenge.id)).toEqual([])
      expect(await scene.rowsOf('deliveries', newChallenge.challenge.id)).toEqual([])
    },
  )

  test.for(bothPaths)(
    '%s: a creation racing an unregistration leaves no challenge without devices',
    async ([, on], { stores, user, scene }) => {
      const { challenges } = on(stores)
      for (let race = 0; race < 50; race++) {
        const device = await aDevice(stores, user)
        const newChallenge = await aNewChallenge(stores, user, [device])
        await Promise.all([
          challenges.create(newChallenge, 'test'),
          unregister(stores, user, device),
        ])
        const record = await scene.find(newChallenge.challenge.id)
        if (record)
          expect(record.challenge).toMatchObject({ status: 'denied', reason: 'no_device_left' })
      }
    },
  )

  test('a creation is read back whole, with its queued pushes, leased to its creator', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const newChallenge = await aNewChallenge(stores, user, [device], {
      context: { application: 'Payroll', fields: [{ label: 'Amount', value: '5' }] },
      binding: 'session-hash-0123',
    })
    await stores.challenges.create(newChallenge, 'maker')
    const record = await scene.find(newChallenge.challenge.id)
    expect(record).toMatchObject({
      challenge: newChallenge.challenge,
      decidedBy: null,
      devices: [
        {
          deviceId: device,
          fetchedAt: null,
          receivedAt: null,
          push: { status: 'queued', reason: null, attempts: 1, settledAt: null },
        },
      ],
    })
    const [push] = await scene.rowsOf('deliveries', newChallenge.challenge.id)
    expect(push).toMatchObject({ leased_by: 'maker', leased_until: expect.any(Date) })
    expect(await activityTypesOf(stores, user)).toContain('challenge_created')
  })
})

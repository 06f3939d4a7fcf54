import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import type { CreationFacts } from '../../src/ports/challenge-store.ts'
import {
  aClaim,
  aDevice,
  aKey,
  aNewChallenge,
  anEnrollment,
  anyRequest,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { toldOf, unregister } from './asking.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const page = { limit: 100, before: null }
const find = (id: ChallengeId) => stores.challenges.find(user.tenantId, user.rpId, id)
function load(
  reference: Parameters<Stores['challenges']['loadCreation']>[0]['user'],
  more: { readonly namespaces?: readonly string[]; readonly idempotencyKey?: string | null } = {},
): Promise<CreationFacts> {
  const { tenantId, rpId } = user
  const { namespaces = ['default'], idempotencyKey = null } = more
  return stores.challenges.loadCreation({
    tenantId,
    rpId,
    namespaces,
    user: reference,
    idempotencyKey,
    ...anyRequest,
  })
}

async function rowsOf(table: 'challenge_targets' | 'deliveries' | 'activities', id: ChallengeId) {
  const text = `select * from ${table} where challenge_id = $1`
  return stores.database.query(`rows_of_${table}`, text, [id])
}

describe('what decides a creation', () => {
  test('is the user by name or id, with the active devices and how they can be reached', async () => {
    const plain = await aDevice(stores, user, { withPush: false })
    const strong = await aDevice(stores, user, { keys: [aKey(), aKey('verification')] })
    await unregister(stores, user, await aDevice(stores, user))
    const opened = await anEnrollment(stores, user, { confirmationRequired: true })
    await stores.enrollments.claim(aClaim(opened, { numberSealed: randomBytes(40) }))

    for (const reference of [{ namespace: 'default', value: 'alice' }, { id: user.userId }]) {
      const facts = await load(reference)
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

  test.each([
    [
      'a name in a namespace that was not granted',
      { namespace: 'default', value: 'alice' },
      ['other'],
    ],
    ['another name', { namespace: 'default', value: 'Alice' }, ['default']],
    ['a name in another namespace', { namespace: 'other', value: 'alice' }, ['default', 'other']],
    ['an unknown id', { id: systemRandom.id('user') }, ['default']],
  ])('knows no user under %s', async (_, reference, namespaces) => {
    await aDevice(stores, user)
    expect(await load(reference, { namespaces })).toMatchObject({ userId: null, devices: [] })
  })

  test('knows no user by an id whose names lie in namespaces that were not granted', async () => {
    expect(await load({ id: user.userId }, { namespaces: ['other'] })).toMatchObject({
      userId: null,
    })
    expect(await load({ id: user.userId }, { namespaces: [] })).toMatchObject({ userId: null })
  })

  test('is the earlier challenge of this relying party under the same Idempotency-Key, and of no other', async () => {
    const device = await aDevice(stores, user)
    const made = await aNewChallenge(stores, user, [device], { idempotencyKey: 'once' })
    await stores.challenges.create(made, 'test')
    const { tenantId } = user
    const other = await stores.tenants.createRelyingParty(
      { tenantId, id: systemRandom.id('relyingParty'), name: 'Other', namespaces: ['default'] },
      'operator',
    )
    const reference = { id: user.userId }
    expect((await load(reference, { idempotencyKey: 'once' })).earlier).toMatchObject({
      challenge: { id: made.challenge.id },
      numberSealed: made.numberSealed,
      requestHash: made.requestHash,
    })
    expect((await load(reference, { idempotencyKey: 'twice' })).earlier).toBeNull()
    expect((await load(reference)).earlier).toBeNull()
    user = { ...user, rpId: other.id }
    expect((await load(reference, { idempotencyKey: 'once' })).earlier).toBeNull()
  })
})

describe('a creation', () => {
  test('20 parallel ones under one Idempotency-Key make one row, and nothing of the others', async () => {
    const device = await aDevice(stores, user)
    const made = await Promise.all(
      Array.from({ length: 20 }, () =>
        aNewChallenge(stores, user, [device], { idempotencyKey: 'once' }),
      ),
    )
    const created = await Promise.all(made.map((one) => stores.challenges.create(one, 'test')))
    expect(created.filter(Boolean)).toHaveLength(1)
    const { tenantId, rpId } = user
    const listed = await stores.challenges.list(
      { tenantId, rpId, userId: null, status: null },
      page,
    )
    expect(listed).toHaveLength(1)
    for (const { challenge } of made) {
      const count = challenge.id === listed[0]?.id ? 1 : 0
      expect(await rowsOf('challenge_targets', challenge.id)).toHaveLength(count)
      expect(await rowsOf('deliveries', challenge.id)).toHaveLength(count)
      expect(await rowsOf('activities', challenge.id)).toHaveLength(count)
    }
  })

  test('with one key of two relying parties makes two', async () => {
    const { tenantId } = user
    const device = await aDevice(stores, user)
    const other = await stores.tenants.createRelyingParty(
      { tenantId, id: systemRandom.id('relyingParty'), name: 'Other', namespaces: ['default'] },
      'operator',
    )
    for (const rpId of [user.rpId, other.id]) {
      const made = await aNewChallenge(stores, { ...user, rpId }, [device], {
        idempotencyKey: 'once',
      })
      expect(await stores.challenges.create(made, 'test')).toBe(true)
    }
  })

  test('never asks a device that was unregistered after it was chosen, and then leaves nothing', async () => {
    const [gone, left] = [await aDevice(stores, user), await aDevice(stores, user)]
    const made = await aNewChallenge(stores, user, [gone, left])
    await unregister(stores, user, gone)
    expect(await stores.challenges.create(made, 'test')).toBe(false)
    expect(await find(made.challenge.id)).toBeNull()
    expect(await rowsOf('challenge_targets', made.challenge.id)).toEqual([])
    expect(await rowsOf('deliveries', made.challenge.id)).toEqual([])
  })

  test('beside an unregistration leaves no pending challenge without a device, 50 races', async () => {
    for (let race = 0; race < 50; race++) {
      const device = await aDevice(stores, user)
      const made = await aNewChallenge(stores, user, [device])
      await Promise.all([stores.challenges.create(made, 'test'), unregister(stores, user, device)])
      const record = await find(made.challenge.id)
      if (record)
        expect(record.challenge).toMatchObject({ status: 'denied', reason: 'no_device_left' })
    }
  })

  test('is read back whole, with the pushes it owes, leased to its maker', async () => {
    const device = await aDevice(stores, user)
    const made = await aNewChallenge(stores, user, [device], {
      context: { application: 'Payroll', fields: [{ label: 'Amount', value: '5' }] },
      binding: 'session-hash-0123',
    })
    await stores.challenges.create(made, 'maker')
    const record = await find(made.challenge.id)
    expect(record).toMatchObject({
      challenge: made.challenge,
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
    const [owed] = await rowsOf('deliveries', made.challenge.id)
    expect(owed).toMatchObject({ leased_by: 'maker', leased_until: expect.any(Date) })
    expect(await toldOf(stores, user)).toContain('challenge_created')
  })
})

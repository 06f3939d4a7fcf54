import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { preferencesOf } from '../../src/domain/notice.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aClaim,
  aDevice,
  aKey,
  anAnswer,
  anEnrollment,
  aProof,
  aStoredChallenge,
  beginOn,
  freshProtection,
  lockWaiters,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aToken, test } from './device-owner.ts'
import { aRotatingDevice } from './rotating-device.ts'

/** Lets a rotation get as far as its last statement, which waits for the user. */
async function holdRotation(stores: Stores, user: TestUser, rotate: () => Promise<unknown>) {
  const holder = await beginOn(stores)
  await holder.query('select 1 from users where id = $1 for update', [user.userId])
  const rotating = rotate()
  await until('the rotation waits', async () => (await lockWaiters(stores)) === 1)
  return {
    async finish() {
      await holder.commit()
      expect(await rotating).toMatchObject({ kind: 'rotated' })
    },
  }
}

/** What a device does to the store with a proof, by the store's method. */
const calls: readonly (readonly [
  name: string,
  (stores: Stores, user: TestUser, id: DeviceId, challengeId: ChallengeId) => Promise<unknown>,
])[] = [
  [
    'a change of itself',
    ({ devices }, user, id) =>
      devices.changeWithProof(user.tenantId, id, { name: 'X' }, null, aProof(user, id)),
  ],
  [
    'a push token',
    ({ devices }, user, id) => devices.setPushToken(user.tenantId, id, aToken(), aProof(user, id)),
  ],
  [
    'its unregistration',
    ({ devices }, user, id) =>
      devices.unregisterWithProof(
        { ...user, deviceIds: [id], reason: 'user_request', actor: `device:${id}` },
        aProof(user, id),
      ),
  ],
  [
    'an enrollment for the next phone',
    async ({ enrollments }, user, id) =>
      enrollments.createByDevice(
        {
          ...{ tenantId: user.tenantId, userId: user.userId, rpId: user.rpId },
          id: random.id('enrollment'),
          codeAttemptsLeft: 5,
          wrongNumbersLeft: 3,
          confirmationRequired: true,
          replacesDeviceId: id,
          parentDeviceId: null,
          openedByDeviceId: id,
          openedBySessionId: null,
          codeHash: randomBytes(32),
          typedCodeHash: randomBytes(32),
          ttlSeconds: 600,
          activity: activity({
            userId: user.userId,
            type: 'enrollment_opened',
            actor: `device:${id}`,
          }),
        },
        aProof(user, id),
      ),
  ],
  [
    'notification preferences',
    ({ notices }, user, id) =>
      notices.changePreferences(
        {
          ...{ tenantId: user.tenantId, userId: user.userId },
          preferences: preferencesOf({}),
          activity: activity({
            userId: user.userId,
            type: 'preferences_changed',
            actor: `device:${id}`,
          }),
        },
        aProof(user, id),
      ),
  ],
  [
    'a pause of pushes',
    ({ protections }, user, id) =>
      protections.change(user.tenantId, user.userId, freshProtection, [], aProof(user, id)),
  ],
  [
    'a pause of pushes whose proof was spent a moment ago',
    ({ protections }, user, id) =>
      protections.change(user.tenantId, user.userId, freshProtection, [], {
        ...aProof(user, id),
        isSpent: true,
      }),
  ],
  [
    'a report of an activity',
    ({ reports }, user, id) =>
      reports.reportActivity({
        report: {
          ...{ tenantId: user.tenantId, userId: user.userId },
          id: random.id('report'),
          activityId: random.id('activity'),
          challengeId: null,
        },
        by: { kind: 'device', deviceId: id, proof: aProof(user, id) },
        protection: freshProtection,
        initiator: { approvedAt: null, blockedUntil: null },
        activities: [],
      }),
  ],
  [
    'diagnostics',
    ({ diagnostics }, user, id) =>
      diagnostics.create(
        {
          ...{ tenantId: user.tenantId, userId: user.userId, deviceId: id },
          id: random.id('diagnostics'),
          appVersion: '1',
          text: 'x',
        },
        5,
        activity({ userId: user.userId, type: 'diagnostics_sent', actor: `device:${id}` }),
        aProof(user, id),
      ),
  ],
  [
    'a test push',
    ({ testPushes }, user, id) =>
      testPushes.enqueueWithProof(
        {
          ...{ tenantId: user.tenantId, userId: user.userId, deviceId: id },
          id: random.id('delivery'),
          ...{ protectionRevision: 0, gapSeconds: 0, perHourMax: 1, leasedBy: 'test' },
          activity: activity({ userId: user.userId, type: 'test_pushed', actor: `device:${id}` }),
        },
        aProof(user, id),
      ),
  ],
  [
    'the receipt of a test push',
    ({ testPushes }, user, id) => testPushes.confirm(random.id('delivery'), aProof(user, id)),
  ],
  [
    'the receipt of a push',
    ({ challenges }, user, id, challengeId) =>
      challenges.markReceived(challengeId, aProof(user, id)),
  ],
]
const kindOf = (outcome: unknown) =>
  typeof outcome === 'object' && outcome !== null && 'kind' in outcome ? outcome.kind : outcome

describe('what was signed by a key before it was replaced, and comes later, does not count:', () => {
  test.for(calls)('%s', async ([, call], { stores, owner: { user } }) => {
    const { id, rotate } = await aRotatingDevice(stores, user)
    const challengeId = await aStoredChallenge(stores, user, [id])
    expect(await rotate()).toMatchObject({ kind: 'rotated', device: { id } })
    expect(kindOf(await call(stores, user, id, challengeId))).toBe('proof_invalid')
  })

  test.for(calls)(
    '%s, also when it waited for the rotation',
    async ([, call], { stores, owner: { user } }) => {
      const { id, rotate } = await aRotatingDevice(stores, user)
      const challengeId = await aStoredChallenge(stores, user, [id])
      const rotation = await holdRotation(stores, user, rotate)
      const calling = call(stores, user, id, challengeId)
      await until('the call waits', async () => (await lockWaiters(stores)) === 2)
      await rotation.finish()
      expect(kindOf(await calling)).toBe('proof_invalid')
    },
  )

  test.for(bothPaths)('an answer, %s', async ([, on], { stores, owner: { user } }) => {
    const { id, rotate } = await aRotatingDevice(stores, user)
    const challengeId = await aStoredChallenge(stores, user, [id])
    await rotate()
    const record = (keyRevision: number) =>
      on(stores).challenges.recordAnswer(
        anAnswer(user, challengeId, id, { keyRevision }),
        aProof(user, id),
      )
    expect(await record(0)).toEqual({ kind: 'changed' })
    expect(await record(1)).toMatchObject({ kind: 'recorded' })
  })

  test.for(bothPaths)(
    'an answer, also when it waited for the rotation, %s',
    async ([, on], { stores, owner: { user } }) => {
      const { id, rotate } = await aRotatingDevice(stores, user)
      const challengeId = await aStoredChallenge(stores, user, [id])
      const rotation = await holdRotation(stores, user, rotate)
      const answering = on(stores).challenges.recordAnswer(
        anAnswer(user, challengeId, id),
        aProof(user, id),
      )
      await until('the answer waits', async () => (await lockWaiters(stores)) === 2)
      await rotation.finish()
      expect(await answering).toEqual({ kind: 'changed' })
    },
  )
})

describe('a rotation', () => {
  test('waits for a call of its keys that is under way', async ({ stores, owner: { user } }) => {
    const { id, rotate } = await aRotatingDevice(stores, user)
    const holder = await beginOn(stores)
    await holder.query('select 1 from devices where id = $1 for update', [id])
    const calling = stores.devices.setPushToken(user.tenantId, id, aToken(), aProof(user, id))
    await until('the call waits', async () => (await lockWaiters(stores)) === 1)
    const rotating = rotate()
    await until('the rotation waits', async () => (await lockWaiters(stores)) === 2)
    await holder.commit()
    expect(await calling).toBe('done')
    expect(await rotating).toMatchObject({ kind: 'rotated' })
  })

  test.for(bothPaths)(
    'waits for an answer that is under way, %s',
    async ([, on], { stores, owner: { user } }) => {
      const { id, rotate } = await aRotatingDevice(stores, user)
      const challengeId = await aStoredChallenge(stores, user, [id])
      const holder = await beginOn(stores)
      await holder.query('select 1 from challenges where id = $1 for update', [challengeId])
      const answering = on(stores).challenges.recordAnswer(
        anAnswer(user, challengeId, id),
        aProof(user, id),
      )
      await until('the answer waits', async () => (await lockWaiters(stores)) === 1)
      const rotating = rotate()
      await until('the rotation waits', async () => (await lockWaiters(stores)) === 2)
      await holder.commit()
      expect(await answering).toMatchObject({ kind: 'recorded' })
      expect(await rotating).toMatchObject({ kind: 'rotated' })
    },
  )

  test('that waited for another one changes nothing', async ({ stores, owner: { user } }) => {
    const { id, rotate, rotation } = await aRotatingDevice(stores, user)
    const [, verification] = rotation.keys
    const second = { ...rotation, keys: [aKey(), ...rotation.keys.slice(1)] }
    const first = await holdRotation(stores, user, rotate)
    const proof = { ...aProof(user, id), kid: verification?.kid ?? '' }
    const rotating = stores.devices.rotateKey(second, proof)
    await until('the second waits', async () => (await lockWaiters(stores)) === 2)
    await first.finish()
    expect(await rotating).toEqual({ kind: 'changed' })
  })

  test('that was decided from other keys changes nothing', async ({ stores, owner: { user } }) => {
    const { rotate, rotation, id } = await aRotatingDevice(stores, user)
    await rotate()
    const [, verification] = rotation.keys
    const proof = { ...aProof(user, id), kid: verification?.kid ?? '' }
    expect(await stores.devices.rotateKey(rotation, proof)).toEqual({ kind: 'changed' })
  })

  test('of a device that was unregistered meanwhile changes nothing', async ({
    stores,
    owner: { user, unregister },
  }) => {
    const { rotate, id } = await aRotatingDevice(stores, user)
    await unregister([id])
    expect(await rotate()).toEqual({ kind: 'changed' })
  })

  test('to a key that another device brings at this moment finds it taken', async ({
    stores,
    owner: { user },
  }) => {
    const { rotation, rotate, id } = await aRotatingDevice(stores, user)
    const enrollment = await anEnrollment(stores, user)
    const [newKey] = rotation.keys
    const claim = aClaim(enrollment, { keys: newKey ? [newKey] : [] })
    const holder = await beginOn(stores)
    await holder.query('select 1 from users where id = $1 for key share', [user.userId])
    await holder.query(
      `insert into device_keys (tenant_id, device_id, role, kid, public_jwk, mac)
       select tenant_id, $2, role, $1, public_jwk, mac from device_keys
       where device_id = $3 and role = 'possession'`,
      [newKey?.kid, await aDevice(stores, user, { keys: [aKey('verification')] }), id],
    )
    const rotating = rotate()
    await until('the rotation waits', async () => (await lockWaiters(stores)) === 1)
    await holder.commit()
    expect(await rotating).toEqual({ kind: 'key_already_registered' })
    expect(await stores.enrollments.claim(claim)).toEqual({ kind: 'key_already_registered' })
    const knownDevice = await stores.devices.findKnown(user.tenantId, id)
    expect(knownDevice).toMatchObject({ keyRevision: 0 })
    expect(knownDevice?.keys.map(({ kid }) => kid).sort()).toEqual(rotation.wasKids.toSorted())
  })

  test('frees its key for nobody, not for a claim that waited for it', async ({
    stores,
    owner: { user },
  }) => {
    const { rotation } = await aRotatingDevice(stores, user)
    const { replacedKey } = rotation
    const other = await anEnrollment(stores, user)
    const holder = await beginOn(stores)
    await holder.query(`update device_keys set kid = $1 || '-' where kid = $1`, [replacedKey.kid])
    await holder.query(
      `insert into replaced_device_keys (tenant_id, device_id, role, kid, public_jwk, mac)
       select tenant_id, device_id, role, $1, public_jwk, mac from device_keys where kid = $1 || '-'`,
      [replacedKey.kid],
    )
    const claiming = stores.enrollments.claim(aClaim(other, { keys: [replacedKey] }))
    await until('the claim waits', async () => (await lockWaiters(stores)) === 1)
    await holder.commit()
    expect(await claiming).toEqual({ kind: 'key_already_registered' })
  })
})

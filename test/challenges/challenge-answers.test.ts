import { describe, expect } from 'vitest'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aDevice,
  aKey,
  anAnswer,
  aProof,
  aStoredChallenge,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'
import { answer, cancel, challengeOf, runOut, unregister } from './challenge-steps.ts'

/** Challenges of the user. */
function challengesOf(stores: Stores, user: TestUser) {
  const find = (id: ChallengeId) => stores.challenges.find(user.tenantId, user.rpId, id)
  const pending = async (id: DeviceId) =>
    (await stores.challenges.loadPending(user.tenantId, id))?.pending ?? []
  return { find, pending }
}

const test = userTest.extend('scene', ({ stores, user }) => challengesOf(stores, user))

describe('a device that fetches challenges', () => {
  test('a device fetches its challenges, newest first, unaltered, while answerable', async ({
    stores,
    user,
    scene,
  }) => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const [first, second] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device, other]),
    ]
    const endedId = await aStoredChallenge(stores, user, [device])
    await answer(stores, user, await challengeOf(stores, user, endedId), device, 'deny')
    const over = await aStoredChallenge(stores, user, [device])
    await runOut(stores, over)
    const fetchedChallenges = await scene.pending(device)
    expect(fetchedChallenges.map(({ challengeId }) => challengeId)).toEqual([second, first])
    expect(fetchedChallenges[0]).toMatchObject({
      signingKid: user.signingKid,
      requestPayload: '{"nonce":"n"}',
      fetchedAt: null,
    })
    expect((await scene.pending(other)).map(({ challengeId }) => challengeId)).toEqual([second])
  })

  test('a device fetches nothing that was created before it joined', async ({
    stores,
    user,
    scene,
  }) => {
    await aStoredChallenge(stores, user, [await aDevice(stores, user)])
    expect(await scene.pending(await aDevice(stores, user))).toEqual([])
  })

  test('the first fetch of a challenge is the one that is reported', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    await stores.challenges.markFetched(user.tenantId, device, [id])
    const first = (await scene.find(id))?.devices[0]?.fetchedAt
    await stores.challenges.markFetched(user.tenantId, device, [id])
    expect(first).toBeInstanceOf(Date)
    expect((await scene.find(id))?.devices[0]?.fetchedAt).toEqual(first)
    expect((await scene.pending(device))[0]?.fetchedAt).toEqual(first)
  })

  test('the first receipt of a challenge is the one reported, each proof once', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    const proof = aProof(user, device)
    expect(await stores.challenges.markReceived(id, proof)).toBe('done')
    const first = (await scene.find(id))?.devices[0]?.receivedAt
    expect(await stores.challenges.markReceived(id, proof)).toBe('proof_replayed')
    expect(await stores.challenges.markReceived(id, aProof(user, device))).toBe('done')
    expect(first).toBeInstanceOf(Date)
    expect((await scene.find(id))?.devices[0]?.receivedAt).toEqual(first)
  })

  test('a receipt for a challenge of another device is none', async ({ stores, user }) => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aStoredChallenge(stores, user, [other])
    expect(await stores.challenges.markReceived(id, aProof(user, device))).toBeNull()
    expect(
      await stores.challenges.markReceived(systemRandom.id('challenge'), aProof(user, device)),
    ).toBeNull()
  })
})

describe.each(bothPaths)('an answer, %s', (_, on) => {
  test('an answer is decided on what its own device fetched, not on another’s', async ({
    stores,
    user,
  }) => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aStoredChallenge(stores, user, [device])
    const { tenantId } = user
    const query = { tenantId, challengeId: id, jti: 'jti' }
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: device })).toMatchObject({
      knownDevice: { device: { id: device } },
      target: { challenge: { id }, requestPayload: '{"nonce":"n"}', otherDeviceIds: [] },
      earlier: null,
    })
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: other })).toMatchObject({
      knownDevice: { device: { id: other } },
      target: null,
    })
    const outsider = systemRandom.id('device')
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: outsider })).toBeNull()
  })

  test('an answer is found again by its jti, with its reply', async ({ stores, user }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(on(stores), user, await challengeOf(stores, user, id), device, 'wrong number', {
      jti,
    })
    const query = { tenantId: user.tenantId, challengeId: id, deviceId: device }
    expect((await stores.challenges.loadAnswer({ ...query, jti }))?.earlier).toEqual({
      outcome: 'wrong_number',
      statusAfter: 'pending',
      wrongNumbersLeft: 2,
    })
    expect((await stores.challenges.loadAnswer({ ...query, jti: 'another' }))?.earlier).toBeNull()
  })

  test('an answer is not found again where only a tenant with the same ids has it', async ({
    stores,
    user,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(on(stores), user, await challengeOf(stores, user, id), device, 'wrong number', {
      jti,
    })
    await copyTenant(stores, user)
    const { tenantId } = user
    await stores.database.query('forget', 'delete from answers where tenant_id = $1', [tenantId])
    const query = { tenantId, challengeId: id, deviceId: device, jti }
    expect((await stores.challenges.loadAnswer(query))?.earlier).toBeNull()
  })

  test('with the last wrong number ends the challenge without evidence or number', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    for (const attemptsLeft of [3, 2, 1]) {
      const challenge = await challengeOf(stores, user, id)
      expect(challenge).toMatchObject({ status: 'pending', wrongNumbersLeft: attemptsLeft })
      const recording = await answer(on(stores), user, challenge, device, 'wrong number')
      expect(recording).toMatchObject({ kind: 'recorded' })
    }
    expect(await scene.find(id)).toMatchObject({
      challenge: {
        status: 'denied',
        reason: 'number_mismatch',
        wrongNumbersLeft: 0,
        decidedDeviceId: device,
      },
      decidedBy: { id: device, userVerified: false },
    })
    expect(await stores.challenges.findEvidence(user.tenantId, user.rpId, id)).toBeNull()
    const late = await answer(on(stores), user, await challengeOf(stores, user, id), device)
    expect(late).toEqual({ kind: 'changed' })
  })

  test('an answer that decides is stored as evidence, with the key that signed it', async ({
    stores,
    user,
    scene,
  }) => {
    const key = aKey()
    const device = await aDevice(stores, user, { keys: [key] })
    const id = await aStoredChallenge(stores, user, [device])
    const { tenantId, rpId } = user
    expect(await stores.challenges.findEvidence(tenantId, rpId, id)).toBeNull()
    const challenge = await challengeOf(stores, user, id)
    const signature = { kid: key.kid, jwsSealed: Buffer.from('signed'), userVerified: true }
    await answer(on(stores), user, challenge, device, 'approve', signature)
    await unregister(stores, user, device)
    expect(await stores.challenges.findEvidence(tenantId, rpId, id)).toMatchObject({
      challenge: { id, status: 'approved' },
      requestPayload: '{"nonce":"n"}',
      answer: { jti: expect.any(String), jws: Buffer.from('signed') },
      deviceId: device,
      deviceKey: { kid: key.kid, publicJwk: key.publicJwk },
    })
    expect(await scene.find(id)).toMatchObject({
      decidedBy: { id: device, userVerified: true, activatedAt: expect.any(Date) },
    })
    expect(
      await stores.challenges.findEvidence(tenantId, systemRandom.id('relyingParty'), id),
    ).toBeNull()
  })

  test('notifies the other pushed devices, once, and not the one that answered', async ({
    stores,
    user,
  }) => {
    const devices = [
      await aDevice(stores, user),
      await aDevice(stores, user),
      await aDevice(stores, user),
    ] as const
    const id = await aStoredChallenge(stores, user, devices)
    const { tenantId } = user
    const query = { tenantId, challengeId: id, deviceId: devices[0], jti: 'jti' }
    const facts = await stores.challenges.loadAnswer(query)
    if (!facts?.target) throw new Error('the device is a target')
    const { challenge, otherDeviceIds } = facts.target
    expect(otherDeviceIds.toSorted()).toEqual([devices[1], devices[2]])
    const more = { closingDeviceIds: otherDeviceIds }
    const recording = await answer(on(stores), user, challenge, devices[0], 'approve', more)
    if (recording.kind !== 'recorded') throw new Error('nobody else answered')
    expect(recording.pushes.toSorted((a, b) => a.deviceId.localeCompare(b.deviceId))).toMatchObject(
      [
        { kind: 'challenge_closed', challengeId: id, deviceId: devices[1], attempts: 1 },
        { kind: 'challenge_closed', challengeId: id, deviceId: devices[2], attempts: 1 },
      ],
    )
  })

  test('an answer with a used jti is distinguished from one that came too late', async ({
    stores,
    user,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(on(stores), user, await challengeOf(stores, user, id), device, 'wrong number', {
      jti,
    })
    const challenge = await challengeOf(stores, user, id)
    const again = await answer(on(stores), user, challenge, device, 'approve', { jti })
    expect(again).toEqual({ kind: 'changed' })
    expect(await challengeOf(stores, user, id)).toEqual(challenge)
  })

  test('an answer that leaves the challenge pending notifies no device of an end', async ({
    stores,
    user,
  }) => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aStoredChallenge(stores, user, [device, other])
    const challenge = await challengeOf(stores, user, id)
    const more = { closingDeviceIds: [other] }
    expect(await answer(on(stores), user, challenge, device, 'wrong number', more)).toEqual({
      kind: 'recorded',
      pushes: [],
      cancelledChallenges: [],
      end: null,
    })
  })

  test('that leaves the challenge pending decides nothing: fetch and cancel go on', async ({
    stores,
    user,
    scene,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    await answer(on(stores), user, await challengeOf(stores, user, id), device, 'wrong number')
    const pendingState = { status: 'pending', wrongNumbersLeft: 2, decidedAt: null }
    expect(await scene.find(id)).toMatchObject({ challenge: pendingState, decidedBy: null })
    const loadedPending = await stores.challenges.loadPending(user.tenantId, device)
    expect(loadedPending?.pending).toMatchObject([{ challengeId: id }])
    const suspension = await stores.suspensions.suspendUser({ ...user, actor: 'operator' })
    expect(suspension?.endedChallenges).toEqual([id])
    expect(await scene.find(id)).toMatchObject({ challenge: { status: 'cancelled' } })
  })

  test('spends its proof even after another answer, so that no thief can replay it', async ({
    stores,
    user,
  }) => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    await cancel(stores, user, id)
    const proof = aProof(user, device)
    expect(await on(stores).challenges.recordAnswer(anAnswer(user, id, device), proof)).toEqual({
      kind: 'changed',
    })
    expect(await on(stores).challenges.recordAnswer(anAnswer(user, id, device), proof)).toEqual({
      kind: 'proof_replayed',
    })
  })
})

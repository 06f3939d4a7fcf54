import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import {
  aChallenge,
  aDevice,
  aKey,
  anAnswer,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { answer, cancel, challengeOf, runOut, unregister } from './asking.ts'
import { copyTenant } from './copied-tenant.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const find = (id: ChallengeId) => stores.challenges.find(user.tenantId, user.rpId, id)
describe('a device is asked', () => {
  const pending = async (id: DeviceId) =>
    (await stores.challenges.loadPending(user.tenantId, id))?.pending ?? []

  test('what it is a target of, newest first, word for word, while it can still be answered', async () => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const [first, second] = [
      await aChallenge(stores, user, [device]),
      await aChallenge(stores, user, [device, other]),
    ]
    const ended = await aChallenge(stores, user, [device])
    await answer(stores, user, await challengeOf(stores, user, ended), device, 'deny')
    const over = await aChallenge(stores, user, [device])
    await runOut(stores, over)
    const asked = await pending(device)
    expect(asked.map(({ challengeId }) => challengeId)).toEqual([second, first])
    expect(asked[0]).toMatchObject({
      signingKid: user.signingKid,
      requestPayload: '{"nonce":"n"}',
      fetchedAt: null,
    })
    expect((await pending(other)).map(({ challengeId }) => challengeId)).toEqual([second])
  })

  test('nothing that was made before it joined', async () => {
    await aChallenge(stores, user, [await aDevice(stores, user)])
    expect(await pending(await aDevice(stores, user))).toEqual([])
  })

  test('and the first fetch is the one that is told', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    await stores.challenges.markFetched(user.tenantId, device, [id])
    const first = (await find(id))?.devices[0]?.fetchedAt
    await stores.challenges.markFetched(user.tenantId, device, [id])
    expect(first).toBeInstanceOf(Date)
    expect((await find(id))?.devices[0]?.fetchedAt).toEqual(first)
    expect((await pending(device))[0]?.fetchedAt).toEqual(first)
  })

  test('and its first receipt is the one that is told, each proof once', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    const proof = aProof(user, device)
    expect(await stores.challenges.markReceived(id, proof)).toBe(true)
    const first = (await find(id))?.devices[0]?.receivedAt
    expect(await stores.challenges.markReceived(id, proof)).toBe('proof_replayed')
    expect(await stores.challenges.markReceived(id, aProof(user, device))).toBe(true)
    expect(first).toBeInstanceOf(Date)
    expect((await find(id))?.devices[0]?.receivedAt).toEqual(first)
  })

  test('and a receipt for what it was never asked is none', async () => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aChallenge(stores, user, [other])
    expect(await stores.challenges.markReceived(id, aProof(user, device))).toBe(false)
    expect(
      await stores.challenges.markReceived(systemRandom.id('challenge'), aProof(user, device)),
    ).toBe(false)
  })
})

describe('an answer', () => {
  test('is decided on what its device was asked, and on nothing that another was', async () => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aChallenge(stores, user, [device])
    const { tenantId } = user
    const query = { tenantId, challengeId: id, jti: 'jti' }
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: device })).toMatchObject({
      known: { device: { id: device } },
      asked: { challenge: { id }, requestPayload: '{"nonce":"n"}', otherDeviceIds: [] },
      earlier: null,
    })
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: other })).toMatchObject({
      known: { device: { id: other } },
      asked: null,
    })
    const stranger = systemRandom.id('device')
    expect(await stores.challenges.loadAnswer({ ...query, deviceId: stranger })).toBeNull()
  })

  test('is found again by its jti, with the reply it got', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number', { jti })
    const query = { tenantId: user.tenantId, challengeId: id, deviceId: device }
    expect((await stores.challenges.loadAnswer({ ...query, jti }))?.earlier).toEqual({
      outcome: 'wrong_number',
      statusAfter: 'pending',
      wrongNumbersLeft: 2,
    })
    expect((await stores.challenges.loadAnswer({ ...query, jti: 'another' }))?.earlier).toBeNull()
  })

  test('is not found again where only a tenant with the same ids has it', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number', { jti })
    await copyTenant(stores, user)
    const { tenantId } = user
    await stores.database.query('forget', 'delete from answers where tenant_id = $1', [tenantId])
    const query = { tenantId, challengeId: id, deviceId: device, jti }
    expect((await stores.challenges.loadAnswer(query))?.earlier).toBeNull()
  })

  test('with the last wrong number ends the challenge, keeps no evidence and erases the number', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    for (const left of [3, 2, 1]) {
      const challenge = await challengeOf(stores, user, id)
      expect(challenge).toMatchObject({ status: 'pending', wrongNumbersLeft: left })
      const recorded = await answer(stores, user, challenge, device, 'wrong number')
      expect(recorded).toMatchObject({ kind: 'recorded' })
    }
    expect(await find(id)).toMatchObject({
      challenge: {
        status: 'denied',
        reason: 'number_mismatch',
        wrongNumbersLeft: 0,
        decidedDeviceId: device,
      },
      decidedBy: { id: device, userVerified: false },
    })
    expect(await stores.challenges.findEvidence(user.tenantId, user.rpId, id)).toBeNull()
    const late = await answer(stores, user, await challengeOf(stores, user, id), device)
    expect(late).toEqual({ kind: 'changed' })
  })

  test('that decided is kept as evidence, with the key that signed it', async () => {
    const key = aKey()
    const device = await aDevice(stores, user, { keys: [key] })
    const id = await aChallenge(stores, user, [device])
    const { tenantId, rpId } = user
    expect(await stores.challenges.findEvidence(tenantId, rpId, id)).toBeNull()
    const challenge = await challengeOf(stores, user, id)
    const signed = { kid: key.kid, jwsSealed: Buffer.from('signed'), userVerified: true }
    await answer(stores, user, challenge, device, 'approve', signed)
    await unregister(stores, user, device)
    expect(await stores.challenges.findEvidence(tenantId, rpId, id)).toMatchObject({
      challenge: { id, status: 'approved' },
      requestPayload: '{"nonce":"n"}',
      answer: { jti: expect.any(String), jws: Buffer.from('signed') },
      deviceId: device,
      deviceKey: { kid: key.kid, publicJwk: key.publicJwk },
    })
    expect(await find(id)).toMatchObject({
      decidedBy: { id: device, userVerified: true, activatedAt: expect.any(Date) },
    })
    expect(
      await stores.challenges.findEvidence(tenantId, systemRandom.id('relyingParty'), id),
    ).toBeNull()
  })

  test('tells the other devices that were pushed, once, and not the one that answered', async () => {
    const devices = [
      await aDevice(stores, user),
      await aDevice(stores, user),
      await aDevice(stores, user),
    ] as const
    const id = await aChallenge(stores, user, devices)
    const { tenantId } = user
    const query = { tenantId, challengeId: id, deviceId: devices[0], jti: 'jti' }
    const facts = await stores.challenges.loadAnswer(query)
    if (!facts?.asked) throw new Error('the device is a target')
    const { challenge, otherDeviceIds } = facts.asked
    expect(otherDeviceIds.toSorted()).toEqual([devices[1], devices[2]])
    const more = { closing: otherDeviceIds }
    const recorded = await answer(stores, user, challenge, devices[0], 'approve', more)
    if (recorded.kind !== 'recorded') throw new Error('nobody else answered')
    expect(recorded.pushes.toSorted((a, b) => a.deviceId.localeCompare(b.deviceId))).toMatchObject([
      { kind: 'challenge_closed', challengeId: id, deviceId: devices[1], attempts: 1 },
      { kind: 'challenge_closed', challengeId: id, deviceId: devices[2], attempts: 1 },
    ])
  })

  test('whose jti was used is told apart from one that came too late', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    const jti = thumbprint()
    await answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number', { jti })
    const challenge = await challengeOf(stores, user, id)
    const again = await answer(stores, user, challenge, device, 'approve', { jti })
    expect(again).toEqual({ kind: 'changed' })
    expect(await challengeOf(stores, user, id)).toEqual(challenge)
  })

  test('that leaves the challenge pending tells nobody that it is over', async () => {
    const [device, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aChallenge(stores, user, [device, other])
    const challenge = await challengeOf(stores, user, id)
    const more = { closing: [other] }
    expect(await answer(stores, user, challenge, device, 'wrong number', more)).toEqual({
      kind: 'recorded',
      pushes: [],
      cancelled: [],
    })
  })

  test('that leaves the challenge pending decides nothing: it is asked on, and cancelled with the rest', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    await answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number')
    const undecided = { status: 'pending', wrongNumbersLeft: 2, decidedAt: null }
    expect(await find(id)).toMatchObject({ challenge: undecided, decidedBy: null })
    const asked = await stores.challenges.loadPending(user.tenantId, device)
    expect(asked?.pending).toMatchObject([{ challengeId: id }])
    const suspended = await stores.suspensions.suspendUser({ ...user, actor: 'operator' })
    expect(suspended?.endedChallenges).toEqual([id])
    expect(await find(id)).toMatchObject({ challenge: { status: 'cancelled' } })
  })

  test('spends its proof even when another came first, so that the call cannot be repeated by a thief', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    await cancel(stores, user, id)
    const proof = aProof(user, device)
    expect(await stores.challenges.recordAnswer(anAnswer(user, id, device), proof)).toEqual({
      kind: 'changed',
    })
    expect(await stores.challenges.recordAnswer(anAnswer(user, id, device), proof)).toEqual({
      kind: 'proof_replayed',
    })
  })
})

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { revokedUse } from '../../src/domain/device.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import {
  aDevice,
  aKey,
  aNewChallenge,
  anyRequest,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { answer, challengeOf, resend, unregister } from './challenge-steps.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
})

const query = (text: string, values: readonly unknown[]) =>
  stores.database.query<Record<string, unknown>>(text.slice(0, 60), text, values)

describe('among tenants with the same ids', () => {
  /** A device with a pending challenge, in three tenants. */
  async function aCopiedChallenge() {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    await copyTenant(stores, user)
    return { device, id }
  }
  const statusesOf = async (id: ChallengeId) => {
    const rows = await query(
      'select tenant_id = $1 as own, status from challenges where id = $2 order by 1, 2',
      [user.tenantId, id],
    )
    return rows.map(({ own, status }) => [own ? 'own' : 'copy', status])
  }

  test('an answer ends the challenge of its own', async () => {
    const { device, id } = await aCopiedChallenge()
    const result = await answer(stores, user, await challengeOf(stores, user, id), device)
    expect(result).toMatchObject({ kind: 'recorded' })
    expect(await statusesOf(id)).toEqual([
      ['copy', 'pending'],
      ['copy', 'pending'],
      ['own', 'approved'],
    ])
  })

  test('a challenge ends without a device of its own, whatever devices others have', async () => {
    const { device, id } = await aCopiedChallenge()
    await unregister(stores, user, device)
    expect(await statusesOf(id)).toEqual([
      ['copy', 'pending'],
      ['copy', 'pending'],
      ['own', 'denied'],
    ])
  })

  test('a resend is decided on its own protection and changes its own challenge', async () => {
    const { id } = await aCopiedChallenge()
    await query('update user_protections set revision = 7 where user_id = $1 and tenant_id <> $2', [
      user.userId,
      user.tenantId,
    ])
    const challenge = await challengeOf(stores, user, id)
    expect((await stores.challenges.loadResend(challenge))?.protection.revision).toBe(0)
    const elsewhere = { ...challenge, tenantId: systemRandom.id('tenant') }
    expect(await stores.challenges.loadResend(elsewhere)).toBeNull()
    expect(await resend(stores, challenge)).not.toBeNull()
    const rows = await query(
      'select resends_left from challenges where id = $1 order by tenant_id = $2',
      [id, user.tenantId],
    )
    expect(rows.map((row) => row.resends_left)).toEqual([3, 3, 2])
  })

  test('an idempotency key finds no challenge of another', async () => {
    const device = await aDevice(stores, user)
    const { tenantId, rpId, userId } = user
    const creation = await aNewChallenge(stores, user, [device], { idempotencyKey: 'once' })
    await stores.challenges.create(creation, 'test')
    await copyTenant(stores, user)
    const load = () =>
      stores.challenges.loadCreation({
        ...{ tenantId, rpId, namespaces: ['default'], user: { id: userId } },
        ...{ ...anyRequest, idempotencyKey: 'once' },
      })
    expect((await load()).earlier?.challenge.id).toBe(creation.challenge.id)
    await query('update challenges set idempotency_key = null where tenant_id = $1', [tenantId])
    expect((await load()).earlier).toBeNull()
  })
})

describe('among the challenges and devices of one user', () => {
  let devices: readonly [DeviceId, DeviceId]
  beforeEach(async () => {
    devices = [await aDevice(stores, user), await aDevice(stores, user)]
  })

  test('an answer closes its challenge on the devices that were asked about it', async () => {
    const [device, other] = devices
    const id = await aStoredChallenge(stores, user, [device])
    await aStoredChallenge(stores, user, [device, other])
    const answering = { tenantId: user.tenantId, challengeId: id, deviceId: device, jti: 'jti' }
    const facts = await stores.challenges.loadAnswer(answering)
    expect(facts?.target?.otherDeviceIds).toEqual([])
  })

  test('a suspension cancels what is pending, and closes it on the devices it was on', async () => {
    const [device, other] = devices
    const over = await aStoredChallenge(stores, user, [device])
    await answer(stores, user, await challengeOf(stores, user, over), device)
    const [first, second] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [other]),
    ]
    const suspension = await stores.suspensions.suspendUser({ ...user, actor: 'operator' })
    expect(suspension?.endedChallenges.toSorted()).toEqual([first, second].toSorted())
    expect((await challengeOf(stores, user, over)).status).toBe('approved')
    const closings = await query(
      `select challenge_id, device_id from deliveries
       where tenant_id = $1 and kind = 'challenge_closed' order by challenge_id`,
      [user.tenantId],
    )
    expect(closings).toEqual([
      { challenge_id: first, device_id: device },
      { challenge_id: second, device_id: other },
    ])
  })

  test('a fetch is marked on the device that fetched', async () => {
    const [device, other] = devices
    const id = await aStoredChallenge(stores, user, [device, other])
    await stores.challenges.markFetched(user.tenantId, device, [id])
    const record = await stores.challenges.find(user.tenantId, user.rpId, id)
    const fetchedIds = record?.devices.flatMap((one) => (one.fetchedAt ? [one.deviceId] : []))
    expect(fetchedIds).toEqual([device])
  })

  test('the evidence is the request that the answering device was shown', async () => {
    const key = aKey()
    const signer = await aDevice(stores, user, { keys: [key] })
    for (const targetIds of [[signer, ...devices] as const, [...devices, signer] as const]) {
      const creation = await aNewChallenge(stores, user, targetIds)
      const { id } = creation.challenge
      const targets = creation.targets.map((target) => ({
        ...target,
        requestPayload: `{"to":"${target.deviceId}"}`,
      }))
      await stores.challenges.create({ ...creation, targets }, 'test')
      const challenge = await challengeOf(stores, user, id)
      await answer(stores, user, challenge, signer, 'approve', { kid: key.kid })
      const evidence = await stores.challenges.findEvidence(user.tenantId, user.rpId, id)
      expect(evidence?.requestPayload).toBe(`{"to":"${signer}"}`)
    }
  })

  test('the use of one lost phone does not hide that of another', async () => {
    await unregister(stores, user, ...devices)
    for (const device of devices) {
      const record = await stores.devices.find(user.tenantId, device)
      if (!record) throw new Error('an unregistered device is still found')
      const recording = stores.devices.recordRevokedUse(user.tenantId, revokedUse(record))
      expect(await recording).toBe('done')
    }
  })
})

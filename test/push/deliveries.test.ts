import { describe, expect } from 'vitest'
import type { DeliveryId } from '../../src/domain/ids.ts'
import { challengeOf, resend } from '../challenges/challenge-steps.ts'
import { aDevice, aProof, aStoredChallenge } from '../support/stores.ts'
import { retry, success, test } from './delivery-queue.ts'

describe('a push is claimed', () => {
  test('a push is claimed by one worker only, whatever the number of claims', async ({
    stores,
    queue,
  }) => {
    const device = await aDevice(stores, queue.user)
    for (let count = 0; count < 60; count++) await aStoredChallenge(stores, queue.user, [device])
    await queue.endLeases()
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => stores.deliveries.claim(`worker-${index}`, 7)),
    )
    expect(claims.every((one) => one.length <= 7)).toBe(true)
    const ids = [...claims.flat(), ...(await stores.deliveries.claim('last', 100))].map(
      ({ id }) => id,
    )
    expect(ids).toHaveLength(60)
    expect(new Set(ids).size).toBe(60)
    expect(await stores.deliveries.claim('another', 100)).toEqual([])
  })

  test('a push is claimed with all data that are needed to send it', async ({ queue, stores }) => {
    const { id, device } = await queue.aQueuedPush()
    const challenge = await challengeOf(stores, queue.user, id)
    const [address] = await stores.database.query<{ push_token_sealed: Buffer }>(
      'sealed',
      'select push_token_sealed from devices where id = $1',
      [device],
    )
    expect(await stores.deliveries.claim('worker', 10)).toEqual([
      {
        tenantId: queue.user.tenantId,
        id: (await queue.row()).id,
        kind: 'challenge_opened',
        challengeId: id,
        deviceId: device,
        attempts: 2,
        languages: [],
        expiresAt: challenge.expiresAt,
        address: {
          provider: 'apns',
          environment: 'production',
          appId: 'com.example.app',
          tokenSealed: address?.push_token_sealed,
        },
      },
    ])
  })

  test('a push is not claimed while its creator has the lease', async ({ stores, queue }) => {
    await aStoredChallenge(stores, queue.user, [await aDevice(stores, queue.user)])
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
  })

  test('a push is claimed again when the lease has ended, one attempt later', async ({
    queue,
    stores,
  }) => {
    await queue.aQueuedPush()
    for (const attempts of [2, 3, 4]) {
      expect(await stores.deliveries.claim('worker', 10)).toMatchObject([{ attempts }])
      expect(await stores.deliveries.claim('other', 10)).toEqual([])
      await queue.endLeases()
    }
  })

  test('a push is claimed with its new token, when the device has another one', async ({
    queue,
    stores,
  }) => {
    const { device } = await queue.aQueuedPush()
    const token = {
      provider: 'fcm',
      environment: 'production',
      appId: 'com.example.app',
      tokenSealed: Buffer.from('new'),
      tokenHash: Buffer.from('hash'),
    } as const
    await stores.devices.setPushToken(
      queue.user.tenantId,
      device,
      token,
      aProof(queue.user, device),
    )
    expect(await stores.deliveries.claim('worker', 10)).toMatchObject([
      { address: { provider: 'fcm', tokenSealed: Buffer.from('new') } },
    ])
  })
})

describe('a push is settled', () => {
  test('a push is settled by its lease holder, once and permanently', async ({ queue, stores }) => {
    await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    const { id } = await queue.row()
    await queue.settle('worker', id, success)
    const settledRow = await queue.row()
    expect(settledRow).toMatchObject({
      status: 'sent',
      provider_message_id: 'apns-1',
      leased_by: null,
      settled_at: expect.any(Date),
    })
    await queue.settle('worker', id, { status: 'failed', reason: 'late' })
    expect(await queue.row()).toEqual(settledRow)
    await queue.endLeases()
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
  })

  test('a push is not settled by a worker that has lost the lease to another', async ({
    queue,
    stores,
  }) => {
    await queue.aQueuedPush()
    await stores.deliveries.claim('first', 10)
    await queue.endLeases()
    await stores.deliveries.claim('second', 10)
    const { id } = await queue.row()
    await queue.settle('first', id, { status: 'failed', reason: 'slow' })
    expect(await queue.row()).toMatchObject({ status: 'queued', leased_by: 'second', reason: null })
    await queue.settle('second', id, success)
    expect(await queue.row()).toMatchObject({ status: 'sent' })
  })

  test('a push is settled by a holder whose lease has ended, if nobody else took it', async ({
    queue,
    stores,
  }) => {
    await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await queue.endLeases()
    await queue.settle('worker', (await queue.row()).id, success)
    expect(await queue.row()).toMatchObject({ status: 'sent' })
  })

  test('many pushes are settled in one batch, each with its own outcome', async ({
    stores,
    queue,
  }) => {
    const device = await aDevice(stores, queue.user)
    for (let count = 0; count < 3; count++) await aStoredChallenge(stores, queue.user, [device])
    await queue.endLeases()
    await stores.deliveries.claim('worker', 10)
    const [one, two, three] = (await queue.rows()).map(({ id }) => id)
    if (!one || !two || !three) throw new Error('there are three')
    const { tenantId } = queue.user
    await stores.deliveries.settle('worker', [
      { tenantId, id: one, outcome: success },
      { tenantId, id: two, outcome: { status: 'failed', reason: 'BadDeviceToken' } },
      { tenantId, id: three, outcome: retry(500) },
    ])
    expect(await queue.rows()).toMatchObject([
      { status: 'sent', reason: null },
      { status: 'failed', reason: 'BadDeviceToken', settled_at: expect.any(Date) },
      { status: 'queued', reason: 'busy', settled_at: null },
    ])
    await stores.deliveries.settle('worker', [])
  })

  test('the relying party reads the outcome of a settled push', async ({ queue, stores }) => {
    const { id } = await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await queue.settle('worker', (await queue.row()).id, {
      status: 'failed',
      reason: 'Unregistered',
    })
    const record = await stores.challenges.find(queue.user.tenantId, queue.user.rpId, id)
    expect(record?.devices).toMatchObject([
      {
        push: {
          status: 'failed',
          reason: 'Unregistered',
          attempts: 2,
          settledAt: expect.any(Date),
        },
      },
    ])
  })

  test('of a repeated push the newest outcome is reported', async ({ queue, stores }) => {
    const { id } = await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await queue.settle('worker', (await queue.row()).id, { status: 'failed', reason: 'busy' })
    await resend(stores, await challengeOf(stores, queue.user, id))
    const record = await stores.challenges.find(queue.user.tenantId, queue.user.rpId, id)
    expect(record?.devices).toMatchObject([{ push: { status: 'queued', attempts: 1 } }])
  })
})

describe('a push to retry', () => {
  test('a push to retry waits for its back-off, by the clock of the database', async ({
    queue,
    stores,
  }) => {
    await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await queue.settle('worker', (await queue.row()).id, retry(60_000))
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    const [now] = await stores.database.query<{ now: Date }>(
      'now',
      'select clock_timestamp() as now',
      [],
    )
    const waitMs = (await queue.row()).due_at.getTime() - (now?.now.getTime() ?? 0)
    expect(waitMs).toBeGreaterThan(30_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
    await queue.passTime()
    expect(await stores.deliveries.claim('worker', 10)).toMatchObject([{ attempts: 3 }])
  })

  test('pushes to retry come in the order in which they are due', async ({ stores, queue }) => {
    const device = await aDevice(stores, queue.user)
    for (let count = 0; count < 3; count++) await aStoredChallenge(stores, queue.user, [device])
    await queue.endLeases()
    const order: DeliveryId[] = []
    for (const ms of [0, 1, 2]) {
      const [due] = await stores.deliveries.claim('worker', 1)
      if (!due) throw new Error('one is due')
      order.push(due.id)
      await queue.settle('worker', due.id, retry(ms))
    }
    expect(order).toEqual((await queue.rows()).map(({ id }) => id))
  })
})

test('spent proofs are deleted after their time, and not before', async ({ stores, queue }) => {
  const device = await aDevice(stores, queue.user)
  const fresh = aProof(queue.user, device)
  const rename = (proof: typeof fresh) =>
    stores.devices.changeWithProof(queue.user.tenantId, device, { name: 'X' }, null, proof)
  await rename(fresh)
  for (let count = 0; count < 3; count++) {
    await rename({ ...aProof(queue.user, device), expiresAt: new Date(0) })
  }
  expect(await stores.deliveries.purgeProofs(2)).toBe(2)
  expect(await stores.deliveries.purgeProofs(2)).toBe(1)
  expect(await stores.deliveries.purgeProofs(2)).toBe(0)
  expect(await rename(fresh)).toBe('proof_replayed')
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId, DeliveryId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import type { Settlement } from '../../src/push/delivery.store.ts'
import {
  answer,
  cancel,
  challengeOf,
  resend,
  runOut,
  unregister,
} from '../challenges/challenge-steps.ts'
import {
  aChallenge,
  aDevice,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
// A claim takes what is due, of every tenant: each test begins with an empty queue.
beforeEach(async () => {
  await stores.database.query('empty', 'delete from deliveries', [])
  user = await aUser(stores)
})
afterAll(() => stores.close())

type Row = {
  readonly id: DeliveryId
  readonly status: string
  readonly reason: string | null
  readonly attempts: number
  readonly leased_by: string | null
  readonly provider_message_id: string | null
  readonly due_at: Date
  readonly settled_at: Date | null
}

async function rows(): Promise<Row[]> {
  return stores.database.query<Row>('rows', 'select * from deliveries order by id', [])
}
async function row(): Promise<Row> {
  const [only, ...more] = await rows()
  if (!only || more.length > 0) throw new Error('there is one delivery')
  return only
}

/** Ends every lease. */
async function endLeases() {
  const text = `update deliveries set leased_until = clock_timestamp() - interval '1 ms'
    where leased_by is not null`
  await stores.database.query('end_leases', text, [])
}
/** Makes every retry due. */
async function passTime() {
  await stores.database.query('pass_time', 'update deliveries set due_at = clock_timestamp()', [])
}

/** A challenge with a queued push whose creator is gone. */
async function aQueuedPush(): Promise<{ id: ChallengeId; device: DeviceId }> {
  const device = await aDevice(stores, user)
  const id = await aChallenge(stores, user, [device])
  await endLeases()
  return { id, device }
}

function settle(leasedBy: string, id: DeliveryId, outcome: Settlement['outcome']) {
  return stores.deliveries.settle(leasedBy, [{ tenantId: user.tenantId, id, outcome }])
}
const success = { status: 'sent', providerMessageId: 'apns-1' } as const
const retry = (retryAfterMs: number) =>
  ({ status: 'queued', reason: 'busy', retryAfterMs }) as const

describe('a push is claimed', () => {
  test('a push is claimed by one worker only, whatever the number of claims', async () => {
    const device = await aDevice(stores, user)
    for (let count = 0; count < 60; count++) await aChallenge(stores, user, [device])
    await endLeases()
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

  test('a push is claimed with all data that are needed to send it', async () => {
    const { id, device } = await aQueuedPush()
    const challenge = await challengeOf(stores, user, id)
    const [address] = await stores.database.query<{ push_token_sealed: Buffer }>(
      'sealed',
      'select push_token_sealed from devices where id = $1',
      [device],
    )
    expect(await stores.deliveries.claim('worker', 10)).toEqual([
      {
        tenantId: user.tenantId,
        id: (await row()).id,
        kind: 'challenge_opened',
        challengeId: id,
        deviceId: device,
        attempts: 2,
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

  test('a push is not claimed while its creator has the lease', async () => {
    await aChallenge(stores, user, [await aDevice(stores, user)])
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
  })

  test('a push is claimed again when the lease has ended, one attempt later', async () => {
    await aQueuedPush()
    for (const attempts of [2, 3, 4]) {
      expect(await stores.deliveries.claim('worker', 10)).toMatchObject([{ attempts }])
      expect(await stores.deliveries.claim('other', 10)).toEqual([])
      await endLeases()
    }
  })

  test('a push is claimed with its new token, when the device has another one', async () => {
    const { device } = await aQueuedPush()
    const token = {
      provider: 'fcm',
      environment: 'production',
      appId: 'com.example.app',
      tokenSealed: Buffer.from('new'),
      tokenHash: Buffer.from('hash'),
    } as const
    await stores.devices.setPushToken(user.tenantId, device, token, aProof(user, device))
    expect(await stores.deliveries.claim('worker', 10)).toMatchObject([
      { address: { provider: 'fcm', tokenSealed: Buffer.from('new') } },
    ])
  })
})

describe('a push is settled', () => {
  test('a push is settled by its lease holder, once and permanently', async () => {
    await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    const { id } = await row()
    await settle('worker', id, success)
    const settledRow = await row()
    expect(settledRow).toMatchObject({
      status: 'sent',
      provider_message_id: 'apns-1',
      leased_by: null,
      settled_at: expect.any(Date),
    })
    await settle('worker', id, { status: 'failed', reason: 'late' })
    expect(await row()).toEqual(settledRow)
    await endLeases()
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
  })

  test('a push is not settled by a worker that has lost the lease to another', async () => {
    await aQueuedPush()
    await stores.deliveries.claim('first', 10)
    await endLeases()
    await stores.deliveries.claim('second', 10)
    const { id } = await row()
    await settle('first', id, { status: 'failed', reason: 'slow' })
    expect(await row()).toMatchObject({ status: 'queued', leased_by: 'second', reason: null })
    await settle('second', id, success)
    expect(await row()).toMatchObject({ status: 'sent' })
  })

  test('a push is settled by a holder whose lease has ended, if nobody else took it', async () => {
    await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await endLeases()
    await settle('worker', (await row()).id, success)
    expect(await row()).toMatchObject({ status: 'sent' })
  })

  test('many pushes are settled in one batch, each with its own outcome', async () => {
    const device = await aDevice(stores, user)
    for (let count = 0; count < 3; count++) await aChallenge(stores, user, [device])
    await endLeases()
    await stores.deliveries.claim('worker', 10)
    const [one, two, three] = (await rows()).map(({ id }) => id)
    if (!one || !two || !three) throw new Error('there are three')
    const { tenantId } = user
    await stores.deliveries.settle('worker', [
      { tenantId, id: one, outcome: success },
      { tenantId, id: two, outcome: { status: 'failed', reason: 'BadDeviceToken' } },
      { tenantId, id: three, outcome: retry(500) },
    ])
    expect(await rows()).toMatchObject([
      { status: 'sent', reason: null },
      { status: 'failed', reason: 'BadDeviceToken', settled_at: expect.any(Date) },
      { status: 'queued', reason: 'busy', settled_at: null },
    ])
    await stores.deliveries.settle('worker', [])
  })

  test('the relying party reads the outcome of a settled push', async () => {
    const { id } = await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await settle('worker', (await row()).id, { status: 'failed', reason: 'Unregistered' })
    const record = await stores.challenges.find(user.tenantId, user.rpId, id)
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

  test('of a repeated push the newest outcome is reported', async () => {
    const { id } = await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await settle('worker', (await row()).id, { status: 'failed', reason: 'busy' })
    await resend(stores, await challengeOf(stores, user, id))
    const record = await stores.challenges.find(user.tenantId, user.rpId, id)
    expect(record?.devices).toMatchObject([{ push: { status: 'queued', attempts: 1 } }])
  })
})

describe('a push to retry', () => {
  test('a push to retry waits for its back-off, by the clock of the database', async () => {
    await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await settle('worker', (await row()).id, retry(60_000))
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    const [now] = await stores.database.query<{ now: Date }>(
      'now',
      'select clock_timestamp() as now',
      [],
    )
    const waitMs = (await row()).due_at.getTime() - (now?.now.getTime() ?? 0)
    expect(waitMs).toBeGreaterThan(30_000)
    expect(waitMs).toBeLessThanOrEqual(60_000)
    await passTime()
    expect(await stores.deliveries.claim('worker', 10)).toMatchObject([{ attempts: 3 }])
  })

  test('pushes to retry come in the order in which they are due', async () => {
    const device = await aDevice(stores, user)
    for (let count = 0; count < 3; count++) await aChallenge(stores, user, [device])
    await endLeases()
    const order: DeliveryId[] = []
    for (const ms of [0, 1, 2]) {
      const [due] = await stores.deliveries.claim('worker', 1)
      if (!due) throw new Error('one is due')
      order.push(due.id)
      await settle('worker', due.id, retry(ms))
    }
    expect(order).toEqual((await rows()).map(({ id }) => id))
  })
})

describe('a push that is no longer needed', () => {
  const expectSuppressed = async () => {
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    expect(await stores.deliveries.suppressEnded(10)).toBe(1)
    expect(await stores.deliveries.suppressEnded(10)).toBe(0)
    return (await rows())[0]
  }

  test('a push whose challenge was answered is suppressed', async () => {
    const { id, device } = await aQueuedPush()
    await answer(stores, user, await challengeOf(stores, user, id), device, 'deny')
    expect(await expectSuppressed()).toMatchObject({
      status: 'suppressed',
      reason: 'challenge_ended',
      settled_at: expect.any(Date),
    })
  })

  test('a push whose challenge expired is suppressed, swept or not', async () => {
    const { id } = await aQueuedPush()
    await runOut(stores, id)
    expect(await expectSuppressed()).toMatchObject({
      status: 'suppressed',
      reason: 'challenge_ended',
    })
  })

  test('a push whose device is unregistered is suppressed', async () => {
    const { device } = await aQueuedPush()
    await unregister(stores, user, device)
    expect(await expectSuppressed()).toMatchObject({
      status: 'suppressed',
      reason: 'device_not_active',
    })
  })

  test('a push whose device has no token any more is suppressed', async () => {
    const { device } = await aQueuedPush()
    await stores.devices.setPushToken(user.tenantId, device, null, aProof(user, device))
    expect(await expectSuppressed()).toMatchObject({
      status: 'suppressed',
      reason: 'no_push_token',
    })
  })

  test('a push that is being sent is left to its sender', async () => {
    const { id, device } = await aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await answer(stores, user, await challengeOf(stores, user, id), device, 'deny')
    expect(await stores.deliveries.suppressEnded(10)).toBe(0)
    await settle('worker', (await row()).id, success)
    expect(await row()).toMatchObject({ status: 'sent' })
  })

  test('a push that is still needed is not suppressed', async () => {
    await aQueuedPush()
    expect(await stores.deliveries.suppressEnded(10)).toBe(0)
  })
})

describe('“Already answered”', () => {
  test('“Already answered” is queued after the end, for an hour', async () => {
    const { id } = await aQueuedPush()
    await cancel(stores, user, id)
    await endLeases()
    await stores.deliveries.suppressEnded(10)
    const [closing, ...more] = await stores.deliveries.claim('worker', 10)
    expect(more).toEqual([])
    expect(closing).toMatchObject({ kind: 'challenge_closed', challengeId: id, attempts: 2 })
    const text = `update deliveries set created_at = created_at - interval '1 hour'`
    await stores.database.query('age', text, [])
    await endLeases()
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    expect(await stores.deliveries.suppressEnded(10)).toBe(1)
  })
})

test('spent proofs are deleted after their time, and not before', async () => {
  const device = await aDevice(stores, user)
  const fresh = aProof(user, device)
  const rename = (proof: typeof fresh) =>
    stores.devices.changeWithProof(user.tenantId, device, { name: 'X' }, null, proof)
  await rename(fresh)
  for (let count = 0; count < 3; count++) {
    await rename({ ...aProof(user, device), expiresAt: new Date(0) })
  }
  expect(await stores.deliveries.purgeProofs(2)).toBe(2)
  expect(await stores.deliveries.purgeProofs(2)).toBe(1)
  expect(await stores.deliveries.purgeProofs(2)).toBe(0)
  expect(await rename(fresh)).toBe('proof_replayed')
})

describe('a push without a challenge', () => {
  async function anOther(kind: 'activity_recorded' | 'test', ageSeconds: number) {
    const device = await aDevice(stores, user)
    const [activity] = await stores.activities.list(user.tenantId, user.userId, {
      limit: 1,
      before: null,
    })
    await stores.database.query(
      'insert_other',
      `insert into deliveries (tenant_id, id, kind, activity_id, device_id, status, due_at,
        created_at)
       values ($1, $2, $3, $4, $5, 'queued', clock_timestamp(),
         clock_timestamp() - make_interval(secs => $6))`,
      [
        user.tenantId,
        systemRandom.id('delivery'),
        kind,
        kind === 'test' ? null : activity?.id,
        device,
        ageSeconds,
      ],
    )
    return activity?.id
  }

  test.each([
    ['activity_recorded', 3_590, 3_610],
    ['test', 50, 61],
  ] as const)('%s is claimed until it is stale, and never after', async (kind, fresh, stale) => {
    const activityId = await anOther(kind, fresh)
    const [delivery] = await stores.deliveries.claim('worker', 10)
    expect(delivery).toMatchObject({ kind, challengeId: null, attempts: 1 })
    expect(delivery?.activityId).toBe(kind === 'test' ? undefined : activityId)
    const leftMs = (delivery?.expiresAt.getTime() ?? 0) - Date.now()
    expect(leftMs).toBeGreaterThan(0)
    expect(leftMs).toBeLessThanOrEqual(10_500)
    await stores.database.query('empty', 'delete from deliveries', [])
    await anOther(kind, stale)
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    await stores.deliveries.suppressEnded(10)
    expect(await row()).toMatchObject({ status: 'suppressed', reason: 'expired' })
  })

  test('a push without challenge or activity is a test: no other is accepted', async () => {
    await anOther('test', 0)
    for (const change of ["kind = 'challenge_opened'", "kind = 'activity_recorded'"]) {
      const updating = stores.database.query(
        `other_${change}`,
        `update deliveries set ${change}`,
        [],
      )
      await expect(updating).rejects.toThrow(/check constraint/)
    }
  })
})

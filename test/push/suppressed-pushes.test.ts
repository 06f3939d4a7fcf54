import { describe, expect } from 'vitest'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { answer, cancel, challengeOf, runOut, unregister } from '../challenges/challenge-steps.ts'
import { aDevice, aProof, type Stores } from '../support/stores.ts'
import { type DeliveryQueue, success, test } from './delivery-queue.ts'

describe('a push that is no longer needed', () => {
  const expectSuppressed = async ({ deliveries }: Stores, { rows }: DeliveryQueue) => {
    expect(await deliveries.claim('worker', 10)).toEqual([])
    expect(await deliveries.suppressEnded(10)).toBe(1)
    expect(await deliveries.suppressEnded(10)).toBe(0)
    return (await rows())[0]
  }

  test('a push whose challenge was answered is suppressed', async ({ queue, stores }) => {
    const { id, device } = await queue.aQueuedPush()
    await answer(stores, queue.user, await challengeOf(stores, queue.user, id), device, 'deny')
    expect(await expectSuppressed(stores, queue)).toMatchObject({
      status: 'suppressed',
      reason: 'challenge_ended',
      settled_at: expect.any(Date),
    })
  })

  test('a push whose challenge expired is suppressed, swept or not', async ({ queue, stores }) => {
    const { id } = await queue.aQueuedPush()
    await runOut(stores, id)
    expect(await expectSuppressed(stores, queue)).toMatchObject({
      status: 'suppressed',
      reason: 'challenge_ended',
    })
  })

  test('a push whose device is unregistered is suppressed', async ({ queue, stores }) => {
    const { device } = await queue.aQueuedPush()
    await unregister(stores, queue.user, device)
    expect(await expectSuppressed(stores, queue)).toMatchObject({
      status: 'suppressed',
      reason: 'device_not_active',
    })
  })

  test('a push whose device has no token any more is suppressed', async ({ queue, stores }) => {
    const { device } = await queue.aQueuedPush()
    await stores.devices.setPushToken(queue.user.tenantId, device, null, aProof(queue.user, device))
    expect(await expectSuppressed(stores, queue)).toMatchObject({
      status: 'suppressed',
      reason: 'no_push_token',
    })
  })

  test('a push that is being sent is left to its sender', async ({ queue, stores }) => {
    const { id, device } = await queue.aQueuedPush()
    await stores.deliveries.claim('worker', 10)
    await answer(stores, queue.user, await challengeOf(stores, queue.user, id), device, 'deny')
    expect(await stores.deliveries.suppressEnded(10)).toBe(0)
    await queue.settle('worker', (await queue.row()).id, success)
    expect(await queue.row()).toMatchObject({ status: 'sent' })
  })

  test('a push that is still needed is not suppressed', async ({ queue, stores }) => {
    await queue.aQueuedPush()
    expect(await stores.deliveries.suppressEnded(10)).toBe(0)
  })
})

describe('the push that closes a prompt', () => {
  test('the push that closes a prompt is queued after the end, for an hour', async ({
    queue,
    stores,
  }) => {
    const { id } = await queue.aQueuedPush()
    await cancel(stores, queue.user, id)
    await queue.endLeases()
    await stores.deliveries.suppressEnded(10)
    const [closing, ...more] = await stores.deliveries.claim('worker', 10)
    expect(more).toEqual([])
    expect(closing).toMatchObject({ kind: 'challenge_closed', challengeId: id, attempts: 2 })
    const text = `update deliveries set created_at = created_at - interval '1 hour'`
    await stores.database.query('age', text, [])
    await queue.endLeases()
    expect(await stores.deliveries.claim('worker', 10)).toEqual([])
    expect(await stores.deliveries.suppressEnded(10)).toBe(1)
  })
})

describe('a push without a challenge', () => {
  async function anOther(
    stores: Stores,
    { user }: DeliveryQueue,
    kind: 'activity_recorded' | 'test',
    ageSeconds: number,
  ) {
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

  test.for([
    ['activity_recorded', 3_590, 3_610],
    ['test', 50, 61],
  ] as const)(
    '%s is claimed until it is stale, and never after',
    async ([kind, fresh, stale], { stores, queue }) => {
      const activityId = await anOther(stores, queue, kind, fresh)
      const [delivery] = await stores.deliveries.claim('worker', 10)
      expect(delivery).toMatchObject({ kind, challengeId: null, attempts: 1 })
      expect(delivery?.activityId).toBe(kind === 'test' ? undefined : activityId)
      const leftMs = (delivery?.expiresAt.getTime() ?? 0) - Date.now()
      expect(leftMs).toBeGreaterThan(0)
      expect(leftMs).toBeLessThanOrEqual(10_500)
      await stores.database.query('empty', 'delete from deliveries', [])
      await anOther(stores, queue, kind, stale)
      expect(await stores.deliveries.claim('worker', 10)).toEqual([])
      await stores.deliveries.suppressEnded(10)
      expect(await queue.row()).toMatchObject({ status: 'suppressed', reason: 'expired' })
    },
  )

  test('a push without challenge or activity is a test: no other is accepted', async ({
    stores,
    queue,
  }) => {
    await anOther(stores, queue, 'test', 0)
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

import { expect } from 'vitest'
import { enqueueWebhooks } from '../../src/webhooks/enqueue-webhooks.ts'
import { changeWebhookEndpoint } from '../../src/webhooks/webhook-endpoints.ts'
import { until } from '../support/until.ts'
import { granted } from '../support/world.ts'
import { test } from './dispatched-webhooks.ts'

const batch = { limit: 100, leasedBy: 'worker' }
const leases = `select leased_by, attempts from webhook_deliveries where tenant_id = $1
  order by attempts`
const limits = { limit: 100, perTenant: 100, perEndpoint: 3, perFailing: 1, slow: [] }

test('what a fan-out has leased is sent by no other process', async ({
  subscriber,
  world,
  workshop,
  sink,
}) => {
  await subscriber.anEndpoint()
  await subscriber.happen(2)
  let count = 0
  const { due, isClaimNeeded } = await enqueueWebhooks(world, batch, () => count++ === 0)
  expect([due.length, isClaimNeeded]).toEqual([1, true])
  expect(due[0]).toMatchObject({ url: sink.url, attempts: 1, previousSealed: null })
  const { tenantId } = subscriber.principal
  expect(await workshop.sql('leases', leases, tenantId)).toEqual([
    { leased_by: null, attempts: 0 },
    { leased_by: 'worker', attempts: 1 },
  ])
  const claim = await world.webhookDeliveries.claim({ leasedBy: 'other', loads: [], ...limits })
  expect(claim.due).toHaveLength(1)
  expect(claim.due[0]?.eventId).not.toBe(due[0]?.eventId)
})

test('an endpoint that is paused while its facts are fanned out gets nothing until it is active', async ({
  subscriber,
  world,
}) => {
  const { id } = await subscriber.anEndpoint()
  await subscriber.happen(1)
  const { loadFacts } = world.webhookDeliveries
  const { dependencies, principal } = subscriber
  const webhookDeliveries = {
    ...world.webhookDeliveries,
    async loadFacts(limit: number) {
      const batchOfFacts = await loadFacts(limit)
      await granted(changeWebhookEndpoint(dependencies, principal, id, { status: 'paused' }))
      return batchOfFacts
    },
  }
  const { due } = await enqueueWebhooks({ ...world, webhookDeliveries }, batch, () => true)
  expect(due).toEqual([])
  expect(await subscriber.statuses()).toEqual([{ status: 'queued', n: 1 }])
})

test('a claim says whether its limits left anything that is due', async ({ subscriber, world }) => {
  const { id } = await subscriber.anEndpoint()
  await subscriber.happen(5)
  await enqueueWebhooks(world, batch, () => false)
  const claim = (inFlight: number, more: Partial<typeof limits> = {}) =>
    world.webhookDeliveries.claim({
      ...{ leasedBy: 'worker', ...limits, ...more },
      loads: inFlight === 0 ? [] : [{ endpointId: id, inFlight }],
    })
  const counts = async (...args: Parameters<typeof claim>) => {
    const { due, isMore } = await claim(...args)
    return [due.length, isMore]
  }
  expect(await counts(3)).toEqual([0, true])
  expect(await counts(0, { limit: 1 })).toEqual([1, true])
  expect(await counts(1)).toEqual([2, true])
  expect(await counts(0)).toEqual([2, false])
  expect(await counts(3)).toEqual([0, false])
})

test('what waits in the queue is not overtaken by new events while it is being claimed', async ({
  subscriber,
  workshop,
  world,
  sink,
}) => {
  await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  const { claim } = world.webhookDeliveries
  const { promise, resolve } = Promise.withResolvers<void>()
  let isClaiming = false
  world.webhookDeliveries.claim = async (place) => {
    isClaiming = true
    await promise
    return claim(place)
  }
  const work = dispatcher.work()
  await until('a claim is under way', () => isClaiming)
  await subscriber.happen(1)
  dispatcher.wake()
  await until('it is queued', async () => (await subscriber.statuses()).length === 1)
  const { tenantId } = subscriber.principal
  const leasesMeanwhile = await workshop.sql('leases', leases, tenantId)
  world.webhookDeliveries.claim = claim
  resolve()
  await work
  await until('it is sent', () => sink.deliveries.length === 1)
  expect(leasesMeanwhile).toEqual([{ leased_by: null, attempts: 0 }])
})

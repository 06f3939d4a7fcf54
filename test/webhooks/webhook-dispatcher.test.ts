import type { ServerResponse } from 'node:http'
import { describe, expect } from 'vitest'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import {
  changeWebhookEndpoint,
  listWebhookAttempts,
  readWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from '../../src/webhooks/webhook-endpoints.ts'
import { until } from '../support/until.ts'
import { startSink, verify } from '../support/webhook-sink.ts'
import { granted } from '../support/world.ts'
import { test } from './dispatched-webhooks.ts'

test('a failed event is retried under the same id with a later time, until it arrives', async ({
  subscriber,
  workshop,
  world,
  sink,
}) => {
  const { secret } = await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  workshop.answering(500)
  await subscriber.happen(1)
  await dispatcher.work()
  await until(
    'failed once',
    async () => (await subscriber.statuses())[0]?.n === 1 && dispatcher.inFlight() === 0,
  )
  workshop.answering(204)
  world.moveClock(5_000)
  await workshop.hurry()
  await dispatcher.work()
  await until('delivered', async () => (await subscriber.statuses())[0]?.status === 'delivered')
  const [first, second] = sink.deliveries
  if (!first || !second) throw new Error('tried once')
  expect(second.id).toBe(first.id)
  expect(second.text).toBe(first.text)
  const [one, two] = [first, second].map(({ headers }) => Number(headers['webhook-timestamp']))
  expect((two ?? 0) - (one ?? 0)).toBeGreaterThanOrEqual(4)
  verify(secret, second)
  const endpoint = (
    await world.webhookEndpoints.list(subscriber.principal.tenantId, subscriber.principal.rpId)
  )[0]
  expect(endpoint).toMatchObject({ status: 'active', failingSince: null, lastFailedAt: null })
})

test('a busy endpoint is left alone for as long as it asks', async ({
  subscriber,
  workshop,
  sink,
}) => {
  await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  workshop.answering(503, { 'retry-after': '900' })
  await subscriber.happen(1)
  await dispatcher.work()
  await until('failed', () => sink.deliveries.length === 1 && dispatcher.inFlight() === 0)
  const [row] = await workshop.sql(
    'due',
    `select extract(epoch from due_at - clock_timestamp())::int as wait
    from webhook_deliveries where tenant_id = $1`,
    subscriber.principal.tenantId,
  )
  expect(Number(row?.wait)).toBeGreaterThan(850)
})

test('during the overlap both secrets sign, after it the new one alone', async ({
  subscriber,
  workshop,
  sink,
}) => {
  const { id, secret: old } = await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  const { secret } = await granted(
    rotateWebhookSecret(subscriber.dependencies, subscriber.principal, id, 60),
  )
  expect(secret).not.toBe(old)
  await subscriber.happen(1)
  await dispatcher.work()
  const first = await until('the first', () => sink.deliveries[0])
  verify(old, first)
  verify(secret, first)
  await workshop.sql('later', `update webhook_endpoints set previous_until = clock_timestamp()`)
  await subscriber.happen(1)
  await dispatcher.work()
  const second = await until('the second', () => sink.deliveries[1])
  verify(secret, second)
  expect(() => verify(old, second)).toThrow()
  // The stored secret is sealed.
  const rows = JSON.stringify(
    await workshop.sql(
      'sealed',
      'select *, encode(secret_sealed, $1) from webhook_endpoints',
      'escape',
    ),
  )
  for (const one of [old, secret]) expect(rows).not.toContain(one.slice(6))
})

describe('an endpoint that refuses events', () => {
  test('by 410 is disabled, with a record, and has no pending events until it is made active again', async ({
    subscriber,
    workshop,
    world,
    sink,
  }) => {
    const { id } = await subscriber.anEndpoint()
    const dispatcher = workshop.aDispatcher()
    workshop.answering(410)
    await subscriber.happen(1)
    await dispatcher.work()
    await until('disabled', async () => {
      const endpoint = await granted(readWebhookEndpoint(world, subscriber.principal, id))
      return endpoint.status === 'disabled' && endpoint.statusReason === 'gone'
    })
    await subscriber.happen(1)
    await dispatcher.work()
    expect(sink.deliveries).toHaveLength(1)
    const { tenantId } = subscriber.principal
    const page = { limit: 1, before: null }
    const [event] = await world.audit.list(tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_disabled', actor: 'service' })
    workshop.answering(204)
    await granted(
      changeWebhookEndpoint(subscriber.dependencies, subscriber.principal, id, {
        status: 'active',
      }),
    )
    await subscriber.happen(1)
    await dispatcher.work()
    await until('received again', () => sink.deliveries.length === 2)
  })

  test('for five days is paused with a record; a success in between resets the count', async ({
    subscriber,
    workshop,
    sink,
    world,
  }) => {
    const { id } = await subscriber.anEndpoint()
    const dispatcher = workshop.aDispatcher()
    const day = 86_400_000
    const tryOnce = async (status: number) => {
      workshop.answering(status)
      const before = sink.deliveries.length
      await subscriber.happen(1)
      await dispatcher.work()
      await until('tried', () => sink.deliveries.length > before && dispatcher.inFlight() === 0)
      await dispatcher.pauseFailing()
      return (await granted(readWebhookEndpoint(world, subscriber.principal, id))).status
    }
    expect(await tryOnce(500)).toBe('active')
    world.moveClock(4.9 * day)
    expect(await tryOnce(500)).toBe('active')
    expect(await tryOnce(204)).toBe('active')
    world.moveClock(0.2 * day)
    expect(await tryOnce(500)).toBe('active')
    world.moveClock(5 * day)
    expect(await tryOnce(500)).toBe('paused')
    expect(dispatcher.lines).toContain('webhook endpoint paused')
    const page = { limit: 1, before: null }
    const [event] = await world.audit.list(subscriber.principal.tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_paused', details: { reason: 'failing' } })
    world.moveClock(-10.1 * day)
  })
})

test('endpoints that failed once and have no events do not hide one that has failed for days', async ({
  subscriber,
  workshop,
  world,
}) => {
  const { id } = await subscriber.anEndpoint()
  await workshop.sql(
    'failed_once',
    `insert into webhook_endpoints
       (tenant_id, rp_id, id, url, events, secret_sealed, failing_since, last_failed_at)
     select $1, $2, 'whe_quiet' || n, 'https://rp.example/', '{*}', 'x',
       now() - interval '90 days', now() - interval '90 days'
     from generate_series(1, 100) n`,
    subscriber.principal.tenantId,
    subscriber.principal.rpId,
  )
  await workshop.sql(
    'failed_for_days',
    `update webhook_endpoints set failing_since = now() - interval '6 days', last_failed_at = now()
     where id = $1`,
    id,
  )
  expect(await workshop.aDispatcher().pauseFailing()).toBe(1)
  expect((await granted(readWebhookEndpoint(world, subscriber.principal, id))).status).toBe(
    'paused',
  )
})

test('a 410 from the previous address does not disable the endpoint at its new one', async ({
  subscriber,
  workshop,
  sink,
  world,
}) => {
  await using former = await startSink()
  const responses: ServerResponse[] = []
  former.answer((response) => void responses.push(response))
  const { id } = await subscriber.anEndpoint(former.url)
  const dispatcher = workshop.aDispatcher()
  await subscriber.happen(1)
  await dispatcher.work()
  await until('asked', () => responses.length === 1)
  await granted(
    changeWebhookEndpoint(subscriber.dependencies, subscriber.principal, id, { url: sink.url }),
  )
  responses[0]?.writeHead(410).end()
  await until('settled', () => dispatcher.inFlight() === 0)
  expect((await granted(readWebhookEndpoint(world, subscriber.principal, id))).status).toBe(
    'active',
  )
})

test('a replayed test is retried for a minute, as at first', async ({ subscriber, workshop }) => {
  const { id } = await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  const { eventId } = await granted(
    testWebhookEndpoint(subscriber.dependencies, subscriber.principal, id),
  )
  await dispatcher.work()
  await until('delivered', async () => (await subscriber.statuses())[0]?.status === 'delivered')
  await granted(replayWebhooks(subscriber.dependencies, subscriber.principal, id, { eventId }))
  const [delivery] = await workshop.sql(
    'stale_within',
    `select stale_at <= clock_timestamp() + interval '60 seconds' as soon
     from webhook_deliveries where event_id = $1`,
    eventId,
  )
  expect(delivery?.soon).toBe(true)
})

test('a paused endpoint keeps its pending events, and gets them when it is activated', async ({
  subscriber,
  workshop,
  sink,
}) => {
  const { id } = await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  await granted(
    changeWebhookEndpoint(subscriber.dependencies, subscriber.principal, id, { status: 'paused' }),
  )
  await subscriber.happen(3)
  await dispatcher.work()
  expect(await subscriber.statuses()).toEqual([{ status: 'queued', n: 3 }])
  const refusal = { refused: 'webhook_endpoint_not_active' }
  expect(
    await testWebhookEndpoint(subscriber.dependencies, subscriber.principal, id),
  ).toMatchObject(refusal)
  expect(sink.deliveries).toEqual([])
  await granted(
    changeWebhookEndpoint(subscriber.dependencies, subscriber.principal, id, { status: 'active' }),
  )
  await dispatcher.work()
  await until('all arrive', () => sink.deliveries.length === 3)
})

test('a stale event is given up, and can be replayed: by its id, or with all failed since a time', async ({
  subscriber,
  workshop,
  sink,
  world,
}) => {
  const { id } = await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher()
  const since = new Date(Date.now() - 60_000)
  workshop.answering(500)
  await subscriber.happen(3)
  await dispatcher.work()
  await until('all tried', () => sink.deliveries.length === 3 && dispatcher.inFlight() === 0)
  await workshop.sql(
    'stale',
    'update webhook_deliveries set stale_at = clock_timestamp() where tenant_id = $1',
    subscriber.principal.tenantId,
  )
  await workshop.hurry()
  await dispatcher.work()
  expect(sink.deliveries).toHaveLength(3)
  expect(await world.webhookDeliveries.giveUpStale(100)).toBe(3)
  expect(await subscriber.statuses()).toEqual([{ status: 'failed', n: 3 }])
  const ids = new Set(sink.deliveries.map((one) => one.id))
  workshop.answering(204)
  const future = { failedSince: new Date(Date.now() + 60_000) }
  expect(await replayWebhooks(subscriber.dependencies, subscriber.principal, id, future)).toEqual({
    replayed: 0,
  })
  expect(
    await replayWebhooks(subscriber.dependencies, subscriber.principal, id, { failedSince: since }),
  ).toEqual({
    replayed: 3,
  })
  await dispatcher.work()
  await until(
    'all arrive',
    async () =>
      (await subscriber.statuses())[0]?.status === 'delivered' && dispatcher.inFlight() === 0,
  )
  const [eventId] = ids
  const one = { eventId: eventId as `evt_${string}` }
  expect(await replayWebhooks(subscriber.dependencies, subscriber.principal, id, one)).toEqual({
    replayed: 1,
  })
  await dispatcher.work()
  await until('once more', () => sink.deliveries.length === 7)
  expect(new Set(sink.deliveries.map((again) => again.id))).toEqual(ids)
  const unknown = { eventId: systemRandom.id('webhookEvent') }
  expect(
    await replayWebhooks(subscriber.dependencies, subscriber.principal, id, unknown),
  ).toMatchObject({
    refused: 'not_found',
  })
  const page = { limit: 100, before: null }
  await until('recorded', () => dispatcher.inFlight() === 0)
  const attempts = await granted(
    listWebhookAttempts(subscriber.dependencies, subscriber.principal, id, page),
  )
  expect(attempts.map(({ statusCode }) => statusCode)).toEqual([204, 204, 204, 204, 500, 500, 500])
  expect(attempts[0]).toMatchObject({
    type: 'activity.recorded',
    reason: null,
    deliveryStatus: 'delivered',
  })
})

test('an endpoint receives only the events it subscribed to, and none from before it existed', async ({
  subscriber,
  sink,
  workshop,
}) => {
  await subscriber.anEndpoint(sink.url, ['device.suspended'])
  await subscriber.happen(1)
  await subscriber.anEndpoint(`${sink.url}/late`)
  const dispatcher = workshop.aDispatcher()
  await dispatcher.work()
  await until('idle', () => dispatcher.inFlight() === 0)
  expect(sink.deliveries).toEqual([])
})

test('an endpoint receives what happened in the millisecond of its creation only if that came after', async ({
  subscriber,
  sink,
  workshop,
}) => {
  const listeners = [await subscriber.anEndpoint(sink.url), await subscriber.anEndpoint(sink.url)]
  await subscriber.happen(1)
  const micros = [100, 900]
  for (const [index, { id }] of listeners.entries()) {
    await workshop.sql(
      'created_within',
      `update webhook_endpoints e set created_at =
         date_trunc('milliseconds', f.occurred_at) + make_interval(secs => $2::int / 1e6)
       from webhook_facts f where f.tenant_id = e.tenant_id and e.id = $1`,
      id,
      micros[index],
    )
  }
  await workshop.sql(
    'happened_within',
    `update webhook_facts set occurred_at =
       date_trunc('milliseconds', occurred_at) + interval '500 microseconds' where tenant_id = $1`,
    subscriber.principal.tenantId,
  )
  await workshop.aDispatcher().work()
  const [delivery, ...others] = await workshop.sql(
    'delivered_to',
    'select endpoint_id from webhook_deliveries where tenant_id = $1',
    subscriber.principal.tenantId,
  )
  expect([delivery?.endpoint_id, others]).toEqual([listeners[0]?.id, []])
})

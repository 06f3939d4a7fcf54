import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import {
  buildWebhookDispatcher,
  type WebhookDispatcher,
} from '../../src/webhooks/webhook-dispatcher.ts'
import {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  listWebhookAttempts,
  readWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from '../../src/webhooks/webhook-endpoints.ts'
import { buildWebhookSender } from '../../src/webhooks/webhook-sender.adapter.ts'
import { until } from '../support/until.ts'
import { type Sink, startSink, verify } from '../support/webhook-sink.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../support/world.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
let world: World
let principal: Principal
let userId: string
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

let sink: Sink
const dispatchers: WebhookDispatcher[] = []
beforeEach(async () => {
  sink = await startSink()
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
})
afterEach(async () => {
  for (const dispatcher of dispatchers.splice(0)) await dispatcher.drain()
  await sql(
    'no_more',
    `update webhook_endpoints set status = 'disabled', status_reason = 'gone'
    where status in ('active', 'paused')`,
  )
  await sink[Symbol.asyncDispose]()
})

const sql = (name: string, text: string, ...values: unknown[]) =>
  world.database.query<Record<string, unknown>>(name, text, values)

function aDispatcher(name = 'worker', timeoutMs = 2_000, slowMs = 3_000) {
  const lines: string[] = []
  const write = (_facts: object, line: string) => void lines.push(line)
  const webhookSender = buildWebhookSender({ guard, timeoutMs })
  const log = { warn: write, error: write }
  const leaseHolder = { name, isPresent: () => true }
  const dispatcher = buildWebhookDispatcher({ ...world, webhookSender, leaseHolder, log, slowMs })
  dispatchers.push(dispatcher)
  return Object.assign(dispatcher, { lines })
}

const dependencies = () => ({ ...world, webhookUrls: guard })
const anEndpoint = (
  url = sink.url,
  events: readonly ['*'] | readonly ['device.suspended'] = ['*'],
) => granted(createWebhookEndpoint(dependencies(), principal, { url, events }))

/** Records so many activities of the user, of a type that makes one event each. */
const happen = (count: number) =>
  sql(
    'happen',
    `insert into activities (tenant_id, id, user_id, type, severity, actor)
     select $1, 'act_' || gen_random_uuid(), $2, 'device_renamed', 'info', 'service'
     from generate_series(1, $3::int)`,
    principal.tenantId,
    userId,
    count,
  )
/** Brings forward the deliveries that wait for a retry. */
const hurry = () =>
  sql(
    'hurry',
    `with waiting as materialized (
       select tenant_id, endpoint_id, event_id from webhook_deliveries
       where status = 'queued' and leased_until is null and due_at > clock_timestamp()
       for update skip locked
     )
     update webhook_deliveries d set due_at = clock_timestamp() from waiting w
     where d.tenant_id = w.tenant_id and d.endpoint_id = w.endpoint_id and d.event_id = w.event_id`,
  )
const statuses = async () =>
  (await sql(
    'statuses',
    `select status, count(*)::int as n from webhook_deliveries
    where tenant_id = $1 group by status order by status`,
    principal.tenantId,
  )) as {
    status: string
    n: number
  }[]

const answering = (status: number, headers: Record<string, string> = {}) =>
  sink.answer((response: ServerResponse) => void response.writeHead(status, headers).end())

test('a failed event is retried under the same id with a later time, until it arrives', async () => {
  const { secret } = await anEndpoint()
  const dispatcher = aDispatcher()
  answering(500)
  await happen(1)
  await dispatcher.work()
  await until(
    'failed once',
    async () => (await statuses())[0]?.n === 1 && dispatcher.inFlight() === 0,
  )
  answering(204)
  world.moveClock(5_000)
  await hurry()
  await dispatcher.work()
  await until('delivered', async () => (await statuses())[0]?.status === 'delivered')
  const [first, second] = sink.deliveries
  if (!first || !second) throw new Error('tried once')
  expect(second.id).toBe(first.id)
  expect(second.text).toBe(first.text)
  const [one, two] = [first, second].map(({ headers }) => Number(headers['webhook-timestamp']))
  expect((two ?? 0) - (one ?? 0)).toBeGreaterThanOrEqual(4)
  verify(secret, second)
  const endpoint = (await world.webhookEndpoints.list(principal.tenantId, principal.rpId))[0]
  expect(endpoint).toMatchObject({ status: 'active', failingSince: null, lastFailedAt: null })
})

test('a busy endpoint is left alone for as long as it asks', async () => {
  await anEndpoint()
  const dispatcher = aDispatcher()
  answering(503, { 'retry-after': '900' })
  await happen(1)
  await dispatcher.work()
  await until('failed', () => sink.deliveries.length === 1 && dispatcher.inFlight() === 0)
  const [row] = await sql(
    'due',
    `select extract(epoch from due_at - clock_timestamp())::int as wait
    from webhook_deliveries where tenant_id = $1`,
    principal.tenantId,
  )
  expect(Number(row?.wait)).toBeGreaterThan(850)
})

test('during the overlap both secrets sign, after it the new one alone', async () => {
  const { id, secret: old } = await anEndpoint()
  const dispatcher = aDispatcher()
  const { secret } = await granted(rotateWebhookSecret(dependencies(), principal, id, 60))
  expect(secret).not.toBe(old)
  await happen(1)
  await dispatcher.work()
  const first = await until('the first', () => sink.deliveries[0])
  verify(old, first)
  verify(secret, first)
  await sql('later', `update webhook_endpoints set previous_until = clock_timestamp()`)
  await happen(1)
  await dispatcher.work()
  const second = await until('the second', () => sink.deliveries[1])
  verify(secret, second)
  expect(() => verify(old, second)).toThrow()
  // The stored secret is sealed.
  const rows = JSON.stringify(
    await sql('sealed', 'select *, encode(secret_sealed, $1) from webhook_endpoints', 'escape'),
  )
  for (const one of [old, secret]) expect(rows).not.toContain(one.slice(6))
})

describe('an endpoint that refuses events', () => {
  test('by 410 is disabled, with a record, and has no pending events until it is made active again', async () => {
    const { id } = await anEndpoint()
    const dispatcher = aDispatcher()
    answering(410)
    await happen(1)
    await dispatcher.work()
    await until('disabled', async () => {
      const endpoint = await granted(readWebhookEndpoint(world, principal, id))
      return endpoint.status === 'disabled' && endpoint.statusReason === 'gone'
    })
    await happen(1)
    await dispatcher.work()
    expect(sink.deliveries).toHaveLength(1)
    const { tenantId } = principal
    const page = { limit: 1, before: null }
    const [event] = await world.audit.list(tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_disabled', actor: 'service' })
    answering(204)
    await granted(changeWebhookEndpoint(dependencies(), principal, id, { status: 'active' }))
    await happen(1)
    await dispatcher.work()
    await until('received again', () => sink.deliveries.length === 2)
  })

  test('for five days is paused with a record; a success in between resets the count', async () => {
    const { id } = await anEndpoint()
    const dispatcher = aDispatcher()
    const day = 86_400_000
    const tryOnce = async (status: number) => {
      answering(status)
      const before = sink.deliveries.length
      await happen(1)
      await dispatcher.work()
      await until('tried', () => sink.deliveries.length > before && dispatcher.inFlight() === 0)
      await dispatcher.pauseFailing()
      return (await granted(readWebhookEndpoint(world, principal, id))).status
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
    const [event] = await world.audit.list(principal.tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_paused', details: { reason: 'failing' } })
    world.moveClock(-10.1 * day)
  })
})

test('endpoints that failed once and have no events do not hide one that has failed for days', async () => {
  const { id } = await anEndpoint()
  await sql(
    'failed_once',
    `insert into webhook_endpoints
       (tenant_id, rp_id, id, url, events, secret_sealed, failing_since, last_failed_at)
     select $1, $2, 'whe_quiet' || n, 'https://rp.example/', '{*}', 'x',
       now() - interval '90 days', now() - interval '90 days'
     from generate_series(1, 100) n`,
    principal.tenantId,
    principal.rpId,
  )
  await sql(
    'failed_for_days',
    `update webhook_endpoints set failing_since = now() - interval '6 days', last_failed_at = now()
     where id = $1`,
    id,
  )
  expect(await aDispatcher().pauseFailing()).toBe(1)
  expect((await granted(readWebhookEndpoint(world, principal, id))).status).toBe('paused')
})

test('a 410 from the previous address does not disable the endpoint at its new one', async () => {
  await using former = await startSink()
  const responses: ServerResponse[] = []
  former.answer((response) => void responses.push(response))
  const { id } = await anEndpoint(former.url)
  const dispatcher = aDispatcher()
  await happen(1)
  await dispatcher.work()
  await until('asked', () => responses.length === 1)
  await granted(changeWebhookEndpoint(dependencies(), principal, id, { url: sink.url }))
  responses[0]?.writeHead(410).end()
  await until('settled', () => dispatcher.inFlight() === 0)
  expect((await granted(readWebhookEndpoint(world, principal, id))).status).toBe('active')
})

test('a replayed test is retried for a minute, as at first', async () => {
  const { id } = await anEndpoint()
  const dispatcher = aDispatcher()
  const { eventId } = await granted(testWebhookEndpoint(dependencies(), principal, id))
  await dispatcher.work()
  await until('delivered', async () => (await statuses())[0]?.status === 'delivered')
  await granted(replayWebhooks(dependencies(), principal, id, { eventId }))
  const [delivery] = await sql(
    'stale_within',
    `select stale_at <= clock_timestamp() + interval '60 seconds' as soon
     from webhook_deliveries where event_id = $1`,
    eventId,
  )
  expect(delivery?.soon).toBe(true)
})

test('a paused endpoint keeps its pending events, and gets them when it is activated', async () => {
  const { id } = await anEndpoint()
  const dispatcher = aDispatcher()
  await granted(changeWebhookEndpoint(dependencies(), principal, id, { status: 'paused' }))
  await happen(3)
  await dispatcher.work()
  expect(await statuses()).toEqual([{ status: 'queued', n: 3 }])
  const refusal = { refused: 'webhook_endpoint_not_active' }
  expect(await testWebhookEndpoint(dependencies(), principal, id)).toMatchObject(refusal)
  expect(sink.deliveries).toEqual([])
  await granted(changeWebhookEndpoint(dependencies(), principal, id, { status: 'active' }))
  await dispatcher.work()
  await until('all arrive', () => sink.deliveries.length === 3)
})

test('a stale event is given up, and can be replayed: by its id, or with all failed since a time', async () => {
  const { id } = await anEndpoint()
  const dispatcher = aDispatcher()
  const since = new Date(Date.now() - 60_000)
  answering(500)
  await happen(3)
  await dispatcher.work()
  await until('all tried', () => sink.deliveries.length === 3 && dispatcher.inFlight() === 0)
  await sql(
    'stale',
    'update webhook_deliveries set stale_at = clock_timestamp() where tenant_id = $1',
    principal.tenantId,
  )
  await hurry()
  await dispatcher.work()
  expect(sink.deliveries).toHaveLength(3)
  expect(await world.webhookDeliveries.giveUpStale(100)).toBe(3)
  expect(await statuses()).toEqual([{ status: 'failed', n: 3 }])
  const ids = new Set(sink.deliveries.map((one) => one.id))
  answering(204)
  const future = { failedSince: new Date(Date.now() + 60_000) }
  expect(await replayWebhooks(dependencies(), principal, id, future)).toEqual({ replayed: 0 })
  expect(await replayWebhooks(dependencies(), principal, id, { failedSince: since })).toEqual({
    replayed: 3,
  })
  await dispatcher.work()
  await until(
    'all arrive',
    async () => (await statuses())[0]?.status === 'delivered' && dispatcher.inFlight() === 0,
  )
  const [eventId] = ids
  const one = { eventId: eventId as `evt_${string}` }
  expect(await replayWebhooks(dependencies(), principal, id, one)).toEqual({ replayed: 1 })
  await dispatcher.work()
  await until('once more', () => sink.deliveries.length === 7)
  expect(new Set(sink.deliveries.map((again) => again.id))).toEqual(ids)
  const unknown = { eventId: systemRandom.id('webhookEvent') }
  expect(await replayWebhooks(dependencies(), principal, id, unknown)).toMatchObject({
    refused: 'not_found',
  })
  const page = { limit: 100, before: null }
  await until('recorded', () => dispatcher.inFlight() === 0)
  const attempts = await granted(listWebhookAttempts(dependencies(), principal, id, page))
  expect(attempts.map(({ statusCode }) => statusCode)).toEqual([204, 204, 204, 204, 500, 500, 500])
  expect(attempts[0]).toMatchObject({
    type: 'activity.recorded',
    reason: null,
    deliveryStatus: 'delivered',
  })
})

test('an endpoint receives only the events it subscribed to, and none from before it existed', async () => {
  await anEndpoint(sink.url, ['device.suspended'])
  await happen(1)
  await anEndpoint(`${sink.url}/late`)
  const dispatcher = aDispatcher()
  await dispatcher.work()
  await until('idle', () => dispatcher.inFlight() === 0)
  expect(sink.deliveries).toEqual([])
})

test('an endpoint that hangs delays its own events, and no other', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  await anEndpoint(slow.url)
  await anEndpoint()
  const dispatcher = aDispatcher('worker', 60_000)
  await happen(300)
  dispatcher.wake()
  await until('the other has them all', () => sink.deliveries.length === 300)
  expect(slow.deliveries.length).toBeLessThanOrEqual(32)
  await slow[Symbol.asyncDispose]()
})

test('endpoints of one tenant that never answer leave slots for those of others', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let n = 0; n < 8; n++) await anEndpoint(slow.url)
  const dispatcher = aDispatcher('worker', 60_000)
  await happen(64)
  await dispatcher.work()
  await until('their slots are full', () => slow.deliveries.length >= 100)
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
  await anEndpoint()
  await happen(1)
  dispatcher.wake()
  await until('the other tenant receives its event', () => sink.deliveries.length === 1)
  await slow[Symbol.asyncDispose]()
})

test('with any number of tenants whose endpoints never answer, the next is sent immediately', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let tenant = 0; tenant < 4; tenant++) {
    principal = await aPrincipal(world)
    userId = (await aPhone(world, principal)).userId
    for (let n = 0; n < 8; n++) await anEndpoint(slow.url)
    await happen(64)
  }
  const dispatcher = aDispatcher('worker', 60_000)
  await dispatcher.work()
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
  await anEndpoint()
  await happen(1)
  await dispatcher.work()
  await until('the next tenant receives its event', () => sink.deliveries.length === 1)
  expect(dispatcher.inFlight()).toBeGreaterThan(180)
  await slow[Symbol.asyncDispose]()
})

test('a slow endpoint gets few slots, although it succeeds in the end', async () => {
  await anEndpoint()
  const responses: ServerResponse[] = []
  sink.answer((response) => void responses.push(response))
  // Any response time at all counts as slow here.
  const dispatcher = aDispatcher('worker', 60_000, 0)
  await happen(100)
  await dispatcher.work()
  await until('it has its slots', () => responses.length === 32)
  for (const response of responses.splice(0)) response.writeHead(204).end()
  await until(
    'it has the slots of a slow one',
    () => responses.length === 4 && dispatcher.inFlight() === 4,
  )
  sink.answer((response) => void response.writeHead(204).end())
  for (const response of responses.splice(0)) response.writeHead(204).end()
  await until('it has them all', async () => (await statuses())[0]?.n === 100)
})

test('an event is sent by another process, under the same id, if the first dies before recording', async () => {
  await anEndpoint()
  const first = aDispatcher('dying')
  await happen(1)
  // The lease is taken, the send arrives, its record is lost with the process.
  const settle = world.webhookDeliveries.settle
  world.webhookDeliveries.settle = async () => {
    throw new Error('the process is gone')
  }
  await first.work()
  await until('arrived', () => sink.deliveries.length === 1 && first.inFlight() === 0)
  world.webhookDeliveries.settle = settle
  const second = aDispatcher('heir')
  await second.work()
  expect(sink.deliveries).toHaveLength(1)
  await sql(
    'lease_over',
    'update webhook_deliveries set leased_until = clock_timestamp() where tenant_id = $1',
    principal.tenantId,
  )
  await second.work()
  await until('again', () => sink.deliveries.length === 2)
  expect(new Set(sink.deliveries.map(({ id }) => id)).size).toBe(1)
})

test('10,000 events, two processes, a sink killed at random: none lost, ids repeat only per event', async () => {
  const count = 10_000
  const events = new Map<string, string>()
  let port = 0
  let target: Sink | undefined
  let duplicates = 0
  let up = true
  const listen = async () => {
    target = await startSink(port)
    port = target.port
    target.answer((response, { id, body }) => {
      const fact = body.data.activityId as string
      if (events.has(id)) duplicates++
      expect(events.get(id) ?? fact).toBe(fact)
      events.set(id, fact)
      // Now and then it dies after it has processed the event and before it answers.
      if (Math.random() < 0.01) response.destroy()
      else response.writeHead(204).end()
    })
  }
  await listen()
  await anEndpoint(target?.url)
  await happen(count)
  const both = [aDispatcher('one', 5_000), aDispatcher('two', 5_000)]
  let over = false
  const killing = (async () => {
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 500))
      up = false
      await target?.[Symbol.asyncDispose]()
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      await listen()
      up = true
    }
  })()
  const pause = () => new Promise((resolve) => setTimeout(resolve, 100))
  await until(
    'all are delivered',
    async () => {
      // Only while it listens: ten attempts are all that an event has, and days lie between them.
      if (up) await hurry()
      await Promise.all(both.map((dispatcher) => dispatcher.work()))
      await pause()
      if (events.size < count) return false
      const [row, ...others] = await statuses()
      return others.length === 0 && row?.status === 'delivered' && row.n === count
    },
    100_000,
  )
  over = true
  await killing
  await target?.[Symbol.asyncDispose]()
  expect(new Set(events.values()).size).toBe(count)
  expect(events.size).toBe(count)
  expect(duplicates).toBeGreaterThan(0)
}, 120_000)

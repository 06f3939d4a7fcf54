import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { buildEgressGuard } from '../../src/outbound/egress-guard.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import { buildWebhookSender } from '../../src/outbound/webhook-sender.ts'
import {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  listWebhookAttempts,
  readWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from '../../src/usecases/webhook-endpoints.ts'
import {
  buildWebhookDispatcher,
  type WebhookDispatcher,
} from '../../src/worker/webhook-dispatcher.ts'
import { until } from '../support/until.ts'
import { type Sink, startSink, verify } from '../support/webhook-sink.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../usecases/world.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
let world: World
let principal: Principal
let userId: string
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

let sink: Sink
const couriers: WebhookDispatcher[] = []
beforeEach(async () => {
  sink = await startSink()
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
})
afterEach(async () => {
  for (const courier of couriers.splice(0)) await courier.drain()
  await sql(
    'no_more',
    `update webhook_endpoints set status = 'disabled', status_reason = 'gone'
    where status in ('active', 'paused')`,
  )
  await sink[Symbol.asyncDispose]()
})

const sql = (name: string, text: string, ...values: unknown[]) =>
  world.database.query<Record<string, unknown>>(name, text, values)

function aCourier(name = 'worker', timeoutMs = 2_000, slowMs = 3_000) {
  const lines: string[] = []
  const write = (_facts: object, line: string) => void lines.push(line)
  const webhookSender = buildWebhookSender({ guard, timeoutMs })
  const log = { warn: write, error: write }
  const leaseHolder = { name, isPresent: () => true }
  const courier = buildWebhookDispatcher({ ...world, webhookSender, leaseHolder, log, slowMs })
  couriers.push(courier)
  return Object.assign(courier, { lines })
}

const needs = () => ({ ...world, webhookUrls: guard })
const anEndpoint = (
  url = sink.url,
  events: readonly ['*'] | readonly ['device.suspended'] = ['*'],
) => granted(createWebhookEndpoint(needs(), principal, { url, events }))

/** Lets so many things happen to the user: activities of a type that make one event each. */
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
/** Brings forward what waits for its next try. */
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

test('what failed is tried again under the same id with a later time, and is done once it arrives', async () => {
  const { secret } = await anEndpoint()
  const courier = aCourier()
  answering(500)
  await happen(1)
  await courier.work()
  await until('failed once', async () => (await statuses())[0]?.n === 1 && courier.inFlight() === 0)
  answering(204)
  world.moveClock(5_000)
  await hurry()
  await courier.work()
  await until('delivered', async () => (await statuses())[0]?.status === 'delivered')
  const [first, second] = sink.received
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
  const courier = aCourier()
  answering(503, { 'retry-after': '900' })
  await happen(1)
  await courier.work()
  await until('failed', () => sink.received.length === 1 && courier.inFlight() === 0)
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
  const courier = aCourier()
  const { secret } = await granted(rotateWebhookSecret(needs(), principal, id, 60))
  expect(secret).not.toBe(old)
  await happen(1)
  await courier.work()
  const first = await until('the first', () => sink.received[0])
  verify(old, first)
  verify(secret, first)
  await sql('later', `update webhook_endpoints set previous_until = clock_timestamp()`)
  await happen(1)
  await courier.work()
  const second = await until('the second', () => sink.received[1])
  verify(secret, second)
  expect(() => verify(old, second)).toThrow()
  // What is kept is sealed.
  const rows = JSON.stringify(
    await sql('sealed', 'select *, encode(secret_sealed, $1) from webhook_endpoints', 'escape'),
  )
  for (const one of [old, secret]) expect(rows).not.toContain(one.slice(6))
})

describe('an endpoint that does not want any more', () => {
  test('says 410, and is disabled, recorded, and owed nothing more until it is made active again', async () => {
    const { id } = await anEndpoint()
    const courier = aCourier()
    answering(410)
    await happen(1)
    await courier.work()
    await until('disabled', async () => {
      const found = await granted(readWebhookEndpoint(world, principal, id))
      return found.status === 'disabled' && found.statusReason === 'gone'
    })
    await happen(1)
    await courier.work()
    expect(sink.received).toHaveLength(1)
    const { tenantId } = principal
    const page = { limit: 1, before: null }
    const [event] = await world.audit.list(tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_disabled', actor: 'service' })
    answering(204)
    await granted(changeWebhookEndpoint(needs(), principal, id, { status: 'active' }))
    await happen(1)
    await courier.work()
    await until('heard again', () => sink.received.length === 2)
  })

  test('fails for five days, and is paused with a record; a success in between forgets it', async () => {
    const { id } = await anEndpoint()
    const courier = aCourier()
    const day = 86_400_000
    const tryOnce = async (status: number) => {
      answering(status)
      const before = sink.received.length
      await happen(1)
      await courier.work()
      await until('tried', () => sink.received.length > before && courier.inFlight() === 0)
      await courier.pauseFailing()
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
    expect(courier.lines).toContain('webhook endpoint paused')
    const page = { limit: 1, before: null }
    const [event] = await world.audit.list(principal.tenantId, { subject: id }, page)
    expect(event).toMatchObject({ type: 'webhook_endpoint_paused', details: { reason: 'failing' } })
    world.moveClock(-10.1 * day)
  })
})

test('endpoints that failed once and are owed nothing do not hide one that has failed for days', async () => {
  const { id } = await anEndpoint()
  await sql(
    'failed_once',
    `insert into webhook_endpoints (tenant_id, rp_id, id, url, events, secret_sealed, failing_since, last_failed_at)
     select $1, $2, 'whe_quiet' || n, 'https://rp.example/', '{*}', 'x', now() - interval '90 days', now() - interval '90 days'
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
  expect(await aCourier().pauseFailing()).toBe(1)
  expect((await granted(readWebhookEndpoint(world, principal, id))).status).toBe('paused')
})

test('an answer of 410 from the address before does not disable the endpoint at its new one', async () => {
  await using former = await startSink()
  const held: ServerResponse[] = []
  former.answer((response) => void held.push(response))
  const { id } = await anEndpoint(former.url)
  const courier = aCourier()
  await happen(1)
  await courier.work()
  await until('asked', () => held.length === 1)
  await granted(changeWebhookEndpoint(needs(), principal, id, { url: sink.url }))
  held[0]?.writeHead(410).end()
  await until('settled', () => courier.inFlight() === 0)
  expect((await granted(readWebhookEndpoint(world, principal, id))).status).toBe('active')
})

test('a test that is replayed is tried for a minute, as at first', async () => {
  const { id } = await anEndpoint()
  const courier = aCourier()
  const { eventId } = await granted(testWebhookEndpoint(needs(), principal, id))
  await courier.work()
  await until('delivered', async () => (await statuses())[0]?.status === 'delivered')
  await granted(replayWebhooks(needs(), principal, id, { eventId }))
  const [found] = await sql(
    'stale_within',
    `select stale_at <= clock_timestamp() + interval '60 seconds' as soon
     from webhook_deliveries where event_id = $1`,
    eventId,
  )
  expect(found?.soon).toBe(true)
})

test('a paused endpoint keeps what it is owed, and gets it when it goes on', async () => {
  const { id } = await anEndpoint()
  const courier = aCourier()
  await granted(changeWebhookEndpoint(needs(), principal, id, { status: 'paused' }))
  await happen(3)
  await courier.work()
  expect(await statuses()).toEqual([{ status: 'queued', n: 3 }])
  const refused = { refused: 'webhook_endpoint_not_active' }
  expect(await testWebhookEndpoint(needs(), principal, id)).toMatchObject(refused)
  expect(sink.received).toEqual([])
  await granted(changeWebhookEndpoint(needs(), principal, id, { status: 'active' }))
  await courier.work()
  await until('all arrive', () => sink.received.length === 3)
})

test('what is stale is given up, and can be replayed: one by its id, or all that failed since a time', async () => {
  const { id } = await anEndpoint()
  const courier = aCourier()
  const since = new Date(Date.now() - 60_000)
  answering(500)
  await happen(3)
  await courier.work()
  await until('all tried', () => sink.received.length === 3 && courier.inFlight() === 0)
  await sql(
    'stale',
    'update webhook_deliveries set stale_at = clock_timestamp() where tenant_id = $1',
    principal.tenantId,
  )
  await hurry()
  await courier.work()
  expect(sink.received).toHaveLength(3)
  expect(await world.webhookDeliveries.giveUpStale(100)).toBe(3)
  expect(await statuses()).toEqual([{ status: 'failed', n: 3 }])
  const ids = new Set(sink.received.map((one) => one.id))
  answering(204)
  const future = { failedSince: new Date(Date.now() + 60_000) }
  expect(await replayWebhooks(needs(), principal, id, future)).toEqual({ replayed: 0 })
  expect(await replayWebhooks(needs(), principal, id, { failedSince: since })).toEqual({
    replayed: 3,
  })
  await courier.work()
  await until(
    'all arrive',
    async () => (await statuses())[0]?.status === 'delivered' && courier.inFlight() === 0,
  )
  const [eventId] = ids
  const one = { eventId: eventId as `evt_${string}` }
  expect(await replayWebhooks(needs(), principal, id, one)).toEqual({ replayed: 1 })
  await courier.work()
  await until('once more', () => sink.received.length === 7)
  expect(new Set(sink.received.map((again) => again.id))).toEqual(ids)
  const unknown = { eventId: systemRandom.id('webhookEvent') }
  expect(await replayWebhooks(needs(), principal, id, unknown)).toMatchObject({
    refused: 'not_found',
  })
  const page = { limit: 100, before: null }
  await until('written down', () => courier.inFlight() === 0)
  const tries = await granted(listWebhookAttempts(needs(), principal, id, page))
  expect(tries.map(({ statusCode }) => statusCode)).toEqual([204, 204, 204, 204, 500, 500, 500])
  expect(tries[0]).toMatchObject({
    type: 'activity.recorded',
    reason: null,
    deliveryStatus: 'delivered',
  })
})

test('an endpoint hears only what it asked for, and nothing that came before it', async () => {
  await anEndpoint(sink.url, ['device.suspended'])
  await happen(1)
  await anEndpoint(`${sink.url}/late`)
  const courier = aCourier()
  await courier.work()
  await until('idle', () => courier.inFlight() === 0)
  expect(sink.received).toEqual([])
})

test('an endpoint that hangs keeps its own waiting, and no other', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  await anEndpoint(slow.url)
  await anEndpoint()
  const courier = aCourier('worker', 60_000)
  await happen(300)
  courier.wake()
  await until('the other has them all', () => sink.received.length === 300)
  expect(slow.received.length).toBeLessThanOrEqual(32)
  await slow[Symbol.asyncDispose]()
})

test('endpoints of one tenant that never answer leave room for those of others', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let n = 0; n < 8; n++) await anEndpoint(slow.url)
  const courier = aCourier('worker', 60_000)
  await happen(64)
  await courier.work()
  await until('they hold what they can', () => slow.received.length >= 100)
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
  await anEndpoint()
  await happen(1)
  courier.wake()
  await until('the other tenant hears', () => sink.received.length === 1)
  await slow[Symbol.asyncDispose]()
})

test('however many tenants have endpoints that never answer, who comes next is sent at once', async () => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let tenant = 0; tenant < 4; tenant++) {
    principal = await aPrincipal(world)
    userId = (await aPhone(world, principal)).userId
    for (let n = 0; n < 8; n++) await anEndpoint(slow.url)
    await happen(64)
  }
  const courier = aCourier('worker', 60_000)
  await courier.work()
  principal = await aPrincipal(world)
  userId = (await aPhone(world, principal)).userId
  await anEndpoint()
  await happen(1)
  await courier.work()
  await until('the next tenant hears', () => sink.received.length === 1)
  expect(courier.inFlight()).toBeGreaterThan(180)
  await slow[Symbol.asyncDispose]()
})

test('an endpoint that takes its time gets few places, although it says yes in the end', async () => {
  await anEndpoint()
  const held: ServerResponse[] = []
  sink.answer((response) => void held.push(response))
  // Whatever takes any time at all is slow here.
  const courier = aCourier('worker', 60_000, 0)
  await happen(100)
  await courier.work()
  await until('it has what it may have', () => held.length === 32)
  for (const response of held.splice(0)) response.writeHead(204).end()
  await until('it has what slow ones have', () => held.length === 4 && courier.inFlight() === 4)
  sink.answer((response) => void response.writeHead(204).end())
  for (const response of held.splice(0)) response.writeHead(204).end()
  await until('it has them all', async () => (await statuses())[0]?.n === 100)
})

test('a process that dies before it writes down how it went leaves the event to another, under the same id', async () => {
  await anEndpoint()
  const first = aCourier('dying')
  await happen(1)
  // The lease is taken, the send arrives, the note of it is lost with the process.
  const settle = world.webhookDeliveries.settle
  world.webhookDeliveries.settle = async () => {
    throw new Error('the process is gone')
  }
  await first.work()
  await until('arrived', () => sink.received.length === 1 && first.inFlight() === 0)
  world.webhookDeliveries.settle = settle
  const second = aCourier('heir')
  await second.work()
  expect(sink.received).toHaveLength(1)
  await sql(
    'lease_over',
    'update webhook_deliveries set leased_until = clock_timestamp() where tenant_id = $1',
    principal.tenantId,
  )
  await second.work()
  await until('again', () => sink.received.length === 2)
  expect(new Set(sink.received.map(({ id }) => id)).size).toBe(1)
})

test('of 10,000 events over two processes, to a sink that is killed at random, none is lost, and ids repeat only for the same event', async () => {
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
      // Now and then it dies after it has worked off the event and before it says so.
      if (Math.random() < 0.01) response.destroy()
      else response.writeHead(204).end()
    })
  }
  await listen()
  await anEndpoint(target?.url)
  await happen(count)
  const both = [aCourier('one', 5_000), aCourier('two', 5_000)]
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
      // Only while it listens: ten tries are all that an event has, and days lie between them.
      if (up) await hurry()
      await Promise.all(both.map((courier) => courier.work()))
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

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventTable } from '../../scripts/webhooks.ts'
import { startService } from '../../src/service/compose.ts'
import { webhookEventBodies } from '../../src/webhooks/webhook-event.schemas.ts'
import { onServer } from '../support/cluster.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/ports.ts'
import {
  createApi,
  enrollPhone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { startHere } from '../support/service-start.ts'
import { until } from '../support/until.ts'
import { type Sink, startSink, verify } from '../support/webhook-sink.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

async function listen(sink: Sink, events: readonly string[] = ['*'], { api } = service) {
  const creation = await api('POST', '/v1/webhook-endpoints', { url: sink.url, events })
  if (creation.status !== 201) throw new Error(creation.text)
  const place = `/v1/webhook-endpoints/${creation.json.id}`
  return {
    place,
    secret: creation.json.secret as string,
    async [Symbol.asyncDispose]() {
      await api('DELETE', place)
    },
  }
}

const untilArrived = (sink: Sink, type: string) =>
  until(`${type} arrives`, () => sink.deliveries.find(({ body }) => body.type === type))

/** Every string in a value. */
function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsOf) : []
}

test('a sign-in is delivered from creation to signed approval, each event signed per Standard Webhooks', async () => {
  await using sink = await startSink()
  await using endpoint = await listen(sink)
  const phone = await enrollPhone(service, { user: 'ada', name: 'canary-device' })
  const binding = 'n4bQgYhMfWWaL-qgxVrQFaO'
  const context = { application: 'canary-app', action: 'canary-action', ip: '203.0.113.7' }
  const input = { user: 'ada', binding, context, number: { mode: 'service', digits: 8 } }
  const headers = { 'idempotency-key': 'my-sign-in' }
  const { json } = await service.api('POST', '/v1/challenges', input, headers)
  await until('pushed', () => phone.pushes[0])
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, json.number)
  const approvalEvent = await untilArrived(sink, 'challenge.approved')
  for (const type of [
    'enrollment.claimed',
    'enrollment.confirmed',
    'device.registered',
    'challenge.created',
    'challenge.delivered',
    'challenge.fetched',
    'activity.recorded',
  ]) {
    await untilArrived(sink, type)
  }
  const references = { challengeId: json.id, binding, idempotencyKey: 'my-sign-in' }
  expect(approvalEvent.body.data).toMatchObject({ ...references, status: 'approved' })
  const [, payload = ''] = approvalEvent.body.data.result.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  expect(claims).toMatchObject({ cid: json.id, decision: 'approved', binding })
  const read = await service.api('GET', endpoint.place)
  const { passcode } = phone.client.account
  for (const one of sink.deliveries) {
    verify(endpoint.secret, one)
    expect(one.id).toMatch(/^evt_/)
    webhookEventBodies.get(one.body.type)?.strict().parse(one.body)
    const everythingSent =
      one.text +
      wordsOf(one.body)
        .flatMap((word) => word.split('.'))
        .map((part) => Buffer.from(part, 'base64url').toString())
        .join()
    for (const canary of [
      json.number,
      phone.token,
      endpoint.secret,
      service.key,
      passcode?.secret,
    ]) {
      if (canary) expect(everythingSent).not.toContain(canary)
    }
    for (const canary of ['canary', '203.0.113.7', 'ada']) expect(one.text).not.toContain(canary)
  }
  expect(JSON.stringify(read.json)).not.toContain(endpoint.secret)
})

describe('actions other than sign-ins', () => {
  test('are delivered: a report, a lost phone, a suspension', async () => {
    await using sink = await startSink()
    const phone = await enrollPhone(service, { user: 'bea' })
    await using _endpoint = await listen(sink, [
      'challenge.reported',
      'user.fraud_reported',
      'device.suspended',
      'device.unregistered',
    ])
    await service.api('POST', '/v1/challenges', { user: 'bea' })
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    await phone.client.report(request)
    const reportEvent = await untilArrived(sink, 'challenge.reported')
    expect(reportEvent.body.data).toMatchObject({ status: 'denied', reason: 'user_reported' })
    await untilArrived(sink, 'user.fraud_reported')
    const device = `/v1/devices/${phone.deviceId}`
    await service.api('PATCH', device, { status: 'suspended' })
    await service.api('POST', `${device}/unregister`, { reason: 'lost' })
    await untilArrived(sink, 'device.suspended')
    const removalEvent = await untilArrived(sink, 'device.unregistered')
    const { deviceId, userId } = phone
    expect(removalEvent.body.data).toEqual({ version: 1, deviceId, userId, reason: 'lost' })
    const eventTypes = new Set(sink.deliveries.map(({ body }) => body.type))
    expect([...eventTypes].toSorted()).toEqual([
      'challenge.reported',
      'device.suspended',
      'device.unregistered',
      'user.fraud_reported',
    ])
  })

  test('gets a test event under any filter, and the attempt is listed', async () => {
    await using sink = await startSink()
    await using endpoint = await listen(sink, ['user.unlocked'])
    const testReply = await service.api('POST', `${endpoint.place}/test`)
    expect(testReply.status).toBe(202)
    const delivery = await untilArrived(sink, 'webhook.test')
    expect(delivery.id).toBe(testReply.json.eventId)
    const attempts = await until('listed', async () => {
      const { json } = await service.api('GET', `${endpoint.place}/attempts?limit=1`)
      return json.items.length === 1 ? json : undefined
    })
    expect(attempts.items[0]).toMatchObject({ eventId: delivery.id, statusCode: 204, reason: null })
    const once = await service.api('POST', `${endpoint.place}/replay`, { eventId: delivery.id })
    expect([once.status, once.json]).toEqual([202, { replayed: 1 }])
    await until('again', () => sink.deliveries.length === 2)
  })
})

test('erasing a user removes their data from the stored events, in the end from those under way', async () => {
  await using sink = await startSink()
  await using _endpoint = await listen(sink)
  const phone = await enrollPhone(service, { user: 'eve' })
  const input = { user: 'eve', binding: 'canary_binding_of_eve' }
  await service.api('POST', '/v1/challenges', input, { 'idempotency-key': 'canary-key-of-eve' })
  await untilArrived(sink, 'challenge.created')
  const storedRows = async () => {
    const rows = await onServer(service.database.url, (client) =>
      client.query('select * from webhook_deliveries where user_id = $1', [phone.userId]),
    )
    return rows.rows
  }
  expect(JSON.stringify(await storedRows())).toContain('canary')
  await service.api('POST', `/v1/users/${phone.userId}/erase`)
  await untilArrived(sink, 'device.unregistered')
  // An event that was under way meanwhile is stored afterwards: the second pass, a minute later,
  // finds it.
  await onServer(service.database.url, (client) =>
    client.query(
      `update users set erasing_since = erasing_since - interval '1 minute' where id = $1`,
      [phone.userId],
    ),
  )
  const rows = await until('the second pass is over', async () => {
    const { rowCount } = await onServer(service.database.url, (client) =>
      client.query('select from users where id = $1 and erasing_since is null', [phone.userId]),
    )
    return rowCount === 1 ? storedRows() : undefined
  })
  expect(rows.length).toBeGreaterThan(3)
  expect(JSON.stringify(rows)).not.toContain('canary')
})

describe('an endpoint', () => {
  test('of another relying party or tenant looks like an unknown one', async () => {
    await using sink = await startSink()
    await using endpoint = await listen(sink)
    const party = { name: 'Other', namespaces: ['elsewhere'] }
    const { json: other } = await service.api('POST', '/v1/relying-parties', party)
    const keyInput = { relyingPartyId: other.id, name: 'x', scopes: ['webhooks:write'] }
    const { json: key } = await service.api('POST', '/v1/api-keys', keyInput)
    const theirs = createApi(service.origin, key.secret)
    const refusalIn = ({ status, text }: { status: number; text: string }) => [
      status,
      text.replaceAll(/"(instance|requestId)":"[^"]*"/g, ''),
    ]
    for (const [method, tail, body] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PATCH', '', { description: 'mine' }],
      ['POST', '/test'],
      ['POST', '/rotate-secret', {}],
      ['GET', '/attempts'],
      ['POST', '/replay', { failedSince: '2026-01-01T00:00:00Z' }],
    ] as const) {
      const foreignReply = await theirs(method, `${endpoint.place}${tail}`, body)
      const unknown = `/v1/webhook-endpoints/whe_01jv9z3k8we2tvn4qh6yrx7b5c${tail}`
      expect(foreignReply.status).toBe(404)
      expect(refusalIn(foreignReply)).toEqual(refusalIn(await theirs(method, unknown, body)))
    }
    expect((await theirs('GET', '/v1/webhook-endpoints')).json.items).toEqual([])
    // And it receives nothing about a user whom it may not see.
    await using ears = await startSink()
    await using _other = await listen(ears, ['*'], { ...service, api: theirs })
    await enrollPhone(service, { user: 'fay' })
    await untilArrived(sink, 'device.registered')
    expect(ears.deliveries).toEqual([])
  })

  test.each(['http://example.com/', 'https://10.0.0.1/', 'https://u:p@example.com/', 'nothing'])(
    'may not be at %s',
    async (url) => {
      const refusal = await service.api('POST', '/v1/webhook-endpoints', { url, events: ['*'] })
      expect([refusal.status, refusal.json.code]).toEqual([422, 'webhook_url_refused'])
    },
  )

  test.each([
    ['https://rp.example', 'https://rp.example/'],
    ['HTTPS://RP.Example/a', 'https://rp.example/a'],
    ['https://rp.example:443/a', 'https://rp.example/a'],
    ['https://rp.example/a/../b', 'https://rp.example/b'],
    [' https://rp.example/a\n', 'https://rp.example/a'],
    ['https:\\\\rp.example\\a', 'https://rp.example/a'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://rp.example/a b?c=é', 'https://rp.example/a%20b?c=%C3%A9'],
    ['https://1.1/', 'https://1.0.0.1/'],
  ])(
    'is stored as it was checked: %j is refused, and the right form is named',
    async (url, form) => {
      const refusal = await service.api('POST', '/v1/webhook-endpoints', { url, events: ['*'] })
      expect([refusal.status, refusal.json]).toMatchObject([
        422,
        { code: 'webhook_url_refused', why: 'not_canonical', canonical: form },
      ])
      const right = await service.api('POST', '/v1/webhook-endpoints', { url: form, events: ['*'] })
      expect([right.status, right.json.url]).toEqual([201, form])
      const place = `/v1/webhook-endpoints/${right.json.id}`
      expect((await service.api('PATCH', place, { url })).json.canonical).toBe(form)
      expect((await service.api('GET', place)).json.url).toBe(form)
      await service.api('DELETE', place)
    },
  )

  test('is one of at most twenty, under any number of concurrent calls', async () => {
    const party = { name: 'Many', namespaces: ['many'] }
    const { json: other } = await service.api('POST', '/v1/relying-parties', party)
    const keyInput = { relyingPartyId: other.id, name: 'x', scopes: ['webhooks:write'] }
    const { json: key } = await service.api('POST', '/v1/api-keys', keyInput)
    const api = createApi(service.origin, key.secret)
    const endpoint = { url: 'https://rp.example/', events: ['*'] }
    const replies = await Promise.all(
      Array.from({ length: 25 }, () => api('POST', '/v1/webhook-endpoints', endpoint)),
    )
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(replies.filter(({ json }) => json.code === 'too_many_webhook_endpoints')).toHaveLength(5)
  })
})

test('an event of one process is sent by another', async () => {
  await using sink = await startSink()
  const port = await freePort()
  const config = { ...service.config, port, role: 'api' } as const
  const second = await startService(config, service.origin, pino({ level: 'silent' }))
  try {
    const api = createApi(`http://127.0.0.1:${port}`, service.key)
    await using endpoint = await listen(sink, ['*'], { ...service, api })
    await enrollPhone({ ...service, api }, { user: 'gil' })
    const delivery = await untilArrived(sink, 'device.registered')
    verify(endpoint.secret, delivery)
  } finally {
    await second.stop()
  }
})

test('kill -9 between commit and send loses no event: the next process sends it', async () => {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await createTestDatabase())
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-webhooks-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const sink = stack.use(await startSink())
  const port = await freePort()
  const environment = {
    DATABASE_URL: database.url,
    DATA_FOLDER: folder,
    MASTER_KEY: 'k'.repeat(43),
    PORT: String(port),
    WEBHOOK_NETWORKS: '127.0.0.0/8',
    WEBHOOK_HTTP_HOSTS: '127.0.0.1',
  }
  const first = stack.use(await startServiceProcess(environment))
  const key = /cs_[0-9a-z]{26}_[\w-]{43}/.exec(first.stdout())?.[0] ?? ''
  const api = createApi(`http://127.0.0.1:${port}`, key)
  const endpoint = { url: sink.url, events: ['activity.recorded'] }
  const { json } = await api('POST', '/v1/webhook-endpoints', endpoint)
  // The endpoint accepts the request and stays silent: committed, in flight, and not delivered.
  sink.answer(() => undefined)
  const person = { displayName: 'Hal', identifiers: ['hal'] }
  expect((await api('POST', '/v1/users', person)).status).toBe(201)
  const before = await untilArrived(sink, 'activity.recorded')
  first.kill('SIGKILL')
  await first.exit

  sink.answer((response) => void response.writeHead(204).end())
  expect(stack.use(await startHere(environment)).stderr).toBe('')
  await onServer(database.url, (client) =>
    client.query('update webhook_deliveries set leased_until = clock_timestamp()'),
  )
  const after = await until('sent after all', () => sink.deliveries[1])
  expect(after.id).toBe(before.id)
  verify(json.secret, after)
})

test('docs/webhooks.md shows the events as in their schemas', async () => {
  expect(await readFile('docs/webhooks.md', 'utf8')).toContain(eventTable())
})

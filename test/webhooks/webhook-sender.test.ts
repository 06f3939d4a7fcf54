import type { ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startSimulator } from '../../simulator/simulator.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { buildWebhookSender } from '../../src/webhooks/webhook-sender.adapter.ts'
import { webhookHeaders } from '../../src/webhooks/webhook-signature.adapter.ts'
import { type Sink, startSink, verify } from '../support/webhook-sink.ts'

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
let sink: Sink
let sender: ReturnType<typeof buildWebhookSender>
beforeEach(async () => {
  sink = await startSink()
  sender = buildWebhookSender({ guard, timeoutMs: 700 })
})
afterEach(async () => {
  sender.close()
  await sink[Symbol.asyncDispose]()
})

const body = JSON.stringify({ type: 'webhook.test', timestamp: 'ü', data: {} })
const send = (secrets = [secret], url = sink.url) =>
  sender.send({ url, id: 'evt_1', at: new Date(), body, secrets })

const answering = (status: number, headers: Record<string, string> = {}) =>
  sink.answer((response: ServerResponse) => void response.writeHead(status, headers).end())

test('signs as the library does, and the library verifies it', async () => {
  const at = new Date('2026-01-31T12:00:00.900Z')
  const headers = webhookHeaders({ id: 'evt_1', at, body, secrets: [secret] })
  const theirs = new Webhook(secret).sign('evt_1', new Date('2026-01-31T12:00:00Z'), body)
  expect(headers['webhook-signature']).toBe(theirs)
  expect(await send()).toEqual({ kind: 'accepted', statusCode: 204 })
  const [one] = sink.deliveries
  if (!one) throw new Error('nothing arrived')
  expect(verify(secret, one)).toMatchObject({ type: 'webhook.test' })
  expect(() => verify(secret, { ...one, text: one.text.replace('ü', 'u') })).toThrow()
})

test('signs with every secret, so that a receiver may hold either', async () => {
  const other = `whsec_${Buffer.alloc(24, 8).toString('base64')}`
  await send([other, secret])
  const [one] = sink.deliveries
  if (!one) throw new Error('nothing arrived')
  verify(secret, one)
  verify(other, one)
  expect(String(one.headers['webhook-signature']).split(' ')).toHaveLength(2)
})

describe('the endpoint’s response', () => {
  test.each([200, 201, 202, 204, 299])('%i is success', async (status) => {
    answering(status)
    expect(await send()).toEqual({ kind: 'accepted', statusCode: status })
  })

  test.each([301, 302, 303, 307, 308])('%i is a failure, and not followed', async (status) => {
    answering(status, { location: sink.url })
    expect(await send()).toEqual({ kind: 'failed', statusCode: status, reason: 'redirect_refused' })
    expect(sink.deliveries).toHaveLength(1)
  })

  test('410 ends the endpoint', async () => {
    answering(410)
    expect(await send()).toEqual({ kind: 'gone', statusCode: 410, reason: 'gone' })
  })

  test.each([429, 502, 503, 504])('%i may ask for time', async (status) => {
    answering(status, { 'retry-after': '120' })
    expect(await send()).toMatchObject({ reason: `status_${status}`, afterMs: 120_000 })
  })

  test('500 may not', async () => {
    answering(500, { 'retry-after': '120' })
    const failure = { kind: 'failed', statusCode: 500, reason: 'status_500' }
    expect(await send()).toEqual(failure)
  })
})

describe('an endpoint that misbehaves costs a bounded time and amount', () => {
  test('by not answering', async () => {
    sink.answer(() => undefined)
    expect(await send()).toEqual({ kind: 'failed', statusCode: null, reason: 'timeout' })
  })

  test('by answering without end: the status counts, the rest is cut off', async () => {
    let cut = false
    sink.answer((response) => {
      response.writeHead(200)
      response.on('close', () => {
        cut = true
      })
      const more = () => {
        if (!response.destroyed) response.write(Buffer.alloc(64 * 1024), () => setImmediate(more))
      }
      more()
    })
    expect(await send()).toEqual({ kind: 'accepted', statusCode: 200 })
    await expect.poll(() => cut).toBe(true)
  })

  test('by answering byte by byte', async () => {
    sink.answer((response) => void response.writeHead(200).write('x'))
    expect(await send()).toEqual({ kind: 'accepted', statusCode: 200 })
  })

  test('by hanging up', async () => {
    sink.answer((response) => void response.destroy())
    expect(await send()).toMatchObject({ kind: 'failed', reason: 'connection_lost' })
  })

  test('by switching to another protocol', async () => {
    sink.answer(({ socket }) => {
      const switching = 'HTTP/1.1 101 Switching Protocols'
      socket?.write(`${switching}\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n`)
    })
    expect(await send()).toMatchObject({ kind: 'failed', reason: 'connection_lost' })
  })

  test('by being unreachable', async () => {
    await sink[Symbol.asyncDispose]()
    expect(await send()).toMatchObject({ kind: 'failed', reason: 'connection_refused' })
  })
})

test('a connection that the other side closed meanwhile is not a failure', async () => {
  expect((await send()).kind).toBe('accepted')
  sink.closeIdle()
  expect((await send()).kind).toBe('accepted')
})

test('proxies of the environment are not used', async () => {
  process.env.HTTP_PROXY = process.env.http_proxy = 'http://127.0.0.1:9'
  try {
    expect((await send()).kind).toBe('accepted')
  } finally {
    delete process.env.HTTP_PROXY
    delete process.env.http_proxy
  }
})

test('a certificate of an unknown authority is refused, and accepted with the operator’s authority', async () => {
  await using simulator = await startSimulator().then((running) =>
    Object.assign(running, { [Symbol.asyncDispose]: () => running.close() }),
  )
  const url = `https://${simulator.fcm.host}:${simulator.fcm.port}/`
  const open = buildEgressGuard({ networks: ['127.0.0.0/8', '::1/128'], httpHosts: ['localhost'] })
  const without = buildWebhookSender({ guard: open })
  const trusting = buildWebhookSender({ guard: open, ca: [simulator.caPem] })
  const request = { url, id: 'evt_1', at: new Date(), body, secrets: [secret] }
  expect(await without.send(request)).toMatchObject({ reason: 'tls_failed' })
  expect(await trusting.send(request)).not.toMatchObject({ statusCode: null })
  without.close()
  trusting.close()
})

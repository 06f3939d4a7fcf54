import http2 from 'node:http2'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import {
  getAccessToken,
  RedirectAgent,
  requestGoogle,
  requestToken,
  signAssertion,
  type WireAnswer,
} from './wire-clients.ts'

let simulator: Simulator
let accessToken: string
let token: string
let agent: RedirectAgent

beforeAll(async () => {
  simulator = await startSimulator()
  agent = new RedirectAgent(simulator)
  accessToken = await getAccessToken(simulator, agent)
  agent.destroy()
  token = simulator.phones.register({ provider: 'fcm', appId: DEFAULT_BUNDLE_ID }).token
})
beforeEach(() => {
  simulator.faults.clear()
  simulator.log.clear()
  agent = new RedirectAgent(simulator)
})
afterEach(() => agent.destroy())
afterAll(() => simulator.close())

function path(): string {
  return `/v1/projects/${simulator.credentials.fcm.serviceAccount.project_id}/messages:send`
}

function send(): Promise<WireAnswer> {
  return requestGoogle(agent, `https://fcm.googleapis.com${path()}`, {
    headers: { authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ message: { token, data: { a: 'b' } } }),
  })
}

test('a garbage fault is a page, an empty-body fault has no body', async () => {
  simulator.faults.add({ provider: 'fcm', kind: 'garbage' })
  simulator.faults.add({ provider: 'fcm', kind: 'empty_body', status: 500 })
  const garbage = await send()
  expect(garbage.status).toBe(502)
  expect(garbage.text).toMatch(/^<!DOCTYPE html>/)
  expect(await send()).toMatchObject({ status: 500, text: '' })
})

test.each(['reset', 'close_socket'] as const)('a %s breaks the connection', async (kind) => {
  simulator.faults.add({ provider: 'fcm', kind })
  simulator.faults.add({ provider: 'fcm', kind, processed: true })
  await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(simulator.log.acceptedPushes()).toEqual([])
  await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(simulator.log.acceptedPushes()).toHaveLength(1)
  expect(await send()).toMatchObject({ status: 200 })
})

test.each(['stall', 'stall_connection'] as const)('a %s gives no response at all', async (kind) => {
  simulator.faults.add({ provider: 'fcm', kind })
  const stalledRequest = send()
  stalledRequest.catch(() => undefined)
  await until('it stalls', () => simulator.faults.empty)
  expect(await send()).toMatchObject({ status: 200 })
  expect(await Promise.race([stalledRequest, 'pending'])).toBe('pending')
})

test('a delay answers as usual in the end', async () => {
  simulator.faults.add({ provider: 'fcm', kind: 'delay', ms: 20 })
  expect(await send()).toMatchObject({ status: 200 })
  expect(simulator.log.exchanges()).toMatchObject([{ status: 200, fault: 'delay', token }])
})

test('on HTTP/1.1 a GOAWAY is Connection: close', async () => {
  simulator.faults.add({ provider: 'fcm', kind: 'goaway', phases: 1 })
  const answer = await send()
  expect([answer.status, answer.headers.connection]).toEqual([200, 'close'])
})

test('a refused connection affects only the next one', async () => {
  simulator.faults.add({ provider: 'fcm', kind: 'refuse_connection' })
  await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(await send()).toMatchObject({ status: 200 })
})

test('the token endpoint fails by itself', async () => {
  const assertion = await signAssertion(simulator)
  simulator.faults.add({ provider: 'oauth', kind: 'reason', reason: 'invalid_grant' })
  simulator.faults.add({
    provider: 'oauth',
    kind: 'reason',
    reason: 'backend_error',
    status: 503,
    retryAfterSeconds: 2,
  })
  expect(await send()).toMatchObject({ status: 200 })
  const refusal = await requestToken(agent, assertion)
  expect(refusal.status).toBe(400)
  expect(JSON.parse(refusal.text)).toMatchObject({ error: 'invalid_grant' })
  const brokenReply = await requestToken(agent, assertion)
  expect([brokenReply.status, brokenReply.headers['retry-after']]).toEqual([503, '2'])
  expect(await requestToken(agent, assertion)).toMatchObject({ status: 200 })
  expect(simulator.log.counts().oauth.answered).toEqual({
    invalid_grant: 1,
    backend_error: 1,
    ok: 1,
  })
})

test.each(['h1', 'h2'] as const)(
  'a client that disconnects before its answer affects no other: %s',
  async (version) => {
    simulator.faults.add({ provider: 'fcm', kind: 'delay', ms: 20 })
    const { host, port } = simulator.fcm
    if (version === 'h1') {
      send().catch(() => undefined)
      await until('it is in flight', () => simulator.faults.empty)
      agent.destroy()
    } else {
      const session = http2.connect('https://fcm.googleapis.com', {
        ca: simulator.caPem,
        host,
        port,
      })
      session.on('error', () => undefined)
      const headers = { ':path': path(), authorization: `Bearer ${accessToken}` }
      const stream = session.request({ ':method': 'POST', ...headers })
      stream.on('error', () => undefined)
      stream.end(JSON.stringify({ message: { token } }))
      await until('it is in flight', () => simulator.faults.empty)
      session.destroy()
    }
    await until('the gateway finished it', () => simulator.log.exchanges().length === 1)
    agent = new RedirectAgent(simulator)
    expect(await send()).toMatchObject({ status: 200 })
  },
)

test('a stalled HTTP/2 connection stays silent, even after a client cancelled a request', async () => {
  const { host, port } = simulator.fcm
  const session = http2.connect('https://fcm.googleapis.com', { ca: simulator.caPem, host, port })
  session.on('error', () => undefined)
  const answers: string[] = []
  const open = (name: string): http2.ClientHttp2Stream => {
    const headers = { ':path': path(), authorization: `Bearer ${accessToken}` }
    const stream = session.request({ ':method': 'POST', ...headers })
    stream.on('error', () => undefined)
    stream.on('response', () => answers.push(name))
    stream.end(JSON.stringify({ message: { token } }))
    return stream
  }
  simulator.faults.add({ provider: 'fcm', kind: 'stall_connection' })
  const first = open('first')
  await until('it stalls', () => simulator.faults.empty)
  first.close(http2.constants.NGHTTP2_CANCEL)
  await until('it was given up', () => first.closed)
  open('second')
  await new Promise((resolve) => session.ping(resolve))
  expect(await send()).toMatchObject({ status: 200 })
  expect(simulator.log.acceptedPushes()).toHaveLength(1)
  expect(answers).toEqual([])
  session.destroy()
})

test('HTTP/2 is served as well, with resets of one stream and GOAWAY', async () => {
  const { host, port } = simulator.fcm
  const session = http2.connect('https://fcm.googleapis.com', { ca: simulator.caPem, host, port })
  session.on('error', () => undefined)
  let goaways = 0
  session.on('goaway', () => {
    goaways += 1
  })
  const post = async (): Promise<number | undefined> => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path(),
      authorization: `Bearer ${accessToken}`,
    })
    stream.end(JSON.stringify({ message: { token } }))
    return new Promise((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status']))
      stream.on('error', reject)
      stream.resume()
    })
  }
  expect(await post()).toBe(200)
  simulator.faults.add({ provider: 'fcm', kind: 'reset' })
  await expect(post()).rejects.toThrow('NGHTTP2_INTERNAL_ERROR')
  simulator.faults.add({ provider: 'fcm', kind: 'goaway', phases: 2 })
  expect(await post()).toBe(200)
  await until('the goodbye came', () => goaways > 0)
  session.destroy()
})

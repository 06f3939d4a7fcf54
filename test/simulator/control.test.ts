import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Control, startControl } from '../../simulator/control.ts'
import type { AcceptedPush } from '../../simulator/pushes.ts'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import { ApnsClient, rightHeaders } from './wire-clients.ts'

let simulator: Simulator
let control: Control
let client: ApnsClient
let right: Record<string, string>

beforeAll(async () => {
  simulator = await startSimulator()
  control = await startControl(simulator, { allowedOrigins: ['https://demo.example'] })
  client = new ApnsClient(simulator)
  right = await rightHeaders(simulator, '')
})
beforeEach(() => simulator.log.clear())
afterAll(async () => {
  client.session.destroy()
  await control.close()
  await simulator.close()
})

function call(method: string, path: string, body?: unknown, headers = {}): Promise<Response> {
  return fetch(control.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function registerPhone(): Promise<string> {
  const answer = await call('POST', '/phones', { provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { token: string }).token
}

async function push(token: string, body = '{"aps":{}}'): Promise<number> {
  return (await client.request({ ...right, ':path': `/3/device/${token}` }, body)).status
}

/** Collects the pushes of an event stream until `stop`. */
async function listen(path: string): Promise<{ pushes: AcceptedPush[]; stop: () => void }> {
  const abort = new AbortController()
  const answer = await fetch(control.url + path, { signal: abort.signal })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  const pushes: AcceptedPush[] = []
  const read = async (): Promise<void> => {
    let text = ''
    for await (const chunk of answer.body ?? []) {
      const events = (text + Buffer.from(chunk).toString()).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1]
        if (data !== undefined) pushes.push(JSON.parse(data) as AcceptedPush)
      }
    }
  }
  read().catch(() => undefined)
  return { pushes, stop: () => abort.abort() }
}

test('the configuration contains the addresses of the gateways and the credentials', async () => {
  const body: unknown = await (await call('GET', '/configuration')).json()
  const { apns, fcm, webPush, caPem, credentials } = simulator
  expect(body).toEqual(JSON.parse(JSON.stringify({ apns, fcm, webPush, caPem, credentials })))
})

test('a late subscriber gets the stored push, then the live ones', async () => {
  const token = await registerPhone()
  expect(await push(token, '{"n":1}')).toBe(200)
  const { pushes, stop } = await listen(`/phones/${token}/pushes`)
  await until('the stored push came', () => pushes.length === 1)
  expect(await push(token, '{"n":2}')).toBe(200)
  await until('the live push came', () => pushes.length === 2)
  stop()
  expect(pushes.map((event) => 'payload' in event && event.payload)).toEqual([{ n: 1 }, { n: 2 }])
})

test('after a page has disconnected, pushes are stored again', async () => {
  const token = await registerPhone()
  const { stop } = await listen(`/phones/${token}/pushes`)
  stop()
  await until('the page has left', async () => {
    await push(token)
    return simulator.phones.storedPushes(token).length === 1
  })
})

test('an FCM token survives encoding in a path', async () => {
  const { token } = simulator.phones.register({ provider: 'fcm', appId: DEFAULT_BUNDLE_ID })
  const { stop } = await listen(`/phones/${encodeURIComponent(token)}/pushes`)
  stop()
})

test('one stream carries the pushes of all phones', async () => {
  const tokens = [await registerPhone(), await registerPhone()]
  const { pushes, stop } = await listen('/pushes')
  for (const token of tokens) await push(token)
  const own = (): string[] => pushes.map(({ token }) => token).filter((t) => tokens.includes(t))
  await until('both came', () => own().length === 2)
  stop()
  expect(own()).toEqual(tokens)
})

test('a phone goes offline and comes back', async () => {
  const token = await registerPhone()
  const { pushes, stop } = await listen(`/phones/${token}/pushes`)
  expect((await call('PUT', `/phones/${token}/online`, { online: false })).status).toBe(204)
  await push(token)
  expect(simulator.phones.storedPushes(token)).toHaveLength(1)
  await call('PUT', `/phones/${token}/online`, { online: true })
  await until('it came', () => pushes.length === 1)
  stop()
})

test('a removed app is Unregistered', async () => {
  const token = await registerPhone()
  expect((await call('DELETE', `/phones/${token}`)).status).toBe(204)
  expect(await push(token)).toBe(410)
})

test('faults are set up and cleared', async () => {
  const token = await registerPhone()
  const fault = { provider: 'apns', kind: 'reason', reason: 'TooManyRequests', times: 'always' }
  expect((await call('POST', '/faults', fault)).status).toBe(204)
  expect(await push(token)).toBe(429)
  await call('DELETE', '/faults')
  expect(await push(token)).toBe(200)
})

test('the log is read from the reader’s last position', async () => {
  const token = await registerPhone()
  await push(token)
  await push(token)
  const read = async (since: number): Promise<{ pushes: AcceptedPush[] }> =>
    (await (await call('GET', `/log?since=${since}`)).json()) as { pushes: AcceptedPush[] }
  const [first, second] = (await read(0)).pushes
  expect((await read(first?.sequence ?? 0)).pushes).toEqual([second])
  expect(await read(second?.sequence ?? 0)).toMatchObject({ pushes: [], counts: { accepted: 2 } })
})

test('clients can be sent away and access tokens revoked', async () => {
  await push(await registerPhone())
  expect((await call('POST', '/goaway', { phases: 1 })).status).toBe(204)
  await until('the client got the GOAWAY', () => client.goaways.length > 0)
  client = new ApnsClient(simulator)
  expect((await call('DELETE', '/access-tokens')).status).toBe(204)
})

const mistakes: [string, string, unknown, number][] = [
  ['GET', '/nothing', undefined, 404],
  ['PATCH', '/phones', {}, 405],
  ['DELETE', '/phones/unknown', undefined, 404],
  ['GET', '/phones/unknown/pushes', undefined, 404],
  ['GET', '/phones/%ff/pushes', undefined, 400],
  ['GET', '/log?since=x', undefined, 400],
  ['POST', '/phones', {}, 400],
  ['POST', '/phones', { provider: 'apns', appId: 'a', extra: 1 }, 400],
  ['POST', '/phones', { provider: 'apns', appId: 'x'.repeat(70_000) }, 413],
  ['POST', '/faults', { provider: 'apns', kind: 'unknown' }, 400],
  ['POST', '/faults', { provider: 'apns', kind: 'stall', times: 0 }, 400],
  ['POST', '/goaway', { phases: 3 }, 400],
  ['POST', '/browsers', { vapidKey: 'short' }, 400],
  ['POST', '/browsers', { vapidKey: 'A'.repeat(87), service: 'unknown' }, 400],
  ['GET', '/browsers/unknown/pushes', undefined, 404],
  ['PUT', '/browsers/unknown/online', { online: true }, 404],
  ['DELETE', '/browsers/unknown', undefined, 404],
]

test.each(mistakes)('%s %s is rejected with an explanation', async (method, path, body, status) => {
  const answer = await call(method, path, body)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toEqual({ error: expect.any(String) })
})

test('a token in use is not issued again', async () => {
  const token = await registerPhone()
  const answer = await call('POST', '/phones', { provider: 'apns', appId: 'a', token })
  expect(answer.status).toBe(409)
})

test('a body must be declared as JSON, which a foreign page cannot do without a preflight', async () => {
  const answer = await call('POST', '/phones', undefined, { 'content-type': 'text/plain' })
  expect(answer.status).toBe(415)
})

const origins: [string, number][] = [
  ['http://localhost:4000', 200],
  ['http://127.0.0.1:4000', 200],
  ['https://demo.example', 200],
  ['https://evil.example', 403],
  ['https://localhost.evil.example', 403],
  ['null', 403],
]

test.each(origins)('a page of %s gets %i', async (origin, status) => {
  const answer = await call('GET', '/configuration', undefined, { origin })
  expect(answer.status).toBe(status)
  const allowedOrigin = status === 200 ? origin : null
  expect(answer.headers.get('access-control-allow-origin')).toBe(allowedOrigin)
  const preflight = await call('OPTIONS', '/phones', undefined, { origin })
  expect(preflight.status).toBe(status === 200 ? 204 : 403)
})

test('a public name that resolves here is refused', async () => {
  const { port } = new URL(control.url)
  const request = http.get({ port, host: '127.0.0.1', headers: { host: `evil.example:${port}` } })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.resume()
  expect(response.statusCode).toBe(403)
})

test.each(['its parent', 'SIGTERM'])(
  'as a process it prints its addresses in one line and ends with %s',
  async (cause) => {
    const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url))
    const bundleId = 'com.example.demo'
    const child = spawn(process.execPath, [main, '--exit-with-parent', '--bundle-id', bundleId], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const addresses = JSON.parse(line.toString()) as { control: string; apns: object }
    const answer = await fetch(`${addresses.control}/configuration`)
    expect(await answer.json()).toMatchObject({
      apns: addresses.apns,
      credentials: { apns: { bundleIds: [bundleId] } },
    })
    if (cause === 'SIGTERM') child.kill('SIGTERM')
    else child.stdin.end()
    expect(await exit).toEqual([0, null])
  },
)

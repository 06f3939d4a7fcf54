// The push services of browsers in a process of their own: what `npm run simulator` offers.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Subscription } from '../../simulator/browsers.ts'
import type { Address } from '../../simulator/tls-listener.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'
import { aKey, encrypt, postPush, vapid } from './web-push-sender.ts'

const own = aKey()
let end: () => Promise<unknown>
let port = 0
let addresses: { readonly webPush: Address; readonly control: string }
let caPem = ''

beforeAll(async () => {
  port = await freePort()
  const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url))
  const options = ['--exit-with-parent', '--web-push-port', String(port)]
  const child = spawn(process.execPath, [main, ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  end = () => {
    child.stdin.end()
    return exit
  }
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  addresses = JSON.parse(line.toString())
  const configuration = await (await call('GET', '/configuration')).json()
  caPem = (configuration as { caPem: string }).caPem
})
afterAll(() => end())

const call = (method: string, path: string, body?: object) =>
  fetch(addresses.control + path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })

async function subscribe(service?: string): Promise<Subscription> {
  const answer = await call('POST', '/browsers', {
    vapidKey: own.point,
    ...(service && { service }),
  })
  expect(answer.status).toBe(201)
  return (await answer.json()) as Subscription
}

const push = (subscription: Subscription, text: string) =>
  postPush(addresses.webPush, caPem, subscription.endpoint, {
    headers: {
      authorization: vapid(subscription.endpoint, own),
      ttl: '60',
      'content-encoding': 'aes128gcm',
    },
    body: encrypt(text, subscription),
  })

/** The texts of the pushes of a stream as they come. */
async function listen(path: string) {
  const abort = new AbortController()
  const answer = await fetch(addresses.control + path, { signal: abort.signal })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  const texts: string[] = []
  const read = async () => {
    let rest = ''
    for await (const chunk of answer.body ?? []) {
      const events = (rest + Buffer.from(chunk).toString()).split('\n\n')
      rest = events.pop() ?? ''
      const data = events.flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? [])
      texts.push(...data.map((line) => JSON.parse(line).text as string))
    }
  }
  read().catch(() => undefined)
  return { texts, [Symbol.dispose]: () => abort.abort() }
}

const pathOf = ({ endpoint }: Subscription) => `/browsers/${encodeURIComponent(endpoint)}`

test('it listens on the port of its option, and its pushes are read as they come', async () => {
  expect(addresses.webPush).toEqual({ host: '127.0.0.1', port })
  const [ada, bea] = [await subscribe('google'), await subscribe()]
  expect(new URL(ada.endpoint).hostname).toBe('fcm.googleapis.com')
  using own = await listen(`${pathOf(ada)}/pushes`)
  using all = await listen('/browser-pushes')
  expect((await push(ada, 'to ada')).status).toBe(201)
  expect((await push(bea, 'to bea')).status).toBe(201)
  await until('both came', () => all.texts.length === 2)
  expect(all.texts).toEqual(['to ada', 'to bea'])
  expect(own.texts).toEqual(['to ada'])
  const { counts } = (await (await call('GET', '/log')).json()) as { counts: object }
  expect(counts).toMatchObject({ web_push: { answered: { ok: 2 } } })
})

test('a browser without a network gets its push when it is back', async () => {
  const subscription = await subscribe()
  using own = await listen(`${pathOf(subscription)}/pushes`)
  const setOnline = (online: boolean) => call('PUT', `${pathOf(subscription)}/online`, { online })
  expect((await setOnline(false)).status).toBe(204)
  expect((await push(subscription, 'stored')).status).toBe(201)
  expect(own.texts).toEqual([])
  await setOnline(true)
  await until('it came', () => own.texts.length === 1)
  expect(own.texts).toEqual(['stored'])
})

test('its faults are set up and cleared, and a subscription ends', async () => {
  const subscription = await subscribe()
  const fault = { provider: 'web_push', kind: 'reason', reason: 'TooManyRequests', times: 'always' }
  expect((await call('POST', '/faults', { ...fault, retryAfterSeconds: 3 })).status).toBe(204)
  const refusal = await push(subscription, 'too much')
  expect(refusal).toMatchObject({ status: 429, headers: { 'retry-after': '3' } })
  await call('DELETE', '/faults')
  expect((await push(subscription, 'again')).status).toBe(201)
  expect((await call('DELETE', pathOf(subscription))).status).toBe(204)
  expect((await push(subscription, 'gone')).status).toBe(410)
})

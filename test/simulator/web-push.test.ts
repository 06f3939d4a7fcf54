import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { PushServiceName, Subscription } from '../../simulator/browsers.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { aKey, encrypt, postPush, vapid, type WebPush } from './web-push-sender.ts'

let simulator: Simulator
let nowMs = Date.now()
beforeAll(async () => {
  simulator = await startSimulator({ clock: () => nowMs })
})
afterEach(() => simulator.faults.clear())
afterAll(() => simulator.close())

const own = aKey()
const subscribe = (service?: PushServiceName) => simulator.browsers.subscribe(own.point, service)

type Change = Partial<WebPush>

/** Posts as a sender does, with what is changed. */
function post(subscription: Subscription, { headers = {}, body, ...more }: Change = {}) {
  const { endpoint } = subscription
  const usual = {
    authorization: vapid(endpoint, own, { nowMs }),
    ttl: '60',
    'content-encoding': 'aes128gcm',
  }
  return postPush(simulator.webPush, simulator.caPem, endpoint, {
    ...more,
    headers: { ...usual, ...headers },
    body: body ?? encrypt('hello', subscription),
  })
}

test('a push that is right reaches its browser, which decrypts it', async () => {
  const subscription = subscribe()
  const answer = await post(subscription, { headers: { urgency: 'high', topic: 'abc' } })
  expect(answer).toMatchObject({ status: 201, headers: { ttl: '60' }, text: '' })
  expect(answer.headers.location).toMatch(/^https:\/\/updates\.push\.services\.mozilla\.com\/m\//)
  expect(simulator.browsers.pushesTo(subscription.endpoint)).toEqual([
    expect.objectContaining({ text: 'hello', ttlSeconds: 60, urgency: 'high', topic: 'abc' }),
  ])
})

describe('a push is refused', () => {
  test.each([
    ['without TTL', { headers: { ttl: undefined } }, 400],
    ['with a TTL that is no number', { headers: { ttl: '1.5' } }, 400],
    ['with an urgency of its own', { headers: { urgency: 'urgent' } }, 400],
    ['with a topic of 33 characters', { headers: { topic: 'a'.repeat(33) } }, 400],
    ['with a topic of other characters', { headers: { topic: 'a.b' } }, 400],
    ['in another encoding', { headers: { 'content-encoding': 'aesgcm' } }, 400],
    ['of more than 4096 bytes', { body: randomBytes(4_097) }, 413],
    ['that its browser cannot read', { body: randomBytes(200) }, 400],
    ['by another method', { method: 'PUT' }, 405],
    ['without a signature', { headers: { authorization: undefined } }, 401],
    ['with a bearer token', { headers: { authorization: 'Bearer abc' } }, 401],
  ] satisfies [string, Change, number][])('%s', async (_name, change, status) => {
    const subscription = subscribe()
    expect((await post(subscription, change)).status).toBe(status)
    expect(simulator.browsers.pushesTo(subscription.endpoint)).toEqual([])
  })

  const other = aKey()
  test.each([
    ['of another key', other, {}],
    ['that another key made', { ...own, privateKey: other.privateKey }, {}],
    ['for another push service', own, { aud: 'https://web.push.apple.com' }],
    ['that has ended', own, { exp: 1 }],
    ['for more than a day', own, { exp: Math.floor(nowMs / 1000) + 86_500 }],
    ['by nobody who can be reached', own, { sub: 'ops@example.com' }],
  ])('with a signature %s', async (_name, key, claims) => {
    const subscription = subscribe()
    const authorization = vapid(subscription.endpoint, key, { nowMs, ...claims })
    expect((await post(subscription, { headers: { authorization } })).status).toBe(403)
  })

  test('by Apple without an address of the sender, and by no other', async () => {
    for (const [service, status] of [
      ['apple', 403],
      ['mozilla', 201],
    ] as const) {
      const subscription = subscribe(service)
      const authorization = vapid(subscription.endpoint, own, { nowMs, sub: undefined })
      expect((await post(subscription, { headers: { authorization } })).status).toBe(status)
    }
  })

  test('when its subscription ended, or never was', async () => {
    const subscription = subscribe()
    simulator.browsers.unsubscribe(subscription.endpoint)
    expect((await post(subscription)).status).toBe(410)
    const endpoint = `${subscription.endpoint}x`
    expect((await post({ ...subscription, endpoint })).status).toBe(404)
  })
})

test('each push service refuses in its own words', async () => {
  const words = { google: 'Busy', windows: 'Busy', apple: '{"reason":"Busy"}' }
  for (const [service, text] of Object.entries(words)) {
    const fault = { provider: 'web_push', kind: 'reason', reason: 'Busy', status: 503 } as const
    simulator.faults.add({ ...fault, retryAfterSeconds: 5 })
    const answer = await post(subscribe(service as PushServiceName))
    expect(answer).toMatchObject({ status: 503, text, headers: { 'retry-after': '5' } })
  }
})

test('a browser that is away gets the newest push of each topic when it is back, while it is of use', async () => {
  const subscription = subscribe()
  const { endpoint } = subscription
  simulator.browsers.setOnline(endpoint, false)
  const send = (text: string, ttl: string, topic?: string) =>
    post(subscription, { headers: { ttl, topic }, body: encrypt(text, subscription) })
  await send('first', '60', 'a')
  await send('second', '60', 'a')
  await send('third', '60')
  await send('now or never', '0')
  await send('short', '10')
  expect(simulator.browsers.pushesTo(endpoint)).toEqual([])
  nowMs += 20_000
  simulator.browsers.setOnline(endpoint, true)
  const texts = simulator.browsers.pushesTo(endpoint).map(({ text }) => text)
  expect(texts).toEqual(['second', 'third'])
})

test('a real browser gets the push as it was encrypted', async () => {
  const { keys } = subscribe()
  const endpoint = simulator.browsers.admit(own.point)
  const bodies: Buffer[] = []
  simulator.browsers.listen(endpoint, ({ body }) => void bodies.push(body))
  const body = encrypt('hello', { endpoint, keys })
  expect((await post({ endpoint, keys }, { body })).status).toBe(201)
  expect(bodies).toEqual([body])
})

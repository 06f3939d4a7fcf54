import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PushServiceName } from '../../../simulator/browsers.ts'
import type { FaultEffect } from '../../../simulator/faults.ts'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { pushTokenHash } from '../../../src/devices/rotate-push-token.ts'
import { readWebPushToken } from '../../../src/domain/push-subscription.ts'
import { buildHashing } from '../../../src/platform/crypto/hashing.ts'
import { systemClock } from '../../../src/platform/net/clock.ts'
import type { PushMessage, PushProvider } from '../../../src/push/push.store.ts'
import { until } from '../../support/until.ts'
import { recordingLog } from '../push-gateway.ts'
import { aPushTo, aPushToBrowser, aVapidKey, page, vapidKey, webPushFor } from './browser-pushes.ts'

let simulator: Simulator
let webPush: PushProvider
let hasty: PushProvider
let log: ReturnType<typeof recordingLog>

beforeAll(async () => {
  simulator = await startSimulator()
})
beforeEach(() => {
  log = recordingLog()
  webPush = webPushFor(simulator, { log })
  hasty = webPushFor(simulator, { log, deadlineMs: 500 })
})
afterEach(async () => {
  await Promise.all([webPush.drain(), hasty.drain()])
  simulator.faults.clear()
  simulator.log.clear()
})
afterAll(() => simulator.close())

const endpointOf = ({ address }: PushMessage) => readWebPushToken(address.token).endpoint
const pushTo = (message: PushMessage) => simulator.browsers.pushesTo(endpointOf(message)).at(-1)
const attempts = () => simulator.log.exchanges({ provider: 'web_push' }).length
const retry = (reason: RegExp, more: object = {}) =>
  expect.objectContaining({ kind: 'retry', reason: expect.stringMatching(reason), ...more })
const reason = (text: string, more: object = {}) =>
  ({ kind: 'reason', reason: text, ...more }) as const

async function sendWith(fault: FaultEffect, service?: PushServiceName, provider = webPush) {
  simulator.faults.add({ provider: 'web_push', ...fault })
  const message = aPushToBrowser(simulator, service)
  return { message, result: await provider.send(message) }
}

describe('a push', () => {
  test.each(['google', 'mozilla', 'apple', 'windows'] as const)(
    'reaches a browser of %s, which alone can read it',
    async (service) => {
      const message = aPushToBrowser(simulator, service)
      const result = await webPush.send(message)
      const push = pushTo(message)
      const id = service === 'apple' ? push?.id : message.deliveryId
      expect(result).toEqual({ kind: 'accepted', providerMessageId: id })
      expect(push).toMatchObject({ urgency: 'high', subject: 'mailto:ops@example.com' })
      expect(JSON.parse(push?.text ?? '')).toMatchObject({
        web_push: 8030,
        notification: { navigate: page, data: { cid: message.challengeId, kind: message.kind } },
      })
      expect(push?.body.includes(String(message.challengeId))).toBe(false)
    },
  )

  test('is worth nothing to its push service after it expires', async () => {
    const expiresAt = new Date(Date.now() + 30_500)
    const message = aPushToBrowser(simulator, 'mozilla', { expiresAt })
    await webPush.send(message)
    expect(pushTo(message)?.ttlSeconds).toBeGreaterThan(0)
    expect(pushTo(message)?.ttlSeconds).toBeLessThanOrEqual(30)
  })

  test('replaces the one before it about the same chain, also while the browser is away', async () => {
    const browser = simulator.browsers.subscribe(vapidKey)
    simulator.browsers.setOnline(browser.endpoint, false)
    const prompt = aPushTo(browser)
    const { challengeId } = prompt
    await webPush.send(prompt)
    await webPush.send(aPushTo(browser, { kind: 'challenge_closed', challengeId }))
    await webPush.send(
      aPushTo(browser, { chainId: challengeId as NonNullable<PushMessage['chainId']> }),
    )
    await webPush.send(aPushTo(browser))
    simulator.browsers.setOnline(browser.endpoint, true)
    const pushes = simulator.browsers.pushesTo(browser.endpoint)
    expect(pushes).toHaveLength(2)
    expect(pushes[0]?.topic).toMatch(/^[A-Za-z0-9_-]{32}$/)
    expect(JSON.parse(pushes[0]?.text ?? '').notification.tag).toBe(challengeId)
  })

  test('to an expired subject is not sent', async () => {
    const message = aPushToBrowser(simulator, 'mozilla', { expiresAt: new Date(Date.now() - 1) })
    expect(await webPush.send(message)).toEqual({ kind: 'rejected', reason: 'it has expired' })
    expect(attempts()).toBe(0)
  })

  test('is signed once per push service, and again after a refusal', async () => {
    const headers: unknown[] = []
    simulator.faults.add({
      provider: 'web_push',
      ...reason('BadJwtToken'),
      match: ({ headers: { authorization } }) => headers.push(authorization) === 3,
    })
    for (let count = 0; count < 5; count++) await webPush.send(aPushToBrowser(simulator))
    // Each push is matched once, until the fault has applied.
    expect(new Set(headers).size).toBe(1)
    simulator.faults.add({
      provider: 'web_push',
      ...reason('BadJwtToken'),
      times: 'always',
      match: ({ headers: { authorization } }) => headers.push(authorization) < 0,
    })
    await webPush.send(aPushToBrowser(simulator))
    expect(new Set(headers).size).toBe(2)
  })
})

describe('an answer', () => {
  test.each([
    ['404', reason('NotFound'), { kind: 'token_gone', reason: '404 404 NotFound' }],
    ['410', reason('Unsubscribed'), { kind: 'token_gone', reason: '410 410 Unsubscribed' }],
    ['413', reason('PayloadTooLarge'), { kind: 'rejected', reason: '413 413 PayloadTooLarge' }],
    ['400', reason('InvalidTTL'), { kind: 'rejected', reason: '400 400 InvalidTTL' }],
    ['429', reason('TooManyRequests', { retryAfterSeconds: 7 }), retry(/^429/, { afterMs: 7_000 })],
    ['429 without a time', reason('TooManyRequests'), retry(/^429/)],
    [
      '503',
      reason('Unavailable', { retryAfterSeconds: 9 }),
      retry(/^503/, { afterMs: 9_000, down: true }),
    ],
    ['408', reason('Slow', { status: 408 }), retry(/^408/, { down: true })],
    ['a page of a proxy', { kind: 'garbage' }, retry(/^502$/, { down: true })],
    ['a status alone', { kind: 'empty_body', status: 404 }, { kind: 'token_gone', reason: '404' }],
    [
      'an acceptance without a body',
      { kind: 'empty_body', status: 200 },
      expect.objectContaining({ kind: 'accepted' }),
    ],
  ] as const)('%s has its meaning', async (_name, fault, result) => {
    expect((await sendWith(fault)).result).toEqual(result)
  })

  test('406 of Windows asks for patience, as a 429 of others', async () => {
    const fault = reason('Throttled', { status: 406, retryAfterSeconds: 30 })
    expect((await sendWith(fault, 'windows')).result).toEqual(retry(/^406/, { afterMs: 30_000 }))
  })

  test.each([
    [401, 'Unauthorized', 'mozilla'],
    [403, 'BadJwtToken', 'apple'],
    [400, 'VapidPkHashMismatch', 'apple'],
  ] as const)(
    '%i %s is an alarm for the operator, and never ends a subscription',
    async (status, text, service) => {
      const { result } = await sendWith(reason(text, { status }), service)
      expect(result).toEqual({
        kind: 'misconfigured',
        reason: expect.stringMatching(new RegExp(`^Web Push: ${status} .*${text}; .*VAPID`)),
      })
      expect(log.lines.at(-1)).toMatchObject({ level: 'error' })
    },
  )

  test.each([301, 302, 303, 307, 308])(
    '%i leads nowhere: redirects are not followed',
    async (status) => {
      const { result } = await sendWith(reason('Moved', { status }))
      expect(result).toEqual(retry(/redirects are not followed/))
      expect(attempts()).toBe(1)
    },
  )

  test('a body without end is cut off, and its status counts', async () => {
    const fault = { kind: 'garbage', status: 410 } as const
    expect((await sendWith(fault)).result).toEqual({ kind: 'token_gone', reason: '410' })
  })
})

describe('a push without an answer', () => {
  test.each([
    ['stalls', { kind: 'stall' }, /timeout/],
    ['is reset', { kind: 'reset' }, /ECONNRESET/],
    ['breaks off', { kind: 'close_socket' }, /ECONNRESET|unknown/],
    ['is refused', { kind: 'refuse_connection' }, /ECONNRESET/],
    ['is silent before TLS', { kind: 'silent_connection' }, /timeout/],
  ] as const)('that %s is sent again later', async (_name, fault, text) => {
    const { result } = await sendWith(fault, 'mozilla', hasty)
    expect(result).toEqual(retry(text, { down: true }))
    expect((await hasty.send(aPushToBrowser(simulator))).kind).toBe('accepted')
  })

  test('a server with another certificate gets nothing', async () => {
    const wary = webPushFor(simulator, { ca: [] })
    expect(await wary.send(aPushToBrowser(simulator))).toEqual(retry(/no reply: .*(SIGN|VERIFY)/))
    expect(attempts()).toBe(0)
    await wary.drain()
  })

  test('a push service that fails ten times is left alone, and no other', async () => {
    simulator.faults.add({
      provider: 'web_push',
      ...reason('Unavailable'),
      times: 'always',
      match: ({ headers }) => headers.host === 'web.push.apple.com',
    })
    const message = aPushToBrowser(simulator, 'apple')
    for (let count = 0; count < 12; count++) await webPush.send(message)
    expect(attempts()).toBe(10)
    expect(log.output()).toContain('push service does not answer')
    expect((await webPush.send(aPushToBrowser(simulator))).kind).toBe('accepted')
  })

  test('a device whose address makes its push service fail stops no other of that service', async () => {
    const hostilePush = aPushToBrowser(simulator)
    simulator.faults.add({
      provider: 'web_push',
      ...reason('Unavailable'),
      times: 'always',
      match: ({ token }) => token === endpointOf(hostilePush),
    })
    for (let count = 0; count < 12; count++) await webPush.send(hostilePush)
    expect(attempts()).toBe(10)
    expect((await webPush.send(aPushToBrowser(simulator))).kind).toBe('accepted')
  })

  test('pushes that stall at one push service take no place from those to another', async () => {
    const narrow = webPushFor(simulator, { maxInFlight: 2, deadlineMs: 60_000 })
    simulator.faults.add({
      provider: 'web_push',
      kind: 'stall',
      times: 2,
      match: ({ headers }) => headers.host === 'web.push.apple.com',
    })
    const expiresAt = new Date(Date.now() + 4_000)
    const stalledPushes = [1, 2].map(() =>
      narrow.send(aPushToBrowser(simulator, 'apple', { expiresAt })),
    )
    let endCount = 0
    for (const push of stalledPushes) void push.then(() => endCount++)
    await until('both are on the wire', () => attempts() === 2)
    expect((await narrow.send(aPushToBrowser(simulator))).kind).toBe('accepted')
    expect(endCount).toBe(0)
    expect(await Promise.all(stalledPushes)).toEqual([retry(/timeout/), retry(/timeout/)])
    await narrow.drain()
  })
})

describe('the key of the sender', () => {
  test('that is not the one of the subscription is refused, and the browser gets nothing', async () => {
    const browser = simulator.browsers.subscribe(aVapidKey().publicKey)
    const result = await webPush.send(aPushTo(browser))
    expect(result).toMatchObject({
      kind: 'misconfigured',
      reason: expect.stringMatching(/403.*VapidKeyMismatch/),
    })
    expect(simulator.browsers.pushesTo(browser.endpoint)).toEqual([])
  })

  test('that the installation does not have is an alarm, and nothing is sent', async () => {
    const { publicKey } = aVapidKey()
    const browser = simulator.browsers.subscribe(publicKey)
    const result = await webPush.send(aPushTo(browser, { key: publicKey }))
    expect(result).toMatchObject({
      kind: 'misconfigured',
      reason: expect.stringMatching(/does not have/),
    })
    expect(attempts()).toBe(0)
  })

  test('that cannot be read at the moment is tried again', async () => {
    const find = () => Promise.reject(new Error('the database is away'))
    const provider = webPushFor(simulator, { keys: { find } })
    expect(await provider.send(aPushToBrowser(simulator))).toEqual(
      retry(/unexpected: the database/),
    )
    await provider.drain()
  })

  test('without an address of the operator is refused by Apple alone', async () => {
    const provider = webPushFor(simulator, { subject: null })
    expect((await provider.send(aPushToBrowser(simulator))).kind).toBe('accepted')
    expect((await provider.send(aPushToBrowser(simulator, 'apple'))).kind).toBe('misconfigured')
    await provider.drain()
  })
})

test('no outcome shows an endpoint, a key of a browser or a signature', async () => {
  const faults: FaultEffect[] = [
    { kind: 'delay', ms: 0 },
    reason('Unsubscribed'),
    reason('BadJwtToken'),
    reason('Unavailable'),
    { kind: 'garbage' },
    { kind: 'reset' },
    { kind: 'stall' },
  ]
  for (const fault of faults) {
    const { message } = await sendWith(fault, 'mozilla', hasty)
    const { endpoint, keys } = readWebPushToken(message.address.token)
    const output = log.output()
    expect(output).toContain(message.deliveryId)
    for (const secret of [
      new URL(endpoint).pathname,
      keys.p256dh,
      keys.auth,
      message.address.token,
    ]) {
      expect(output).not.toContain(secret)
    }
    expect(output).not.toMatch(/vapid t=|eyJ0/)
  }
  expect(log.lines).toHaveLength(faults.length)
})

test('devices of one browser lose its subscription together, found by its endpoint alone', () => {
  const { endpoint, keys } = simulator.browsers.subscribe(vapidKey)
  const hashing = buildHashing(randomBytes(32))
  const hashOf = (target: Parameters<typeof aPushTo>[0], key: string) =>
    pushTokenHash(hashing, aPushTo(target, { key }).address)
  const hash = hashOf({ endpoint, keys }, vapidKey)
  expect(hashOf({ endpoint, keys: { ...keys, auth: 'another' } }, 'another')).toEqual(hash)
  expect(hashOf({ endpoint: `${endpoint}x`, keys }, vapidKey)).not.toEqual(hash)
})

test('draining loses no push in flight and refuses later ones', async () => {
  const delay = simulator.faults.add({ provider: 'web_push', kind: 'delay', ms: 50, times: 8 })
  const sending = Array.from({ length: 8 }, () => webPush.send(aPushToBrowser(simulator)))
  await until('all are in flight', () => delay.remaining() === 0)
  await webPush.drain()
  expect(new Set((await Promise.all(sending)).map(({ kind }) => kind))).toEqual(
    new Set(['accepted']),
  )
  expect(await webPush.send(aPushToBrowser(simulator))).toEqual(retry(/shutting down/))
})

test('a push service that is not allowed any more gets nothing', async () => {
  const provider = webPushFor(simulator, { hosts: ['fcm.googleapis.com'], clock: systemClock })
  expect(await provider.send(aPushToBrowser(simulator))).toMatchObject({
    kind: 'misconfigured',
    reason: expect.stringMatching(/WEB_PUSH_HOSTS/),
  })
  expect(attempts()).toBe(0)
  await provider.drain()
})

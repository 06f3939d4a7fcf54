import { generateKeyPairSync } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import type { FaultEffect } from '../../simulator/faults.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { PushProvider, PushResult } from '../../src/push/push.store.ts'
import { until } from '../support/until.ts'
import { APP_ID, aPush, aPushTo, fcmFor, recordingLog } from './push-gateway.ts'

const SHORT_MS = 500

let simulator: Simulator
let fcm: PushProvider
/** For cases that end in a timeout. */
let hasty: PushProvider
/** Has time for the SDK's immediate retry and not for the next, which comes a second later. */
let brisk: PushProvider
let log: ReturnType<typeof recordingLog>

beforeAll(async () => {
  // Loaded beforehand, so that loading takes nothing of a short deadline.
  await Promise.all([import('firebase-admin/app'), import('firebase-admin/messaging')])
  simulator = await startSimulator()
})
beforeEach(() => {
  log = recordingLog()
  fcm = fcmFor(simulator, { log })
  hasty = fcmFor(simulator, { log, deadlineMs: SHORT_MS })
  brisk = fcmFor(simulator, { log, deadlineMs: 900 })
})
afterEach(async () => {
  await Promise.all([fcm, hasty, brisk].map((provider) => provider.drain()))
  simulator.faults.clear()
  simulator.log.clear()
})
afterAll(() => simulator.close())

const attempts = (): number => simulator.log.exchanges({ provider: 'fcm' }).length
const fetches = (): number => simulator.log.exchanges({ provider: 'oauth' }).length
const many = (count: number) => Array.from({ length: count }, () => aPushTo(simulator, 'fcm'))
const kinds = (results: readonly PushResult[]) => new Set(results.map(({ kind }) => kind))
const acceptance = {
  kind: 'accepted',
  providerMessageId: expect.stringMatching(/^projects\/countersign-demo\/messages\//),
}
const retry = (reason: RegExp, more: object = {}) =>
  expect.objectContaining({ kind: 'retry', reason: expect.stringMatching(reason), ...more })
const timedOut = retry(/timeout/)
const rejection = (reason: string) => ({ kind: 'rejected', reason })
const misconfiguration = (reason: RegExp) => ({
  kind: 'misconfigured',
  reason: expect.stringMatching(reason),
})
const reason = (text: string, more: object = {}): FaultEffect & { times?: 'always' } => ({
  kind: 'reason',
  reason: text,
  ...more,
})

describe('the responses of FCM', () => {
  test('an accepted push reaches the app with its ids and its expiry', async () => {
    const message = aPushTo(simulator, 'fcm')
    expect(await fcm.send(message)).toEqual(acceptance)
    const [push] = simulator.log.acceptedPushes(message.address.token)
    expect(push).toMatchObject({
      priority: 'high',
      data: { cid: message.challengeId, did: message.deviceId, kind: 'challenge_opened' },
    })
    expect(push?.expiresAt).toBeLessThanOrEqual(message.expiresAt.getTime())
  })

  const rows: readonly [string, FaultEffect & { times?: number | 'always' }, unknown, number][] = [
    [
      '404 UNREGISTERED marks the token dead',
      reason('UNREGISTERED'),
      { kind: 'token_gone', reason: '404 UNREGISTERED' },
      1,
    ],
    [
      '404 NOT_FOUND, the wrong project, marks no token dead',
      reason('NOT_FOUND'),
      misconfiguration(/404.*project_id/),
      1,
    ],
    [
      '404 as a page of HTML marks no token dead',
      { kind: 'garbage', status: 404 },
      retry(/^404/),
      1,
    ],
    ['400 INVALID_ARGUMENT', reason('INVALID_ARGUMENT'), rejection('400 INVALID_ARGUMENT'), 1],
    [
      '403 SENDER_ID_MISMATCH speaks of this token only',
      reason('SENDER_ID_MISMATCH'),
      rejection('403 SENDER_ID_MISMATCH'),
      1,
    ],
    ['403 PERMISSION_DENIED', reason('PERMISSION_DENIED'), misconfiguration(/403.*role/), 1],
    [
      '429 QUOTA_EXCEEDED with Retry-After',
      reason('QUOTA_EXCEEDED', { retryAfterSeconds: 7 }),
      retry(/^429 QUOTA_EXCEEDED/, { afterMs: 7_000 }),
      1,
    ],
    [
      '429 QUOTA_EXCEEDED without one',
      reason('QUOTA_EXCEEDED'),
      retry(/^429/, { afterMs: 60_000 }),
      1,
    ],
    ['429 RESOURCE_EXHAUSTED', reason('RESOURCE_EXHAUSTED'), retry(/^429/, { afterMs: 60_000 }), 1],
    ['one 503 is healed by the immediate retry', reason('UNAVAILABLE'), acceptance, 2],
    ['a second 503 is the end of it', reason('UNAVAILABLE', { times: 'always' }), retry(/^503/), 2],
    [
      'a 503 that names a wait is the end of it',
      reason('UNAVAILABLE', { retryAfterSeconds: 30 }),
      retry(/^503/, { afterMs: 30_000 }),
      1,
    ],
    ['503 with an empty body', { kind: 'empty_body', status: 503, times: 2 }, retry(/^503/), 2],
    ['500 INTERNAL', reason('INTERNAL'), retry(/^500/), 1],
    ['a page of HTML with 502', { kind: 'garbage' }, retry(/^502/), 1],
    ['a page of HTML with 200', { kind: 'garbage', status: 200 }, retry(/^200/), 1],
    [
      '401 THIRD_PARTY_AUTH_ERROR',
      reason('THIRD_PARTY_AUTH_ERROR'),
      misconfiguration(/401 THIRD_PARTY_AUTH_ERROR/),
      1,
    ],
    ['one 401 is healed by a new access token', reason('UNAUTHENTICATED'), acceptance, 2],
    [
      '401 with a new access token',
      reason('UNAUTHENTICATED', { times: 2 }),
      misconfiguration(/401.*service account/),
      2,
    ],
    ['one reset is healed by the immediate retry', { kind: 'reset' }, acceptance, 2],
    [
      'one broken connection is healed by the immediate retry',
      { kind: 'close_socket' },
      acceptance,
      2,
    ],
    ['a stall', { kind: 'stall' }, timedOut, 1],
    ['a connection that falls silent', { kind: 'stall_connection' }, timedOut, 1],
    ['a connection that is closed after the answer', { kind: 'goaway', phases: 1 }, acceptance, 1],
  ]

  test.each(rows)('%s', async (_name, { times, ...fault }, result, wireAttempts) => {
    const provider = result === timedOut ? hasty : fcm
    await provider.send(aPushTo(simulator, 'fcm'))
    simulator.log.clear()
    const handle = simulator.faults.add({ provider: 'fcm', ...fault, ...(times && { times }) })
    expect(await provider.send(aPushTo(simulator, 'fcm'))).toEqual(result)
    expect(attempts()).toBe(wireAttempts)
    handle.remove()
    expect(await provider.send(aPushTo(simulator, 'fcm'))).toEqual(acceptance)
  })

  test('a token whose app was removed is dead, a text that is no token at all is not', async () => {
    const message = aPushTo(simulator, 'fcm')
    simulator.phones.unregister(message.address.token)
    expect((await fcm.send(message)).kind).toBe('token_gone')
    const nonsense = aPush({ address: { provider: 'fcm', token: 'nonsense' } })
    expect(await fcm.send(nonsense)).toEqual(rejection('400 INVALID_ARGUMENT message.token'))
    const nothing = aPush({ address: { provider: 'fcm', token: '' } })
    expect((await fcm.send(nothing)).kind).toBe('rejected')
  })

  test('a service account of another project marks no token dead', async () => {
    const { serviceAccount } = simulator.credentials.fcm
    const astray = fcmFor(simulator, {
      serviceAccount: { ...serviceAccount, project_id: 'somewhere-else' },
    })
    const results = await Promise.all(many(5).map((message) => astray.send(message)))
    expect(kinds(results)).toEqual(new Set(['misconfigured']))
    await astray.drain()
  })

  test.each([
    ['refused', { kind: 'refuse_connection' }],
    ['silent before TLS', { kind: 'silent_connection' }],
  ] as const)('a connection that is %s is retried with the next push', async (_name, fault) => {
    simulator.faults.add({ provider: 'oauth', ...fault })
    expect(await hasty.send(aPushTo(simulator, 'fcm'))).toEqual(retry(/./))
    expect(attempts()).toBe(0)
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toEqual(acceptance)
  })

  test('a server that is not Google gets nothing', async () => {
    const { caPem } = await createTlsCredentials()
    const wary = fcmFor(simulator, { ca: [caPem] })
    expect(await wary.send(aPushTo(simulator, 'fcm'))).toEqual(retry(/no access token/))
    expect(attempts() + fetches()).toBe(0)
    await wary.drain()
  })
})

describe('access tokens', () => {
  test('50 concurrent cold pushes request one', async () => {
    const results = await Promise.all(many(50).map((message) => fcm.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    expect(fetches()).toBe(1)
  })

  test('when theirs is revoked, 50 concurrent pushes request one more and all are accepted', async () => {
    await fcm.send(aPushTo(simulator, 'fcm'))
    simulator.accessTokens.revoke()
    const results = await Promise.all(many(50).map((message) => fcm.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    expect(fetches()).toBe(2)
  })

  test('an account that Google refuses is reported as such; an endpoint that is down is not', async () => {
    simulator.faults.add({ provider: 'oauth', ...reason('invalid_grant') })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toEqual(
      misconfiguration(/invalid_grant.*clock/),
    )
    simulator.faults.add({ provider: 'oauth', kind: 'garbage' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toEqual(retry(/no access token: 502/))
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toEqual(acceptance)
  })

  test.each([
    ['that is not PEM', 'nonsense'],
    ['on a curve', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
  ])('a key %s is refused at the start, with a hint where to get the right one', (_name, key) => {
    const { serviceAccount } = simulator.credentials.fcm
    const pem = typeof key === 'string' ? key : key.export({ type: 'pkcs8', format: 'pem' })
    const brokenAccount = { ...serviceAccount, private_key: pem.toString() }
    expect(() => fcmFor(simulator, { serviceAccount: brokenAccount })).toThrow(/download the JSON/)
  })
})

describe('the underlying SDK', () => {
  /** Counts the requests that this process makes to FCM, whether they reach the wire or not. */
  async function countingRequests(
    work: (requestCount: () => number) => Promise<void>,
  ): Promise<void> {
    let requestCount = 0
    const count = (event: unknown): void => {
      const { request } = event as { request: { path: string } }
      if (request.path.endsWith(':send')) requestCount += 1
    }
    subscribe('http.client.request.created', count)
    try {
      await work(() => requestCount)
    } finally {
      unsubscribe('http.client.request.created', count)
    }
  }

  test.each([
    ['503s', reason('UNAVAILABLE', { times: 'always' }), () => fcm],
    ['broken connections', { kind: 'close_socket', times: 'always' }, () => brisk],
  ] as const)(
    'its own retries after %s never reach the wire once the push is answered',
    async (_name, fault, provider) => {
      await provider().send(aPushTo(simulator, 'fcm'))
      simulator.log.clear()
      simulator.faults.add({ provider: 'fcm', ...fault })
      await countingRequests(async (requestCount) => {
        expect((await provider().send(aPushTo(simulator, 'fcm'))).kind).toBe('retry')
        expect([requestCount(), attempts()]).toEqual([2, 2])
        simulator.faults.clear()
        await until('the SDK tries a third time', () => requestCount() === 3)
      })
      // A push of ours that was delivered went after the SDK's.
      expect(await provider().send(aPushTo(simulator, 'fcm'))).toEqual(acceptance)
      expect(attempts()).toBe(3)
      expect(simulator.log.acceptedPushes()).toHaveLength(1)
    },
  )

  test('a stalled push is answered when its challenge expires, long before any deadline', async () => {
    const patient = fcmFor(simulator, { deadlineMs: 600_000 })
    await patient.send(aPushTo(simulator, 'fcm'))
    simulator.faults.add({ provider: 'fcm', kind: 'stall' })
    const expiresAt = new Date(Date.now() + SHORT_MS)
    expect(await patient.send(aPushTo(simulator, 'fcm', { expiresAt }))).toEqual(retry(/timeout/))
    await patient.drain()
  })

  test('500 concurrent pushes on cold connections are all accepted', async () => {
    const results = await Promise.all(many(500).map((message) => fcm.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    expect(attempts()).toBe(500)
  })

  test('pushes that stall on every connection do not keep later ones from theirs', async () => {
    const narrow = fcmFor(simulator, { deadlineMs: SHORT_MS, maxSockets: 2 })
    await narrow.send(aPushTo(simulator, 'fcm'))
    simulator.faults.add({ provider: 'fcm', kind: 'stall', times: 2 })
    const results = await Promise.all(many(2).map((message) => narrow.send(message)))
    expect(kinds(results)).toEqual(new Set(['retry']))
    const later = await Promise.all(many(4).map((message) => narrow.send(message)))
    expect(kinds(later)).toEqual(new Set(['accepted']))
    await narrow.drain()
  })

  test('draining loses no push in flight and refuses later ones', async () => {
    await fcm.send(aPushTo(simulator, 'fcm'))
    const delay = simulator.faults.add({ provider: 'fcm', kind: 'delay', ms: 100, times: 32 })
    const sending = many(50).map((message) => fcm.send(message))
    await until('32 are in flight', () => delay.remaining() === 0)
    await fcm.drain()
    expect(kinds(await Promise.all(sending))).toEqual(new Set(['accepted']))
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toEqual(retry(/shutting down/))
  })
})

describe('the log', () => {
  test('no outcome shows a push token, an access token or the private key', async () => {
    const effects: FaultEffect[] = [
      { kind: 'delay', ms: 0 },
      reason('UNREGISTERED'),
      reason('INVALID_ARGUMENT'),
      reason('PERMISSION_DENIED'),
      reason('UNAVAILABLE', { retryAfterSeconds: 30 }),
      { kind: 'garbage' },
      { kind: 'stall' },
    ]
    const messages = many(effects.length)
    for (const [at, effect] of effects.entries()) {
      simulator.faults.add({ provider: 'fcm', ...effect })
      await hasty.send(messages[at] ?? aPush())
    }
    expect(log.lines).toHaveLength(effects.length)
    const output = log.output()
    for (const { deliveryId, address } of messages) {
      expect(output).toContain(deliveryId)
      expect(output).not.toContain(address.token)
    }
    // Cased: an id may contain `eyj` by chance.
    expect(output).not.toMatch(/ya29|[Bb]earer|eyJ|PRIVATE KEY/)
    expect(output).toContain(APP_ID)
  })
})

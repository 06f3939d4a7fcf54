import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import type { FaultEffect, FaultRequest } from '../../simulator/faults.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { PushProvider, PushResult } from '../../src/push/push.store.ts'
import { until } from '../support/until.ts'
import { aPush, aPushTo, apnsFor, recordingLog } from './push-gateway.ts'

const SHORT_MS = 500
const GONE_AT = Date.parse('2026-10-01T12:00:00Z')

let simulator: Simulator
let apns: PushProvider
/** For cases that end in a timeout. */
let hasty: PushProvider
let log: ReturnType<typeof recordingLog>

beforeAll(async () => {
  // Loaded beforehand, so that loading takes nothing of a short deadline.
  await import('@parse/node-apn')
  simulator = await startSimulator()
})
beforeEach(() => {
  log = recordingLog()
  apns = apnsFor(simulator, { log })
  hasty = apnsFor(simulator, { log, deadlineMs: SHORT_MS })
})
afterEach(async () => {
  await Promise.all([apns.drain(), hasty.drain()])
  simulator.faults.clear()
  simulator.log.clear()
})
afterAll(() => simulator.close())

const attempts = (): number => simulator.log.exchanges({ provider: 'apns' }).length
const acceptance = { kind: 'accepted', providerMessageId: expect.stringMatching(/^[0-9a-f-]{36}$/) }
const retry = (reason: RegExp) =>
  expect.objectContaining({ kind: 'retry', reason: expect.stringMatching(reason) })
const misconfiguration = (reason: RegExp) => ({
  kind: 'misconfigured',
  reason: expect.stringMatching(reason),
})
const reason = (text: string, more: object = {}): FaultEffect => ({
  kind: 'reason',
  reason: text,
  ...more,
})

describe('the responses of APNs', () => {
  test('an accepted push is identified by its delivery id, on the wire and in the result', async () => {
    const message = aPushTo(simulator, 'apns')
    const result = await apns.send(message)
    expect(result).toEqual(acceptance)
    expect(simulator.log.acceptedPushes()).toMatchObject([
      {
        id: 'providerMessageId' in result ? result.providerMessageId : '',
        token: message.address.token,
        collapseId: message.challengeId,
        pushType: 'alert',
        priority: 10,
        payload: { cid: message.challengeId },
      },
    ])
  })

  const rows: readonly [string, FaultEffect, unknown, number][] = [
    [
      '410 Unregistered',
      reason('Unregistered', { timestamp: GONE_AT }),
      { kind: 'token_gone', reason: '410 Unregistered', since: new Date(GONE_AT) },
      1,
    ],
    [
      '410 ExpiredToken',
      reason('ExpiredToken', { timestamp: GONE_AT }),
      { kind: 'token_gone', reason: '410 ExpiredToken', since: new Date(GONE_AT) },
      1,
    ],
    [
      '400 BadDeviceToken before anything was accepted',
      reason('BadDeviceToken'),
      { kind: 'rejected', reason: '400 BadDeviceToken' },
      1,
    ],
    [
      '400 DeviceTokenNotForTopic',
      reason('DeviceTokenNotForTopic'),
      { kind: 'rejected', reason: '400 DeviceTokenNotForTopic' },
      1,
    ],
    [
      '400 BadCollapseId',
      reason('BadCollapseId'),
      { kind: 'rejected', reason: '400 BadCollapseId' },
      1,
    ],
    [
      '400 InvalidPushType',
      reason('InvalidPushType'),
      { kind: 'rejected', reason: '400 InvalidPushType' },
      1,
    ],
    ['400 IdleTimeout', reason('IdleTimeout'), retry(/IdleTimeout/), 1],
    [
      '400 with a reason that does not exist yet',
      reason('BrandNew'),
      { kind: 'rejected', reason: '400 BrandNew' },
      1,
    ],
    ['404 BadPath', reason('BadPath'), { kind: 'rejected', reason: '404 BadPath' }, 1],
    [
      '413 PayloadTooLarge',
      reason('PayloadTooLarge'),
      { kind: 'rejected', reason: '413 PayloadTooLarge' },
      1,
    ],
    ['400 BadTopic', reason('BadTopic'), misconfiguration(/BadTopic.*bundle id/), 1],
    [
      '400 TopicDisallowed',
      reason('TopicDisallowed'),
      misconfiguration(/TopicDisallowed.*bundle id/),
      1,
    ],
    [
      '403 InvalidProviderToken',
      reason('InvalidProviderToken'),
      misconfiguration(/InvalidProviderToken.*key id.*team id/),
      1,
    ],
    [
      '403 BadEnvironmentKeyIdInToken',
      reason('BadEnvironmentKeyIdInToken'),
      misconfiguration(/environment/),
      1,
    ],
    [
      '403 BadEnvironmentKeyInToken, as it is spelled on the wire',
      reason('BadEnvironmentKeyInToken'),
      misconfiguration(/environment/),
      1,
    ],
    [
      '403 UnrelatedKeyIdInToken',
      reason('UnrelatedKeyIdInToken'),
      misconfiguration(/UnrelatedKeyIdInToken/),
      1,
    ],
    ['403 Forbidden', reason('Forbidden'), misconfiguration(/403 Forbidden/), 1],
    [
      '403 with a reason that does not exist yet',
      reason('BrandNew', { status: 403 }),
      misconfiguration(/403 BrandNew/),
      1,
    ],
    [
      '429 TooManyRequests',
      reason('TooManyRequests', { retryAfterSeconds: 1 }),
      retry(/429 TooManyRequests/),
      1,
    ],
    ['429 TooManyProviderTokenUpdates', reason('TooManyProviderTokenUpdates'), retry(/429/), 1],
    ['500 InternalServerError', reason('InternalServerError'), retry(/^500/), 1],
    [
      '503 ServiceUnavailable',
      reason('ServiceUnavailable', { retryAfterSeconds: 1 }),
      retry(/^503 ServiceUnavailable/),
      1,
    ],
    ['503 Shutdown', reason('Shutdown'), retry(/^503 Shutdown/), 1],
    ['503 with an empty body', { kind: 'empty_body', status: 503 }, retry(/no reply/), 1],
    ['a page of HTML with 502', { kind: 'garbage' }, retry(/no reply/), 1],
    ['REFUSED_STREAM', { kind: 'reset', code: 7 }, retry(/REFUSED_STREAM/), 1],
    [
      'INTERNAL_ERROR after the push was taken',
      { kind: 'reset', processed: true },
      retry(/INTERNAL_ERROR/),
      1,
    ],
    ['the connection breaking', { kind: 'close_socket' }, retry(/no reply/), 1],
    ['a stall', { kind: 'stall' }, retry(/timeout/), 1],
    [
      'GOAWAY in one frame',
      { kind: 'goaway', phases: 1 },
      expect.objectContaining({ kind: expect.stringMatching(/^(accepted|retry)$/) }),
      1,
    ],
    [
      'GOAWAY in two frames',
      { kind: 'goaway', phases: 2 },
      expect.objectContaining({ kind: expect.stringMatching(/^(accepted|retry)$/) }),
      1,
    ],
    ['a connection that is refused', { kind: 'refuse_connection' }, retry(/no reply/), 0],
    ['a connection whose TLS stays silent', { kind: 'silent_connection' }, retry(/timeout/), 0],
  ]

  test.each(rows)('%s', async (_name, fault, result, wireAttempts) => {
    const ends = fault.kind === 'stall' || fault.kind === 'silent_connection'
    const provider = ends ? hasty : apns
    simulator.faults.add({ provider: 'apns', ...fault })
    expect(await provider.send(aPushTo(simulator, 'apns'))).toEqual(result)
    expect(attempts()).toBe(wireAttempts)
    // A silent connection is given up with the second unanswered push.
    if (fault.kind === 'silent_connection') await provider.send(aPushTo(simulator, 'apns'))
    expect(await provider.send(aPushTo(simulator, 'apns'))).toEqual(acceptance)
  })

  test('BadDeviceToken marks a token dead once APNs has accepted another: then the environment is right', async () => {
    await apns.send(aPushTo(simulator, 'apns'))
    const result = await apns.send(aPush())
    expect(result).toEqual({ kind: 'token_gone', reason: '400 BadDeviceToken' })
  })

  test('no token is marked dead when every token of the installation is for the other environment', async () => {
    const sandbox = apnsFor(simulator, { environment: 'sandbox' })
    const messages = [1, 2, 3].map(() => aPushTo(simulator, 'apns'))
    const results = await Promise.all(messages.map((message) => sandbox.send(message)))
    expect(results.map(({ kind }) => kind)).toEqual(['rejected', 'rejected', 'rejected'])
    await sandbox.drain()
  })

  test('a wrong key is reported as such, with a hint what to check', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const otherServer = apnsFor(simulator, {
      key: { pem, keyId: 'AAAAAAAAAA', teamId: 'BBBBBBBBBB' },
    })
    const result = await otherServer.send(aPushTo(simulator, 'apns'))
    expect(result).toEqual(misconfiguration(/InvalidProviderToken.*check the key/))
    await otherServer.drain()
  })

  test('a server that is not Apple gets nothing', async () => {
    const { caPem } = await createTlsCredentials()
    const wary = apnsFor(simulator, { ca: [caPem] })
    expect(await wary.send(aPushTo(simulator, 'apns'))).toEqual(retry(/no reply/))
    expect(attempts()).toBe(0)
    await wary.drain()
  })
})

describe('never put on the wire', () => {
  test.each(['', 'xyz', 'abc', '../../3/device/ab', 'ab'.repeat(101), 'ab cd'])(
    'a device token like %j',
    async (token) => {
      const result = await apns.send(aPush({ address: { token } }))
      expect(result).toEqual({ kind: 'rejected', reason: expect.stringMatching(/hexadecimal/) })
      expect(attempts()).toBe(0)
    },
  )

  test('a push for a challenge that has expired', async () => {
    const message = aPushTo(simulator, 'apns', { expiresAt: new Date(Date.now() - 1) })
    expect(await apns.send(message)).toEqual({ kind: 'rejected', reason: expect.any(String) })
    expect(attempts()).toBe(0)
  })

  test('a push whose slot comes after its deadline', async () => {
    const narrow = apnsFor(simulator, { deadlineMs: SHORT_MS, maxInFlight: 1 })
    simulator.faults.add({ provider: 'apns', kind: 'stall' })
    const results = await Promise.all([1, 2].map(() => narrow.send(aPushTo(simulator, 'apns'))))
    expect(results).toEqual([retry(/no answer/), retry(/no free place/)])
    expect(attempts()).toBe(1)
    await until('the slot is free', async () => {
      const { kind } = await narrow.send(aPushTo(simulator, 'apns'))
      return kind === 'accepted'
    })
    await narrow.drain()
  })
})

describe('provider tokens', () => {
  /** Sets the service's clock `minutes` back while the provider token is signed. */
  async function withEarlierClock<T>(minutes: number, work: () => T): Promise<T> {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - minutes * 60_000 })
    try {
      const result = work()
      await new Promise((resolve) => setImmediate(resolve))
      return result
    } finally {
      vi.useRealTimers()
    }
  }

  test('one that Apple finds too old is replaced and the push sent again immediately', async () => {
    const ahead = await startSimulator({ clock: () => Date.now() + 10 * 60_000 })
    const provider = await withEarlierClock(52, () => apnsFor(ahead))
    const message = aPushTo(ahead, 'apns', { expiresAt: new Date(Date.now() + 3_600_000) })
    expect(await provider.send(message)).toEqual(acceptance)
    expect(ahead.log.exchanges().map((exchange) => exchange.reason)).toEqual([
      'ExpiredProviderToken',
      undefined,
    ])
    await provider.drain()
    await ahead.close()
  })

  test('when even a fresh one is too old, the clock is named as the cause, after two attempts', async () => {
    const ahead = await startSimulator({ clock: () => Date.now() + 61 * 60_000 })
    const provider = apnsFor(ahead)
    expect(await provider.send(aPushTo(ahead, 'apns'))).toEqual(misconfiguration(/clock/))
    expect(ahead.log.exchanges()).toHaveLength(2)
    await provider.drain()
    await ahead.close()
  })

  test('all pushes and connections use one provider token', async () => {
    const tokens = new Set<unknown>()
    const remember = ({ headers }: FaultRequest): boolean => {
      tokens.add(headers.authorization)
      return true
    }
    simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 0, match: remember })
    await apns.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'close_socket', match: remember })
    expect((await apns.send(aPushTo(simulator, 'apns'))).kind).toBe('retry')
    simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 0, match: remember })
    expect((await apns.send(aPushTo(simulator, 'apns'))).kind).toBe('accepted')
    expect(tokens.size).toBe(1)
  })

  test.each([
    ['that is not PEM', 'nonsense'],
    ['on another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['for RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ])('a key %s is refused at the start, with a hint where to get the right one', (_name, key) => {
    const pem = typeof key === 'string' ? key : key.export({ type: 'pkcs8', format: 'pem' })
    const ids = { keyId: 'AAAAAAAAAA', teamId: 'BBBBBBBBBB' }
    expect(() => apnsFor(simulator, { key: { pem: pem.toString(), ...ids } })).toThrow(/\.p8/)
  })
})

describe('connections', () => {
  const many = (count: number) => Array.from({ length: count }, () => aPushTo(simulator, 'apns'))
  const kinds = (results: readonly (PushResult | undefined)[]) =>
    new Set(results.map((result) => result?.kind))

  test('500 pushes on a cold connection are all accepted, on one connection, which draining closes', async () => {
    const own = await startSimulator()
    const patient = apnsFor(own)
    const messages = Array.from({ length: 500 }, () => aPushTo(own, 'apns'))
    const results = await Promise.all(messages.map((message) => patient.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    expect(own.log.exchanges()).toHaveLength(500)
    expect(own.apnsConnections()).toBe(1)
    await patient.drain()
    await until('the connection is closed', () => own.apnsConnections() === 0)
    await own.close()
  })

  test('a burst of thousands does not break the session, even with the operator’s larger limit', async () => {
    const wide = apnsFor(simulator, { deadlineMs: 20_000, maxInFlight: 10_000 })
    const message = aPushTo(simulator, 'apns')
    const results = await Promise.all(Array.from({ length: 6_000 }, () => wide.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    await wide.drain()
  })

  test('a peer that died behind an open connection costs two pushes, and the third is delivered', async () => {
    await hasty.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'stall_connection' })
    for (const message of many(2)) expect(await hasty.send(message)).toEqual(retry(/timeout/))
    expect(await hasty.send(aPushTo(simulator, 'apns'))).toEqual(acceptance)
    expect(log.output()).toContain('fallen silent')
  })

  test('single pushes that stall do not cost the connection that answers all others', async () => {
    await hasty.send(aPushTo(simulator, 'apns'))
    const [stalledPush, also, fine] = many(3)
    if (!stalledPush || !also || !fine) throw new Error('unreachable')
    for (const { address } of [stalledPush, also]) {
      simulator.faults.add({ provider: 'apns', kind: 'stall', token: address.token })
    }
    const results = Promise.all([hasty.send(stalledPush), hasty.send(also)])
    await until('both are on the wire', () => simulator.log.exchanges({ status: 0 }).length === 2)
    expect(await hasty.send(fine)).toEqual(acceptance)
    expect(kinds(await results)).toEqual(new Set(['retry']))
    expect(log.output()).not.toContain('fallen silent')
  })

  test('pushes that a dead peer lost together cost one new connection, and are delivered on it', async () => {
    await hasty.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'stall_connection' })
    const results = await Promise.all(
      many(50).map(async (message) => [await hasty.send(message), await hasty.send(message)]),
    )
    expect(kinds(results.map(([first]) => first))).toEqual(new Set(['retry']))
    // One push may go out between the first sign of death and the second.
    const again = results.filter(([, second]) => second?.kind !== 'accepted')
    expect(again.length).toBeLessThanOrEqual(1)
    expect(log.lines.filter(({ message }) => message.includes('fallen silent'))).toHaveLength(1)
  })

  test('pushes with hardly any time left do not cost the connection', async () => {
    await apns.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'stall', times: 'always' })
    const expiresAt = new Date(Date.now() + 100)
    const brief = many(3).map((message) => apns.send({ ...message, expiresAt }))
    expect(kinds(await Promise.all(brief))).toEqual(new Set(['retry']))
    expect(log.output()).not.toContain('fallen silent')
  })

  test('no more than 500 are on the wire at a time', async () => {
    let arrivals = 0
    let most = 0
    const count = (): boolean => {
      arrivals += 1
      most = Math.max(most, arrivals - attempts())
      return true
    }
    const slow = { kind: 'delay', ms: 600, times: 'always', match: count } as const
    simulator.faults.add({ provider: 'apns', ...slow })
    const results = await Promise.all(many(600).map((message) => apns.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    expect(most).toBeLessThanOrEqual(500)
  })

  test('a two-phase GOAWAY with 100 pushes in flight loses none: refused ones are sent again', async () => {
    const own = await startSimulator()
    const provider = apnsFor(own)
    await provider.send(aPushTo(own, 'apns'))
    own.log.clear()
    const delay = own.faults.add({ provider: 'apns', kind: 'delay', ms: 150, times: 100 })
    const messages = Array.from({ length: 100 }, () => aPushTo(own, 'apns'))
    const sending = messages.map((message) => provider.send(message))
    await until('100 are in flight', () => delay.remaining() === 0)
    own.goaway(2)
    const results = await Promise.all(sending)
    expect([...kinds(results)].every((kind) => kind === 'accepted' || kind === 'retry')).toBe(true)

    const unclear = messages.filter((_message, at) => results[at]?.kind === 'retry')
    const again = await Promise.all(unclear.map((message) => provider.send(message)))
    expect(again.every(({ kind }) => kind === 'accepted')).toBe(true)
    expect(new Set(own.log.acceptedPushes().map(({ id }) => id)).size).toBe(100)
    await provider.drain()
    await own.close()
  })

  test('a push sent again after an unclear outcome has the same apns-id and collapse id', async () => {
    const message = aPushTo(simulator, 'apns')
    simulator.faults.add({ provider: 'apns', kind: 'reset', processed: true })
    expect((await apns.send(message)).kind).toBe('retry')
    expect((await apns.send(message)).kind).toBe('accepted')
    const [first, second] = simulator.log.acceptedPushes(message.address.token)
    expect([first?.id, first?.collapseId]).toEqual([second?.id, second?.collapseId])
  })

  test('a stalled push is answered when its challenge expires, long before the deadline', async () => {
    const patient = apnsFor(simulator, { deadlineMs: 600_000 })
    simulator.faults.add({ provider: 'apns', kind: 'stall' })
    const message = aPushTo(simulator, 'apns', { expiresAt: new Date(Date.now() + SHORT_MS) })
    expect(await patient.send(message)).toEqual(retry(/timeout/))
    await patient.drain()
  })

  test('a peer that sends GOAWAY and then never closes its end costs no socket', async () => {
    const tls = await createTlsCredentials()
    const server = createSecureServer({ key: tls.keyPem, cert: tls.certificatePem })
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 }, { endStream: true })
      stream.session?.goaway()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const own = apnsFor(simulator, { address: { host: '127.0.0.1', port }, ca: [tls.caPem] })
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

    const before = sockets()
    for (let connection = 1; connection <= 3; connection += 1) {
      await until('it was accepted', async () => (await own.send(aPush())).kind === 'accepted')
    }
    await until("only the server's ends are left", () => sockets() <= before + 3)
    await own.drain()
    server.close()
  })

  test('draining loses no push in flight and refuses later ones', async () => {
    await apns.send(aPushTo(simulator, 'apns'))
    const delay = simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 100, times: 50 })
    const sending = many(50).map((message) => apns.send(message))
    await until('50 are in flight', () => delay.remaining() === 0)
    await apns.drain()
    expect(kinds(await Promise.all(sending))).toEqual(new Set(['accepted']))
    expect(await apns.send(aPushTo(simulator, 'apns'))).toEqual(retry(/shutting down/))
  })
})

describe('the log', () => {
  test('each outcome is one line that names the push and its result, without any token', async () => {
    const effects: FaultEffect[] = [
      { kind: 'delay', ms: 0 },
      reason('InvalidProviderToken'),
      reason('Unregistered'),
      { kind: 'garbage' },
      { kind: 'close_socket' },
    ]
    const messages = effects.map(() => aPushTo(simulator, 'apns'))
    for (const [at, effect] of effects.entries()) {
      simulator.faults.add({ provider: 'apns', ...effect })
      await apns.send(messages[at] ?? aPush())
    }
    expect(log.lines.map(({ level }) => level)).toEqual(['info', 'error', 'info', 'warn', 'warn'])
    const output = log.output()
    for (const { deliveryId, address } of messages) {
      expect(output).toContain(deliveryId)
      expect(output).not.toContain(address.token)
    }
    expect(output).not.toMatch(/bearer|eyJ|PRIVATE KEY/i)
  })
})

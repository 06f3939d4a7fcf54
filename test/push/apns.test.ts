import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, vi } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import type { FaultEffect, FaultRequest } from '../../simulator/faults.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import { acceptance, misconfiguration, reason, retry, SHORT_MS, test } from './apns-fixture.ts'
import { aPush, aPushTo, apnsFor } from './push-gateway.ts'

const GONE_AT = Date.parse('2026-10-01T12:00:00Z')

describe('the responses of APNs', () => {
  test('an accepted push is identified by its delivery id, on the wire and in the result', async ({
    simulator,
    apns,
  }) => {
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

  test.for(rows)(
    '%s',
    async ([_name, fault, result, wireAttempts], { hasty, apns, simulator, attempts }) => {
      const ends = fault.kind === 'stall' || fault.kind === 'silent_connection'
      const provider = ends ? hasty : apns
      simulator.faults.add({ provider: 'apns', ...fault })
      expect(await provider.send(aPushTo(simulator, 'apns'))).toEqual(result)
      expect(attempts()).toBe(wireAttempts)
      // A silent connection is given up with the second unanswered push.
      if (fault.kind === 'silent_connection') await provider.send(aPushTo(simulator, 'apns'))
      expect(await provider.send(aPushTo(simulator, 'apns'))).toEqual(acceptance)
    },
  )

  test('BadDeviceToken marks a token dead once APNs has accepted another: then the environment is right', async ({
    apns,
    simulator,
  }) => {
    await apns.send(aPushTo(simulator, 'apns'))
    const result = await apns.send(aPush())
    expect(result).toEqual({ kind: 'token_gone', reason: '400 BadDeviceToken' })
  })

  test('no token is marked dead when every token of the installation is for the other environment', async ({
    simulator,
  }) => {
    const sandbox = apnsFor(simulator, { environment: 'sandbox' })
    const messages = [1, 2, 3].map(() => aPushTo(simulator, 'apns'))
    const results = await Promise.all(messages.map((message) => sandbox.send(message)))
    expect(results.map(({ kind }) => kind)).toEqual(['rejected', 'rejected', 'rejected'])
    await sandbox.drain()
  })

  test('a wrong key is reported as such, with a hint what to check', async ({ simulator }) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const otherServer = apnsFor(simulator, {
      key: { pem, keyId: 'AAAAAAAAAA', teamId: 'BBBBBBBBBB' },
    })
    const result = await otherServer.send(aPushTo(simulator, 'apns'))
    expect(result).toEqual(misconfiguration(/InvalidProviderToken.*check the key/))
    await otherServer.drain()
  })

  test('a server that is not Apple gets nothing', async ({ simulator, attempts }) => {
    const { caPem } = await createTlsCredentials()
    const wary = apnsFor(simulator, { ca: [caPem] })
    expect(await wary.send(aPushTo(simulator, 'apns'))).toEqual(retry(/no reply/))
    expect(attempts()).toBe(0)
    await wary.drain()
  })
})

describe('never put on the wire', () => {
  test.for(['', 'xyz', 'abc', '../../3/device/ab', 'ab'.repeat(101), 'ab cd'])(
    'a device token like %j',
    async (token, { apns, attempts }) => {
      const result = await apns.send(aPush({ address: { token } }))
      expect(result).toEqual({ kind: 'rejected', reason: expect.stringMatching(/hexadecimal/) })
      expect(attempts()).toBe(0)
    },
  )

  test('a push for a challenge that has expired', async ({ simulator, apns, attempts }) => {
    const message = aPushTo(simulator, 'apns', { expiresAt: new Date(Date.now() - 1) })
    expect(await apns.send(message)).toEqual({ kind: 'rejected', reason: expect.any(String) })
    expect(attempts()).toBe(0)
  })

  test('a push whose slot comes after its deadline', async ({ simulator, attempts }) => {
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

  test('all pushes and connections use one provider token', async ({ simulator, apns }) => {
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

  test.for<readonly [string, string | KeyObject]>([
    ['that is not PEM', 'nonsense'],
    ['on another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['for RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ])(
    'a key %s is refused at the start, with a hint where to get the right one',
    ([_name, key], { simulator }) => {
      const pem = typeof key === 'string' ? key : key.export({ type: 'pkcs8', format: 'pem' })
      const ids = { keyId: 'AAAAAAAAAA', teamId: 'BBBBBBBBBB' }
      expect(() => apnsFor(simulator, { key: { pem: pem.toString(), ...ids } })).toThrow(/\.p8/)
    },
  )
})

describe('the log', () => {
  test('each outcome is one line that names the push and its result, without any token', async ({
    simulator,
    apns,
    log,
  }) => {
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

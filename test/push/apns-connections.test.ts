import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, expect } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import type { PushResult } from '../../src/push/push.store.ts'
import { until } from '../support/until.ts'
import { acceptance, test as apnsTest, retry, SHORT_MS } from './apns-fixture.ts'
import { aPush, aPushTo, apnsFor } from './push-gateway.ts'

const test = apnsTest.extend(
  'many',
  ({ simulator }) =>
    (count: number) =>
      Array.from({ length: count }, () => aPushTo(simulator, 'apns')),
)
const kinds = (results: readonly (PushResult | undefined)[]) =>
  new Set(results.map((result) => result?.kind))

describe('connections', () => {
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

  test('a burst of thousands does not break the session, even with the operator’s larger limit', async ({
    simulator,
  }) => {
    const wide = apnsFor(simulator, { deadlineMs: 20_000, maxInFlight: 10_000 })
    const message = aPushTo(simulator, 'apns')
    const results = await Promise.all(Array.from({ length: 6_000 }, () => wide.send(message)))
    expect(kinds(results)).toEqual(new Set(['accepted']))
    await wide.drain()
  })

  test('a peer that died behind an open connection costs two pushes, and the third is delivered', async ({
    hasty,
    simulator,
    many,
    log,
  }) => {
    await hasty.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'stall_connection' })
    for (const message of many(2)) expect(await hasty.send(message)).toEqual(retry(/timeout/))
    expect(await hasty.send(aPushTo(simulator, 'apns'))).toEqual(acceptance)
    expect(log.output()).toContain('fallen silent')
  })

  test('single pushes that stall do not cost the connection that answers all others', async ({
    hasty,
    simulator,
    many,
    log,
  }) => {
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

  test('pushes that a dead peer lost together cost one new connection, and are delivered on it', async ({
    hasty,
    simulator,
    many,
    log,
  }) => {
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

  test('pushes with hardly any time left do not cost the connection', async ({
    apns,
    simulator,
    many,
    log,
  }) => {
    await apns.send(aPushTo(simulator, 'apns'))
    simulator.faults.add({ provider: 'apns', kind: 'stall', times: 'always' })
    const expiresAt = new Date(Date.now() + 100)
    const brief = many(3).map((message) => apns.send({ ...message, expiresAt }))
    expect(kinds(await Promise.all(brief))).toEqual(new Set(['retry']))
    expect(log.output()).not.toContain('fallen silent')
  })

  test('no more than 500 are on the wire at a time', async ({
    attempts,
    simulator,
    many,
    apns,
  }) => {
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

  test('a push sent again after an unclear outcome has the same apns-id and collapse id', async ({
    simulator,
    apns,
  }) => {
    const message = aPushTo(simulator, 'apns')
    simulator.faults.add({ provider: 'apns', kind: 'reset', processed: true })
    expect((await apns.send(message)).kind).toBe('retry')
    expect((await apns.send(message)).kind).toBe('accepted')
    const [first, second] = simulator.log.acceptedPushes(message.address.token)
    expect([first?.id, first?.collapseId]).toEqual([second?.id, second?.collapseId])
  })

  test('a stalled push is answered when its challenge expires, long before the deadline', async ({
    simulator,
  }) => {
    const patient = apnsFor(simulator, { deadlineMs: 600_000 })
    simulator.faults.add({ provider: 'apns', kind: 'stall' })
    const message = aPushTo(simulator, 'apns', { expiresAt: new Date(Date.now() + SHORT_MS) })
    expect(await patient.send(message)).toEqual(retry(/timeout/))
    await patient.drain()
  })

  test('a peer that sends GOAWAY and then never closes its end costs no socket', async ({
    simulator,
  }) => {
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

  test('draining loses no push in flight and refuses later ones', async ({
    apns,
    simulator,
    many,
  }) => {
    await apns.send(aPushTo(simulator, 'apns'))
    const delay = simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 100, times: 50 })
    const sending = many(50).map((message) => apns.send(message))
    await until('50 are in flight', () => delay.remaining() === 0)
    await apns.drain()
    expect(kinds(await Promise.all(sending))).toEqual(new Set(['accepted']))
    expect(await apns.send(aPushTo(simulator, 'apns'))).toEqual(retry(/shutting down/))
  })
})

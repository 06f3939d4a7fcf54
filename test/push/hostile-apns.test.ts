import { createSecureServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { type ApnsOptions, buildApnsProvider } from '../../src/push/apns/apns.ts'
import type { PushProvider } from '../../src/push/push.store.ts'
import { pour, startHostileServer } from '../support/hostile-server.ts'
import { until } from '../support/until.ts'
import { APP_ID, aPush, recordingLog } from './push-gateway.ts'

// Any wait for it fails by the test's own limit.
const foreverMs = 600_000
const good = 'aa'.repeat(32)
const bad = 'bb'.repeat(32)

let key: ApnsOptions['key']
const open: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  await import('@parse/node-apn')
  const simulator = await startSimulator()
  await simulator.close()
  const { keyPem, keyId, teamId } = simulator.credentials.apns
  key = { pem: keyPem, keyId, teamId }
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

function providerFor(
  address: { readonly host: string; readonly port: number },
  caPem: string,
  deadlineMs = foreverMs,
): PushProvider {
  const provider = buildApnsProvider({
    key,
    bundleId: APP_ID,
    environment: 'production',
    address,
    ca: [caPem],
    deadlineMs,
    clock: systemClock,
    log: recordingLog(),
  })
  open.push(() => provider.drain())
  return provider
}

const to = (token: string) =>
  aPush({ address: { token }, expiresAt: new Date(Date.now() + foreverMs) })

/** Answers all tokens but `bad` as Apple does, and that one as `harm` says. */
async function startPushService(harm: (stream: ServerHttp2Stream) => void) {
  const { keyPem, certificatePem, caPem } = await createTlsCredentials()
  const sessions = new Set<Http2Session>()
  const endedStreams: ServerHttp2Stream[] = []
  let sessionCount = 0
  const server = createSecureServer({ key: keyPem, cert: certificatePem })
  server.on('session', (session) => {
    sessionCount += 1
    sessions.add(session)
    session.on('error', () => undefined)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    if (!headers[':path']?.includes(bad))
      return stream.respond({ ':status': 200 }, { endStream: true })
    stream.once('close', () => endedStreams.push(stream))
    harm(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    address: { host: '127.0.0.1', port },
    caPem,
    endedStreams,
    sessionCount: () => sessionCount,
    sessions,
  }
}

const block = Buffer.alloc(16_384, 'x')

function pourBody(stream: ServerHttp2Stream): void {
  let byteCount = 0
  const more = (): void => {
    if (stream.destroyed || byteCount > 48 * 1024 * 1024) return
    byteCount += block.length
    stream.write(block, () => setImmediate(more))
  }
  more()
}

const harms: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  'a body without end': (stream) => {
    stream.respond({ ':status': 200 })
    pourBody(stream)
  },
  'a refusal without end': (stream) => {
    stream.respond({ ':status': 400 })
    pourBody(stream)
  },
  'interim answers without end': (stream) => {
    let headerCount = 0
    const more = (): void => {
      for (let n = 0; n < 100 && !stream.destroyed; n += 1)
        stream.additionalHeaders({ ':status': 103 })
      headerCount += 100
      if (!stream.destroyed && headerCount < 100_000) setImmediate(more)
    }
    more()
  },
}

describe('one bad answer among good ones', () => {
  test.each(Object.keys(harms))('%s ends its own stream and no other', async (name) => {
    const service = await startPushService(harms[name] ?? (() => undefined))
    const apns = providerFor(service.address, service.caPem)
    const results = await Promise.all([good, good, bad, good].map((token) => apns.send(to(token))))
    expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'retry', 'accepted'])
    await until('its stream is ended', () => service.endedStreams.length === 1)
    expect((await apns.send(to(good))).kind).toBe('accepted')
    expect(service.sessionCount()).toBe(1)
  })

  test('one that never ends is ended at the deadline, however active it is', async () => {
    const service = await startPushService((stream) => {
      stream.respond({ ':status': 200 })
      const timer = setInterval(() => stream.write('x'), 5)
      stream.once('close', () => clearInterval(timer))
    })
    const apns = providerFor(service.address, service.caPem, 500)
    expect(await apns.send(to(bad))).toMatchObject({ reason: expect.stringMatching(/timeout/) })
    await until('its stream is ended', () => service.endedStreams.length === 1)
    expect((await apns.send(to(good))).kind).toBe('accepted')
    expect(service.sessionCount()).toBe(1)
  })
})

test('frames that belong to no answer end the connection, and the next push makes another', async () => {
  // SETTINGS, then frames of an unknown kind (RFC 9113, 5.5: to be ignored).
  const settings = '\0\0\0\x04\0\0\0\0\0'
  const unknown = `\0\x40\0\xee\0\0\0\0\0${'x'.repeat(0x4000)}`
  await using server = await startHostileServer(
    (socket) => {
      socket.write(Buffer.from(settings, 'latin1'))
      pour(socket, unknown)
    },
    { tls: true, protocols: ['h2'] },
  )
  const apns = providerFor(server, server.caPem)
  for (const connection of [1, 2]) {
    expect((await apns.send(to(good))).kind).toBe('retry')
    expect(server.connectionCount()).toBe(connection)
  }
  await until('the connections are closed', () => server.open() === 0)
})

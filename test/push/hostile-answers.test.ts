import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { buildRealms } from '../../src/doors/keycloak/realms.adapter.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { buildGuardedClient, type GuardedRequest } from '../../src/platform/net/guarded-client.ts'
import { DeadlineAgent } from '../../src/push/fcm/deadline-agent.ts'
import { buildFcmProvider } from '../../src/push/fcm/fcm.ts'
import { buildAccessTokens } from '../../src/push/fcm/google-access-token.ts'
import { buildWebhookSender } from '../../src/webhooks/webhook-sender.adapter.ts'
import {
  drip,
  type HostileServer,
  hostileAnswers,
  hostileBodies,
  startHostileServer,
} from '../support/hostile-server.ts'
import { freePort } from '../support/ports.ts'
import { notRun, programOf } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { APP_ID, aPush, recordingLog } from './push-gateway.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

type Client = {
  readonly tls: boolean
  /** What one call reports as its failure, or that it succeeded. */
  call(server: HostileServer, timeoutMs: number): Promise<string>
}

const base = ({ host, port }: HostileServer) => `http://${host}:${port}`

async function theAccount() {
  const simulator = await startSimulator()
  await simulator.close()
  return simulator.credentials.fcm.serviceAccount
}

const agentFor = ({ host, port, caPem }: HostileServer) =>
  new DeadlineAgent({ address: { host, port }, ca: [caPem], maxSockets: 2 })

const keys: Client = {
  tls: false,
  async call(server, timeoutMs) {
    const request = { method: 'GET', url: `${base(server)}/certs`, timeoutMs, bytesMax: 64 * 1024 }
    return await buildGuardedClient({ guard })
      .send(request as GuardedRequest)
      .then(
        () => 'well',
        (error: Error) => error.message,
      )
  },
}

const callback: Client = {
  tls: false,
  async call(server, timeoutMs) {
    const realms = buildRealms({ guard, ca: [], timeoutMs, clock: systemClock })
    const result = await realms.callBack(base(server), 'token', 'SUCCEED')
    return result.kind === 'failed' ? result.reason : 'well'
  },
}

const webhook: Client = {
  tls: false,
  async call(server, timeoutMs) {
    const sender = buildWebhookSender({ guard, timeoutMs })
    const url = `${base(server)}/events`
    const outcome = await sender.send({
      url,
      id: 'evt_1',
      at: new Date(),
      body: '{}',
      secrets: [secret],
    })
    // A connection kept for another request does not count as open.
    await until('the connection is given up', () => server.open() === 0)
    sender.close()
    return outcome.kind === 'accepted' ? 'well' : outcome.reason
  },
}

const accessToken: Client = {
  tls: true,
  async call(server, deadlineMs) {
    const agent = agentFor(server)
    const serviceAccount = await theAccount()
    const access = await buildAccessTokens({
      serviceAccount,
      agent,
      deadlineMs,
      clock: systemClock,
    }).current()
    await until('the connection is given up', () => server.open() === 0)
    agent.destroy()
    return access.kind === 'token' ? 'well' : access.reason
  },
}

/** The access token comes from a good server: the SDK is under test. */
const push: Client = {
  tls: true,
  async call(server, deadlineMs) {
    const { initializeApp, deleteApp } = await import('firebase-admin/app')
    const { getMessaging } = await import('firebase-admin/messaging')
    const agent = agentFor(server)
    const name = randomUUID()
    const credential = { getAccessToken: async () => ({ access_token: 'a', expires_in: 60 }) }
    const app = initializeApp({ projectId: 'p', credential, httpAgent: agent }, name)
    const deadline = { at: performance.now() + deadlineMs }
    const outcome = await agent
      .within(deadline, async () => await getMessaging(app).send({ token: 't' }))
      .then(
        () => 'well',
        (error: { cause?: { code?: string } }) => String(error.cause?.code),
      )
    await until('the connection is given up', () => server.open() === 0)
    await deleteApp(app)
    agent.destroy()
    return outcome
  },
}

const clients = { keys, callback, webhook, accessToken, push }
/** So long that any wait for it fails by the test's own limit. */
const foreverMs = 600_000

let server: HostileServer | undefined
afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

describe.each(Object.entries(clients))('%s', (_, client) => {
  test.each(Object.keys(hostileAnswers))('an answer of %s ends the request', async (name) => {
    server = await startHostileServer(hostileAnswers[name] ?? (() => undefined), client)
    expect(await client.call(server, foreverMs)).not.toBe('well')
    await until('the connection is closed', () => server?.open() === 0)
  })

  test('an answer that comes in single bytes ends at the deadline', async () => {
    server = await startHostileServer((socket) => drip(socket, 'H'), client)
    expect(await client.call(server, 300)).not.toBe('well')
    await until('the connection is closed', () => server?.open() === 0)
  })
})

describe.each(Object.entries({ keys, accessToken, push }))(
  '%s, which reads the body',
  (_, client) => {
    test.each(Object.keys(hostileBodies))('%s ends the request', async (name) => {
      server = await startHostileServer(hostileBodies[name] ?? (() => undefined), client)
      expect(await client.call(server, foreverMs)).not.toBe('well')
      await until('the connection is closed', () => server?.open() === 0)
    })

    test('a body that comes in single bytes ends at the deadline', async () => {
      server = await startHostileServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
        drip(socket, '1\r\nx\r\n')
      }, client)
      expect(await client.call(server, 300)).not.toBe('well')
      await until('the connection is closed', () => server?.open() === 0)
    })
  },
)

describe.each(Object.entries({ callback, webhook }))(
  '%s, which needs only the status',
  (_, client) => {
    test.each(Object.keys(hostileBodies).filter((name) => name !== 'a compressed body'))(
      '%s delays no request and is given up',
      async (name) => {
        server = await startHostileServer(hostileBodies[name] ?? (() => undefined), client)
        expect(await client.call(server, foreverMs)).toBe('well')
        await until('the connection is closed', () => server?.open() === 0)
      },
    )

    test('a body that comes in single bytes delays no request and is given up', async () => {
      server = await startHostileServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
        drip(socket, '1\r\nx\r\n')
      }, client)
      expect(await client.call(server, foreverMs)).toBe('well')
      await until('the connection is closed', () => server?.open() === 0)
    })
  },
)

test('a push service whose answer is out of bounds may be retried', async () => {
  server = await startHostileServer(hostileBodies['a body without end'] ?? (() => undefined), {
    tls: true,
  })
  const { host, port, caPem } = server
  const fcm = buildFcmProvider({
    serviceAccount: await theAccount(),
    appId: APP_ID,
    address: { host, port },
    ca: [caPem],
    clock: systemClock,
    log: recordingLog(),
  })
  const message = aPush({ address: { provider: 'fcm', token: 't' } })
  expect((await fcm.send(message)).kind).toBe('retry')
  await fcm.drain()
})

const openssl = programOf('openssl')

/** OpenSSL's own server, which renegotiates the handshake on command; Node's cannot. */
async function startRenegotiator() {
  const { keyPem, certificatePem, caPem } = await createTlsCredentials()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-tls-'))
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  await Promise.all([writeFile(key, keyPem), writeFile(cert, certificatePem)])
  const port = await freePort()
  const words = ['s_server', '-accept', String(port), '-key', key, '-cert', cert, '-tls1_2']
  const server = spawn(openssl ?? '', words, { stdio: ['pipe', 'pipe', 'ignore'] })
  let output = ''
  server.stdout.on('data', (data) => {
    output += data
  })
  await until('it listens', () => output.includes('ACCEPT'))
  return {
    port,
    caPem,
    /** Once it has received a request. */
    isAsked: () => until('it received a request', () => output.includes('HTTP/1.1')),
    renegotiate: () => server.stdin.write('R\n'),
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL')
      await rm(folder, { recursive: true })
    },
  }
}

test.runIf(openssl)('a server that asks for another handshake ends the request', async () => {
  await using renegotiator = await startRenegotiator()
  const guard = buildEgressGuard({
    networks: ['127.0.0.0/8', '::1/128'],
    httpHosts: ['localhost'],
  })
  const url = `https://localhost:${renegotiator.port}/`
  const request = { method: 'POST', url, body: '{}', timeoutMs: foreverMs, bytesMax: 0 } as const
  const answer = buildGuardedClient({ guard, ca: [renegotiator.caPem] }).send(request)
  answer.catch(() => undefined)
  await renegotiator.isAsked()
  renegotiator.renegotiate()
  await expect(answer).rejects.toThrow()
})

if (!openssl) {
  notRun('openssl', 'openssl')
}

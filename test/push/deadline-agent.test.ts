import { once } from 'node:events'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import { DeadlineAgent } from '../../src/push/fcm/deadline-agent.ts'
import { until } from '../support/until.ts'

const HOST = 'fcm.googleapis.com'

let server: Server
let caPem: string
let agent: DeadlineAgent
let arrivedRequests: { path: string; host: string; connection: number }[]
let connections = 0
let onArrival: () => void

/**
 * When so many requests have arrived; by an event, as no time passes while the deadline's timers
 * are held.
 */
function arrivals(count: number): Promise<void> {
  return new Promise((resolve) => {
    onArrival = () => {
      if (arrivedRequests.length >= count) resolve()
    }
    onArrival()
  })
}

/**
 * Holds the timers of deadlines until `pass`, so that the test decides when a time is up, not the
 * machine's load.
 */
function holdTime(): { pass(ms: number): void } {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  return { pass: (ms) => void vi.advanceTimersByTime(ms) }
}

beforeAll(async () => {
  const tls = await createTlsCredentials()
  caPem = tls.caPem
  server = createServer({ key: tls.keyPem, cert: tls.certificatePem }, (call, reply) => {
    arrivedRequests.push({
      path: call.url ?? '',
      host: call.headers.host ?? '',
      connection: call.socket.remotePort ?? 0,
    })
    onArrival()
    if (call.url !== '/stall') reply.end('ok')
  })
  server.on('secureConnection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
beforeEach(() => {
  arrivedRequests = []
  connections = 0
  onArrival = () => undefined
  const { port } = server.address() as AddressInfo
  agent = new DeadlineAgent({ address: { host: '127.0.0.1', port }, ca: [caPem], maxSockets: 4 })
})
afterEach(() => {
  vi.useRealTimers()
  agent.destroy()
})
afterAll(() => server.close())

function get(path: string, host = HOST): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, path, agent }, (reply) => {
      reply.resume()
      reply.on('end', () => resolve('ok'))
    })
      .on('error', reject)
      .end()
  })
}

const deadline = (ms: number) => ({ at: performance.now() + ms })
const deadlineError = expect.objectContaining({ code: 'EDEADLINE' })

describe('the deadline agent', () => {
  test('a request on the wire is cut off when its time is up', async () => {
    const time = holdTime()
    const stalledRequest = agent.within(deadline(60_000), () => get('/stall'))
    await arrivals(1)
    time.pass(60_000)
    await expect(stalledRequest).rejects.toEqual(deadlineError)
    expect(arrivedRequests).toHaveLength(1)
  })

  test('a request that begins after the deadline never reaches the wire', async () => {
    const late = agent.within(deadline(-1), () => get('/late'))
    await expect(late).rejects.toEqual(deadlineError)
    expect(await get('/later')).toBe('ok')
    expect(arrivedRequests.map(({ path }) => path)).toEqual(['/later'])
  })

  test('the deadline covers requests that the work makes later and deeper', async () => {
    const limit = deadline(60_000)
    const work = agent.within(limit, async () => {
      await get('/first')
      limit.at = performance.now()
      return await get('/second')
    })
    await expect(work).rejects.toEqual(deadlineError)
    expect(arrivedRequests.map(({ path }) => path)).toEqual(['/first'])
  })

  test('the deadline of one piece of work does not affect another', async () => {
    const time = holdTime()
    const stalledRequest = agent.within(deadline(50), () => get('/stall'))
    const other = agent.within(deadline(60_000), () => get('/fine'))
    const free = get('/free')
    time.pass(50)
    await expect(stalledRequest).rejects.toEqual(deadlineError)
    expect(await Promise.all([other, free])).toEqual(['ok', 'ok'])
  })

  test('work sees each reply on the way', async () => {
    const statusCodes: (number | undefined)[] = []
    const onReply = ({ statusCode }: { statusCode?: number | undefined }): void =>
      void statusCodes.push(statusCode)
    await agent.within({ ...deadline(60_000), onReply }, async () => {
      await get('/a')
      await get('/b')
    })
    expect(statusCodes).toEqual([200, 200])
  })

  test('connections are kept and used again', async () => {
    await get('/a')
    await until('it is kept', () => Object.keys(agent.freeSockets).length === 1)
    await get('/b')
    expect(connections).toBe(1)
    expect(new Set(arrivedRequests.map(({ connection }) => connection)).size).toBe(1)
  })

  test('a connection that leads elsewhere is still verified against the requested name', async () => {
    await get('/a')
    expect(arrivedRequests.map(({ host }) => host)).toEqual([HOST])
    await expect(get('/a', 'evil.example')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  test('requests that wait for a connection when their time is up are never sent', async () => {
    const time = holdTime()
    const stalledRequests = Array.from({ length: 8 }, () =>
      agent.within(deadline(60_000), () => get('/stall')).catch((error: unknown) => error),
    )
    await arrivals(4)
    time.pass(60_000)
    expect(await Promise.all(stalledRequests)).toEqual(
      Array.from({ length: 8 }, () => deadlineError),
    )
    expect(arrivedRequests).toHaveLength(4)
  })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import { ApnsClient, rightHeaders } from './wire-clients.ts'

let simulator: Simulator
let right: Record<string, string>

beforeAll(async () => {
  simulator = await startSimulator()
  const { token } = simulator.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  right = await rightHeaders(simulator, token)
})
afterAll(() => simulator.close())

async function openWithToken(from = simulator): Promise<ApnsClient> {
  const client = new ApnsClient(from)
  await client.request(right)
  await until('the stream limit is raised', () => limitOf(client) === 1000)
  return client
}

function limitOf(client: ApnsClient): number | undefined {
  return client.session.remoteSettings.maxConcurrentStreams
}

test('only HTTP/2 is spoken', async () => {
  const { connect } = await import('node:tls')
  const { host, port } = simulator.apns
  const socket = connect({ host, port, ca: simulator.caPem, ALPNProtocols: ['http/1.1'] })
  const error = await new Promise<Error & { code?: string }>((resolve) => {
    socket.on('error', resolve)
  })
  expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
})

test('a connection has one stream until a valid provider token came, then a thousand', async () => {
  await using client = new ApnsClient(simulator)
  await client.request({ ...right, authorization: 'bearer wrong' })
  expect(limitOf(client)).toBe(1)
  const burst = await Promise.allSettled([1, 2, 3].map(() => client.request(right)))
  expect(burst.map(({ status }) => status)).toContain('fulfilled')
  await until('the stream limit is raised', () => limitOf(client) === 1000)
})

test('a burst before the gateway sent its limit is refused in part, a later one is answered in full', async () => {
  const burst = async (client: ApnsClient): Promise<number> => {
    const requests = Array.from({ length: 50 }, () => client.request(right))
    const outcomes = await Promise.allSettled(requests)
    return outcomes.filter(({ status }) => status === 'fulfilled').length
  }
  await using cold = new ApnsClient(simulator)
  expect(await burst(cold)).toBeLessThan(50)
  await using warm = await openWithToken()
  expect(await burst(warm)).toBe(50)
})

test.each([1, 2] as const)('a GOAWAY of %i phases answers what is in flight', async (phases) => {
  await using client = await openWithToken()
  simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 200, times: 10 })
  const requests = Array.from({ length: 10 }, () => client.request(right))
  await until('all are in flight', () => simulator.faults.empty)
  simulator.goaway(phases)
  const answers = await Promise.all(requests)
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
  const own = client.goaways.filter(({ text }) => text !== '')
  expect(own.map(({ text }) => text)).toEqual(Array(phases).fill('{"reason":"Shutdown"}'))
  if (phases === 2) expect(own[0]?.lastStreamId).toBe(2 ** 31 - 1)
  expect(own.at(-1)?.lastStreamId).toBeLessThan(100)
})

test('closing the gateway answers what is in flight, then refuses connections', async () => {
  const other = await startSimulator({ credentials: simulator.credentials })
  const { token } = other.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  const headers = { ...right, ':path': `/3/device/${token}` }
  await using client = await openWithToken(other)
  other.faults.add({ provider: 'apns', kind: 'delay', ms: 200 })
  const request = client.request(headers)
  await until('it is in flight', () => other.faults.empty)
  const [answer] = await Promise.all([request, other.close()])
  expect(answer.status).toBe(200)
  expect(client.goaways.filter(({ text }) => text !== '')).toHaveLength(2)
  await using late = new ApnsClient(other)
  await expect(late.request(headers)).rejects.toThrow()
})

test('closing the gateway does not wait for requests that a fault left without an answer', async () => {
  const other = await startSimulator({ credentials: simulator.credentials })
  const { token } = other.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  await using client = await openWithToken(other)
  other.faults.add({ provider: 'apns', kind: 'stall' })
  const request = client.request({ ...right, ':path': `/3/device/${token}` })
  request.catch(() => undefined)
  await until('it stalls', () => other.faults.empty)
  await other.close()
  await expect(request).rejects.toThrow()
})

test('a client of an earlier gateway is accepted by one with the same credentials', async () => {
  const next = await startSimulator({ credentials: simulator.credentials })
  const { token } = next.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  await using client = new ApnsClient(next)
  const answer = await client.request({ ...right, ':path': `/3/device/${token}` })
  expect(answer.status).toBe(200)
  await next.close()
})

test('a client that disconnects before its answer affects no other', async () => {
  await using stays = await openWithToken()
  const leaves = await openWithToken()
  simulator.faults.add({ provider: 'apns', kind: 'delay', ms: 20 })
  const request = leaves.request(right)
  request.catch(() => undefined)
  await until('it is in flight', () => simulator.faults.empty)
  const before = simulator.log.exchanges().length
  leaves.session.destroy()
  await until('the gateway finished it', () => simulator.log.exchanges().length > before)
  expect(await stays.request(right)).toMatchObject({ status: 200 })
})

test('a port in use is an error that leaves nothing behind', async () => {
  const options = { apnsPort: 0, fcmPort: simulator.fcm.port, credentials: simulator.credentials }
  await expect(startSimulator(options)).rejects.toThrow('EADDRINUSE')
})

import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { defaultServerLimits, type ServerLimits } from '../../../src/platform/http/server-limits.ts'
import { until } from '../../support/until.ts'
import { anApp, anId, aReading, bearer } from './fixtures.ts'

let app: FastifyInstance
let socket: Socket
let receivedBytes: Buffer[]
let isClosed: boolean
/** The other end of `socket`. */
let connection: Socket | undefined

afterEach(async () => {
  socket.destroy()
  await app.close()
})

async function listen(
  limits: Partial<ServerLimits>,
  useCases: Parameters<typeof anApp>[0] = {},
  options: Parameters<typeof anApp>[1] = {},
): Promise<void> {
  app = await anApp(useCases, { ...options, limits })
  await app.listen({ host: '127.0.0.1', port: 0 })
  connection = undefined
  app.server.on('connection', (serverSocket: Socket) => {
    connection = serverSocket
  })
  const address = app.server.address()
  const own = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1')
  socket = own
  receivedBytes = []
  isClosed = false
  own.on('error', () => undefined)
  own.on('close', () => {
    if (socket === own) isClosed = true
  })
}

const receive = () => socket.on('data', (bytes) => receivedBytes.push(bytes))
const text = () => Buffer.concat(receivedBytes).toString('latin1')
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
const answers = () => text().split('HTTP/1.1 200 ').length - 1

const challenge = `/v1/challenges/${anId('challenge')}`
const authorizationHeader = `Authorization: ${bearer.authorization}\r\n`

/** Calls of a relying party that end on demand. */
function heldCalls() {
  let underWay = 0
  let most = 0
  const ends: (() => void)[] = []
  return {
    most: () => most,
    underWay: () => underWay,
    end: () => ends.shift()?.(),
    readChallenge: async () => {
      most = Math.max(most, ++underWay)
      await new Promise<void>((resolve) => ends.push(resolve))
      underWay--
      return aReading()
    },
  }
}

test('of pipelined requests on one connection few run, and all are answered in order', async () => {
  const calls = heldCalls()
  await listen(
    { pipelinedUnderWayMax: 3, pipelinedWaitingMax: 30 },
    { readChallenge: calls.readChallenge },
  )
  receive()
  socket.write(get(challenge, authorizationHeader).repeat(10) + get('/health/live'))
  for (let endedCount = 0; endedCount < 10; endedCount++) {
    await until('a call is under way', () => calls.underWay() > 0)
    calls.end()
    await until('its answer', () => answers() > endedCount)
  }
  await until('the last answer', () => text().includes('{"status":"live"}'))
  expect(calls.most()).toBe(3)
})

test('a connection that sends more than may wait is closed', async () => {
  const calls = heldCalls()
  await listen(
    { pipelinedUnderWayMax: 3, pipelinedWaitingMax: 10 },
    { readChallenge: calls.readChallenge },
  )
  receive()
  socket.write(get(challenge, authorizationHeader).repeat(14))
  await until('the end of the connection', () => isClosed)
  expect(calls.most()).toBeLessThanOrEqual(3)
})

test('of 1,400 requests in one packet of a client that never reads few run', async () => {
  let servedCount = 0
  await listen({}, {}, { onRequestObserved: () => servedCount++ })
  socket.pause()
  socket.write(get('/openapi.yaml').repeat(1_400))
  await until('the end of the connection', () => connection?.destroyed)
  const others = await app.inject('/health/live')
  expect(others.statusCode).toBe(200)
  expect(servedCount).toBeLessThanOrEqual(defaultServerLimits.pipelinedUnderWayMax + 1)
})

test('a client that reads nothing of what is written is cut off', async () => {
  await listen({ unreadMs: 100 })
  socket.pause()
  socket.write(get('/docs').repeat(40))
  await until('it is full', () => (connection?.writableLength ?? 0) > 0)
  await until('it is cut off', () => connection?.destroyed)
})

test('a client that waits for its answer is not cut off', async () => {
  const calls = heldCalls()
  await listen({ unreadMs: 300 }, { readChallenge: calls.readChallenge })
  receive()
  socket.write(get(challenge, authorizationHeader))
  await until('the call is under way', () => calls.underWay() > 0)
  const quietUntil = performance.now() + 1_000
  await until('several times the limit', () => performance.now() > quietUntil)
  expect(isClosed).toBe(false)
  calls.end()
  await until('the answer', () => answers() === 1)
})

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildRealms } from '../../../src/doors/keycloak/realms.adapter.ts'
import { systemClock } from '../../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../../src/platform/net/egress-guard.ts'
import {
  buildGuardedClient,
  type GuardedClient,
  type GuardedRequest,
} from '../../../src/platform/net/guarded-client.ts'
import { startSink } from '../../support/webhook-sink.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
let server: Server
let answer: (response: ServerResponse) => void
let requestCount: number
let connectionCount: number
let client: GuardedClient | undefined
beforeEach(async () => {
  requestCount = 0
  connectionCount = 0
  server = createServer((_request, response) => {
    requestCount += 1
    answer(response)
  })
  server.on('connection', () => {
    connectionCount += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  client?.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const aRequest = (changes: Partial<GuardedRequest> = {}): GuardedRequest => {
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/`
  return { method: 'GET', url, timeoutMs: 5_000, bytesMax: 100, ...changes }
}
const clientWith = (keepAlive: boolean): GuardedClient => {
  client = buildGuardedClient({ guard, keepAlive })
  return client
}

test('a server that switches to another protocol ends the request', async () => {
  await using sink = await startSink()
  sink.answer(({ socket }) => {
    const switching = 'HTTP/1.1 101 Switching Protocols'
    socket?.write(`${switching}\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n`)
  })
  const request = {
    method: 'POST',
    url: sink.url,
    body: '{}',
    timeoutMs: 700,
    bytesMax: 10,
  } as const
  await expect(buildGuardedClient({ guard }).send(request)).rejects.toThrow('no answer')
})

test('the answer is its status, headers and body, up to the limit and no longer', async () => {
  answer = (response) => void response.writeHead(200, { 'x-a': 'b' }).end('x'.repeat(100))
  const { send } = clientWith(false)
  expect(await send(aRequest())).toMatchObject({
    status: 200,
    headers: { 'x-a': 'b' },
    body: 'x'.repeat(100),
  })
  await expect(send(aRequest({ bytesMax: 99 }))).rejects.toThrow('too long')
})

test('each request has a connection of its own, unless they are to be kept', async () => {
  answer = (response) => void response.end('x')
  const single = clientWith(false)
  for (const bytesMax of [100, 0]) await single.send(aRequest({ bytesMax }))
  expect(connectionCount).toBe(2)
  const keeping = clientWith(true)
  for (const bytesMax of [100, 0, 100]) await keeping.send(aRequest({ bytesMax }))
  expect(connectionCount).toBe(3)
})

test('a callback to a realm never meets a connection that may have been closed', async () => {
  answer = (response) => void response.end()
  const realms = buildRealms({ guard, ca: [], clock: systemClock })
  const issuer = aRequest().url.replace(/\/$/, '')
  expect(await realms.callBack(issuer, 'token', 'SUCCEED')).toEqual({ kind: 'taken' })
  expect(await realms.callBack(issuer, 'token', 'SUCCEED')).toEqual({ kind: 'taken' })
  expect(connectionCount).toBe(2)
})

test('a request that was answered is not sent again, however its answer ends', async () => {
  answer = (response) => void response.end('x')
  const { send } = clientWith(true)
  await send(aRequest())
  answer = (response) => {
    response.writeHead(200, { 'content-length': '50' })
    response.write('x', () => response.socket?.resetAndDestroy())
  }
  await expect(send(aRequest())).rejects.toThrow()
  expect({ requestCount, connectionCount }).toEqual({ requestCount: 2, connectionCount: 1 })
})

test('a redirect is an answer, and not followed', async () => {
  answer = (response) => void response.writeHead(302, { location: '/elsewhere' }).end()
  expect(await clientWith(false).send(aRequest())).toMatchObject({ status: 302 })
  expect(requestCount).toBe(1)
})

test('a status counts without its body when the body is cut: too long, broken off or endless', async () => {
  const { send } = clientWith(true)
  const cutsBody = true
  answer = (response) => void response.writeHead(410).end('x'.repeat(60_000))
  expect(await send(aRequest({ cutsBody }))).toMatchObject({ status: 410, body: 'x'.repeat(100) })
  answer = (response) => {
    response.writeHead(404, { 'content-length': '50' })
    response.write('x', () => response.socket?.resetAndDestroy())
  }
  expect(await send(aRequest({ cutsBody }))).toMatchObject({ status: 404, body: 'x' })
  answer = (response) => void response.writeHead(413).write('x')
  // Long before the request itself ends.
  const timeoutMs = 600_000
  expect(await send(aRequest({ cutsBody, timeoutMs }))).toMatchObject({ status: 413, body: 'x' })
  answer = (response) => void response.end('all of it')
  expect(await send(aRequest({ cutsBody }))).toMatchObject({ status: 200, body: 'all of it' })
})

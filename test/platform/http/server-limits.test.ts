import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemSchema } from '../../../src/platform/http/schemas/problem.ts'
import { defaultServerLimits } from '../../../src/platform/http/server-limits.ts'
import { until } from '../../support/until.ts'
import { anApp } from './fixtures.ts'

let app: FastifyInstance
let port: number

beforeAll(async () => {
  const limits = { requestTimeoutMs: 200, headersTimeoutMs: 100, connectionsCheckingIntervalMs: 20 }
  app = await anApp({}, { limits })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
afterAll(() => app.close())

/**
 * Sends these bytes, keeps the connection open, and returns what came back until the server closed
 * it.
 */
async function exchange(text: string, during: (socket: Socket) => void = () => undefined) {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  let isClosed = false
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
  })
  socket.write(text)
  during(socket)
  await until('the server to close the connection', () => isClosed)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { head, problem: problemSchema.parse(JSON.parse(body)) }
}

describe('a connection that', () => {
  it.each([
    ['sends its headers too slowly', 'GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    [
      'sends its body too slowly',
      'POST /device/v1/enrollments/claim HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
  ])('%s gets 408 as a problem, and is closed', async (_what, text) => {
    const { head, problem } = await exchange(text)
    expect(head).toMatch(/^HTTP\/1\.1 408 /)
    expect(head).toContain('Content-Type: application/problem+json')
    expect(problem).toMatchObject({ status: 408, code: 'request_timeout' })
  })

  it('a connection that sends its body byte by byte gets no more time for it', async () => {
    const head =
      'POST /device/v1/enrollments/claim HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{'
    const { problem } = await exchange(head, (socket) => {
      const drip = setInterval(() => socket.write(' '), 10)
      socket.on('close', () => clearInterval(drip))
    })
    expect(problem.code).toBe('request_timeout')
  })

  it('sends more than 16 KiB of headers gets 431 as a problem, and is closed', async () => {
    const { head, problem } = await exchange(
      `GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`,
    )
    expect(head).toMatch(/^HTTP\/1\.1 431 /)
    expect(problem).toMatchObject({ status: 431, code: 'headers_too_large' })
  })

  it.each([
    ['speaks something else', 'HELO x\r\n\r\n'],
    [
      'gives two lengths for its body',
      'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['folds a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
  ])('%s gets 400 as a problem, and is closed', async (_what, text) => {
    const { head, problem } = await exchange(text)
    expect(head).toMatch(/^HTTP\/1\.1 400 /)
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
  })
})

describe('the limits in force', () => {
  it('the limits in force are those of the design, and Node receives all of them', async () => {
    await using other = await anApp()
    expect(defaultServerLimits).toMatchObject({
      requestTimeoutMs: 10_000,
      headersTimeoutMs: 5_000,
      connectionsCheckingIntervalMs: 1_000,
      bodyBytesMax: 65_536,
      headerBytesMax: 16_384,
    })
    expect(other.server).toMatchObject({
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 65_000,
    })
    expect(other.initialConfig.bodyLimit).toBe(65_536)
  })
})

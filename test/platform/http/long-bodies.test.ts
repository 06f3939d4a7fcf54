import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { anApp } from './fixtures.ts'

const limits = { discardedBytesMax: 256 * 1024, discardingMs: 30_000 }

let app: FastifyInstance
let socket: Socket
let receivedText: string
let isClosed: boolean
let fault: Error | undefined

beforeAll(async () => {
  app = await anApp({}, { limits })
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())
afterEach(() => void socket.destroy())

function port(of = app): number {
  const address = of.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Opens a connection and sends the head of a request; the answer is in `receivedText`. */
function begin(path: string, ...headers: readonly string[]): void {
  beginAt(port(), path, headers)
}

function beginAt(at: number, path: string, headers: readonly string[]): void {
  const own = connect(at, '127.0.0.1')
  socket = own
  fault = undefined
  receivedText = ''
  isClosed = false
  own.on('data', (bytes) => {
    if (socket === own) receivedText += bytes
  })
  own.on('error', (error) => {
    if (socket === own) fault = error
  })
  own.on('close', () => {
    if (socket === own) isClosed = true
  })
  send([`POST ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n'))
}

function send(text: string): void {
  socket.write(text)
}

/** Others are served meanwhile, so the service had the time to answer. */
async function others(): Promise<void> {
  for (let count = 0; count < 10; count++) await fetch(`http://127.0.0.1:${port()}/health/live`)
}

const json = 'Content-Type: application/json'
const half = 'x'.repeat(100_000)
const length = 'Content-Length: 200000'
const claim = '/device/v1/enrollments/claim'

/** The connection goes on: a second request is answered on it. */
async function expectNext(): Promise<void> {
  send('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the second answer', () => receivedText.includes('{"status":"live"}'))
}

test.each([
  ['is too long', 413, claim, [json]],
  ['is no JSON', 415, claim, ['Content-Type: text/xml']],
  ['has no credential', 401, '/v1/challenges', [json]],
  ['has no credential at a door', 401, '/integrations/wait/x', [json]],
  ['has no credential in the portal', 403, '/portal/v1/sessions', [json]],
  ['goes to no address', 400, '/v1/%zz', [json]],
  ['is too long for the Auth API', 200, '/auth/v2/preauth', [json]],
  ['is too long for its version 1', 200, '/rest/v1/auth.bson', [json]],
] as const)(
  'a body that %s is drained before the %i, and the connection goes on',
  async (_what, status, path, headers) => {
    begin(path, length, ...headers)
    send(half)
    await others()
    expect(receivedText).toBe('')
    send(half)
    await until('the refusal', () => receivedText.startsWith(`HTTP/1.1 ${status} `))
    expect(receivedText).not.toMatch(/^connection: close/im)
    await expectNext()
  },
)

test('a chunked body that is too long is drained, too', async () => {
  begin(claim, json, 'Transfer-Encoding: chunked')
  send(`186a0\r\n${half}\r\n`)
  await others()
  expect(receivedText).toBe('')
  send(`186a0\r\n${half}\r\n0\r\n\r\n`)
  await until('the refusal', () => receivedText.startsWith('HTTP/1.1 413 '))
  await expectNext()
})

test.each([
  [
    'says that it is longer than what is drained',
    [json, `Content-Length: ${limits.discardedBytesMax + 1}`],
    '',
  ],
  [
    'is longer than what is drained',
    [json, 'Transfer-Encoding: chunked'],
    `61a80\r\n${'x'.repeat(400_000)}\r\n`,
  ],
] as const)(
  'a body that %s gets its refusal, and the connection ends',
  async (_what, headers, body) => {
    begin(claim, ...headers)
    send(body)
    await until('the refusal', () => receivedText.startsWith('HTTP/1.1 413 '))
    expect(receivedText).toMatch(/^connection: close/im)
    await until('the end of the connection', () => isClosed)
  },
)

test('a body that does not come is not awaited for long', async () => {
  await using impatient = await anApp({}, { limits: { ...limits, discardingMs: 50 } })
  await impatient.listen({ host: '127.0.0.1', port: 0 })
  beginAt(port(impatient), claim, [json, length])
  send('x')
  await until('the refusal', () => receivedText.startsWith('HTTP/1.1 413 '))
  expect(receivedText).toMatch(/^connection: close/im)
  await until('the end of the connection', () => isClosed)
})

test('a client that asks before sending a body too long gets only the refusal', async () => {
  begin(claim, json, length, 'Expect: 100-continue')
  await until('the refusal', () => receivedText.startsWith('HTTP/1.1 413 '))
  await until('the end of the connection', () => isClosed)
})

test('a client that asks before sending a body short enough may go on', async () => {
  begin(claim, json, 'Content-Length: 2', 'Expect: 100-continue')
  await until('the message to go on', () => receivedText.startsWith('HTTP/1.1 100 Continue'))
  send('{}')
  await until('the refusal of what it says', () => receivedText.includes('HTTP/1.1 400 '))
})

test('headers that are too long are drained with the body behind them', async () => {
  begin('/v1/challenges', `X-Long: ${'x'.repeat(20_000)}`, length)
  send(half)
  await until('the refusal', () => receivedText.startsWith('HTTP/1.1 431 '))
  send(half)
  await others()
  socket.end()
  await until('the end of the connection', () => isClosed)
  expect(fault).toBeUndefined()
})

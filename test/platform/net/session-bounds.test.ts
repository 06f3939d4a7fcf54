import { once } from 'node:events'
import { connect, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { boundSession } from '../../../src/platform/net/session-bounds.ts'

/** The bytes of the body that a stream gets from a server that answers so, or its error. */
async function resultOf(answer: (stream: ServerHttp2Stream) => void): Promise<number | string> {
  await using undo = new AsyncDisposableStack()
  const server = createServer()
  server.on('stream', (stream) => {
    stream.on('error', () => stream.destroy())
    answer(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.defer(() => new Promise((resolve) => server.close(() => resolve())))
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on('error', () => session.destroy())
  undo.defer(() => session.destroy())
  boundSession(session, session.socket as Pick<Socket, 'bytesRead'>, () => undefined)
  const stream = session.request({ ':path': '/' })
  const { promise, resolve } = Promise.withResolvers<number | string>()
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  stream.on('error', ({ message }) => resolve(message))
  stream.on('end', () => resolve(bytes))
  return await promise
}

function answerWith(interim: number, bodyBytes: number) {
  return (stream: ServerHttp2Stream) => {
    for (let one = 0; one < interim; one += 1) stream.additionalHeaders({ ':status': 103 })
    stream.respond({ ':status': 200 })
    stream.end(Buffer.alloc(bodyBytes))
  }
}

describe('an answer of a push service is read', () => {
  test('up to 64 KiB of body, and not one byte more', async () => {
    expect(await resultOf(answerWith(0, 65_536))).toBe(65_536)
    expect(await resultOf(answerWith(0, 65_537))).toBe('the answer is too long')
  })

  test('after eight interim answers, and not after nine', async () => {
    expect(await resultOf(answerWith(8, 3))).toBe(3)
    expect(await resultOf(answerWith(9, 3))).toBe('too many interim answers')
  })
})

describe('a session ends when more arrives between two checks than was requested', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([
    ['without a stream', 0, 262_144],
    ['with one stream', 1, 262_144 + 98_304],
    ['with two streams', 2, 262_144 + 2 * 98_304],
  ])('%s', async (_, streams, bytesMax) => {
    await using undo = new AsyncDisposableStack()
    const server = createServer()
    server.on('stream', (stream) => stream.on('error', () => stream.destroy()))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    undo.defer(() => new Promise((resolve) => server.close(() => resolve())))
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    undo.defer(() => session.destroy())
    const socket = { bytesRead: 0 }
    boundSession(session, socket, () => undefined)
    for (let one = 0; one < streams; one += 1) session.request().on('error', () => undefined)
    const failure = once(session, 'error')
    for (let check = 0; check < 3; check += 1) {
      socket.bytesRead += bytesMax
      vi.advanceTimersByTime(250)
      expect(session.destroyed).toBe(false)
    }
    socket.bytesRead += bytesMax + 1
    vi.advanceTimersByTime(250)
    expect(session.destroyed).toBe(true)
    expect(await failure).toMatchObject([{ message: 'more arrives than was requested' }])
  })
})

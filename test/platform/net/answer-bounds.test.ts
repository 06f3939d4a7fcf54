import { once } from 'node:events'
import { request as startRequest } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { boundAnswer, interimAnswersMax } from '../../../src/platform/net/answer-bounds.ts'

const bodyBytesMax = 50_000
const headBytesMax = 32 * 1024

/** The bytes of the body that a request gets from a server that sends this, or its error. */
async function resultOf(answer: string): Promise<number | string> {
  await using undo = new AsyncDisposableStack()
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => socket.end(answer))
  })
  undo.defer(() => new Promise((resolve) => server.close(() => resolve())))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const request = startRequest({ host: '127.0.0.1', port, agent: false })
  boundAnswer(request, bodyBytesMax)
  const { promise, resolve } = Promise.withResolvers<number | string>()
  request.on('error', ({ message }) => resolve(message))
  request.on('response', (response) => {
    let bytes = 0
    response.on('error', ({ message }) => resolve(message))
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    response.on('end', () => resolve(bytes))
  })
  request.end()
  return await promise
}

const headOf = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`
const interim = (count: number) => 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count)

describe('an answer is read', () => {
  test('up to twice the bytes of its body and those of a head, and not one more', async () => {
    // It ends too early: of a complete answer the last bytes are not counted in time.
    const head = headOf(1_000_000)
    const bytesMax = headBytesMax + 2 * bodyBytesMax
    expect(await resultOf(head.padEnd(bytesMax, 'x'))).toBe('aborted')
    expect(await resultOf(head.padEnd(bytesMax + 1, 'x'))).toBe('the answer is too long')
  })

  test('after eight interim answers, and not after nine', async () => {
    expect(interimAnswersMax).toBe(8)
    expect(await resultOf(`${interim(8)}${headOf(3)}yes`)).toBe(3)
    expect(await resultOf(`${interim(9)}${headOf(3)}yes`)).toBe('too many interim answers')
  })
})

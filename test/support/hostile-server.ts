// A hostile peer for the service's outgoing requests: raw bytes over real connections, in bounded
// amounts.

import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createTlsCredentials } from '../../simulator/certificates.ts'

export type HostileServer = AsyncDisposable & {
  readonly host: string
  readonly port: number
  /** The authority of its certificate; empty without TLS. */
  readonly caPem: string
  /** The number of open connections. */
  open(): number
  /** The number of connections so far. */
  connectionCount(): number
}

/** Far beyond all limits; and a limit of its own, in case the client has none. */
const pouredMax = 48 * 1024 * 1024

/** Listens on loopback, and has `speak` answer the first bytes that come over each connection. */
export async function startHostileServer(
  speak: (socket: Socket) => void,
  { tls = false, protocols }: { readonly tls?: boolean; readonly protocols?: string[] } = {},
): Promise<HostileServer> {
  const sockets = new Set<Socket>()
  let connectionCount = 0
  const onConnection = (socket: Socket): void => {
    connectionCount += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    socket.once('data', () => speak(socket))
  }
  const credentials = await createTlsCredentials()
  const server = tls
    ? createTlsServer(
        {
          key: credentials.keyPem,
          cert: credentials.certificatePem,
          ...(protocols && { ALPNProtocols: protocols }),
        },
        onConnection,
      )
    : createServer(onConnection)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: '127.0.0.1',
    port: address.port,
    caPem: tls ? credentials.caPem : '',
    open: () => sockets.size,
    connectionCount: () => connectionCount,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends `text` repeatedly, as fast as it is read, until the connection ends. */
export function pour(socket: Socket, text: string): void {
  const block = Buffer.from(text.repeat(Math.ceil(16_384 / text.length)), 'latin1')
  let bytesSent = 0
  const more = (): void => {
    if (socket.destroyed || bytesSent >= pouredMax) return
    bytesSent += block.length
    socket.write(block, () => setImmediate(more))
  }
  more()
}

/** Sends `text` repeatedly with a pause in between, until the connection ends. */
export function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 5)
  socket.once('close', () => clearInterval(timer))
}

const head = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`
const json = 'content-type: application/json'

/** Responses that do not end, or are larger than declared. */
export const hostileAnswers: Readonly<Record<string, (socket: Socket) => void>> = {
  'interim answers without end': (socket) =>
    pour(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n'),
  '100 Continue, without end': (socket) => pour(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
  'interim answers with long headers': (socket) =>
    pour(socket, `HTTP/1.1 103 Early Hints\r\nlink: ${'x'.repeat(12_000)}\r\n\r\n`),
  'headers without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    pour(socket, 'a: b\r\n')
  },
  'a header without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\na: ')
    pour(socket, 'x')
  },
  'another protocol': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
}

/** The same after a status of 200. */
export const hostileBodies: Readonly<Record<string, (socket: Socket) => void>> = {
  'a body without end': (socket) => {
    socket.write(head(`${json}\r\ntransfer-encoding: chunked`))
    pour(socket, `400\r\n${'x'.repeat(1024)}\r\n`)
  },
  'a body in chunks of a byte': (socket) => {
    socket.write(head(`${json}\r\ntransfer-encoding: chunked`))
    pour(socket, '1\r\nx\r\n')
  },
  'a body with an enormous Content-Length': (socket) => {
    socket.write(head(`${json}\r\ncontent-length: 9007199254740991`))
    pour(socket, 'x')
  },
  'extensions of a chunk without end': (socket) => {
    socket.write(`${head(`${json}\r\ntransfer-encoding: chunked`)}1;`)
    pour(socket, 'x')
  },
  'trailers without end': (socket) => {
    socket.write(`${head(`${json}\r\ntransfer-encoding: chunked`)}0\r\n`)
    pour(socket, 'a: b\r\n')
  },
  'a compressed body': (socket) => {
    socket.write(head(`${json}\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked`))
    pour(socket, `400\r\n${'x'.repeat(1024)}\r\n`)
  },
}

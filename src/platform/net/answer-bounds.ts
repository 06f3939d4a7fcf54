// Limits on what the other side of a request may send. Node limits one block of headers and nothing
// else.

import { constants } from 'node:crypto'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'

/** Before the answer: interim answers (1xx) and its own headers, as bytes on the connection. */
const headBytesMax = 32 * 1024
/** Interim answers of one request (RFC 9110, 15.2); a server sends one or two. */
export const interimAnswersMax = 8

/**
 * TLS options for connections to servers of others. A server that requests renegotiation (RFC 5246,
 * 7.4.1.1) makes us compute for each handshake, and none of it counts as an answer; TLS 1.3 has no
 * renegotiation.
 */
export const outboundTls = {
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const

/** The `code` of the error that a request ends with when its answer exceeds a limit. */
export const answerErrorCode = 'EANSWER'

/** The `code` of the error that a request ends with when the server switches protocols. */
export const protocolErrorCode = 'EPROTOCOL'

class ProtocolError extends Error {
  readonly code = protocolErrorCode
}

export class AnswerError extends Error {
  readonly code = answerErrorCode
}

/**
 * Ends the request, and with it its connection, as soon as its answer exceeds a limit: too many
 * interim answers, more than `headBytesMax` before the answer, or more than twice `bodyBytesMax`
 * with it. Bytes are counted as they come off the connection, so that headers, trailers and the
 * framing of chunks count, too. Compressed answers end it as well: none was requested, and a small
 * body can expand a thousandfold. So does a switch to another protocol, with an error: Node alone
 * would end the request without one, and nobody would learn of it. Called before the request has a
 * connection.
 */
export function boundAnswer(request: ClientRequest, bodyBytesMax: number): void {
  let interim = 0
  let bytes = 0
  let bytesMax = headBytesMax
  const refuse = (why: string): void => {
    request.destroy(new AnswerError(why))
  }
  request.on('information', () => {
    interim += 1
    if (interim > interimAnswersMax) refuse('too many interim answers')
  })
  request.once('upgrade', (_answer, socket) => {
    socket.destroy()
    request.emit('error', new ProtocolError('no answer, but another protocol'))
  })
  // Runs before the requester's own listener, which would begin to decompress.
  request.prependOnceListener('response', ({ headers }) => {
    bytesMax += 2 * bodyBytesMax
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') refuse('the answer is compressed')
  })
  request.once('socket', (socket: Socket) => {
    const count = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > bytesMax) refuse('the answer is too long')
    }
    socket.on('data', count)
    request.once('close', () => socket.off('data', count))
  })
}

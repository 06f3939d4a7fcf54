// Limits on what the peer of an HTTP/2 session may send; src/platform/net/answer-bounds.ts is the
// same for HTTP/1.1.

import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { AnswerError, interimAnswersMax } from './answer-bounds.ts'

/** Of one answer's body. Push services answer with some hundred bytes. */
const bodyLengthMax = 64 * 1024
const checkEveryMs = 250
/** Between two checks, independent of requests: settings, pings and the like. */
const idleBytesMax = 256 * 1024
/**
 * Between two checks, for each stream that was open: the body, headers, and the framing of both.
 */
const streamBytesMax = 96 * 1024

/** Ends one stream as soon as its answer exceeds a limit, and when nobody waits for it any more. */
function boundStream(stream: ClientHttp2Stream, endSignal: AbortSignal | undefined): void {
  let interim = 0
  let length = 0
  const refuse = (why: string): void => {
    stream.destroy(new AnswerError(why))
  }
  stream.on('headers', () => {
    interim += 1
    if (interim > interimAnswersMax) refuse('too many interim answers')
  })
  stream.on('data', (chunk: string | Buffer) => {
    length += chunk.length
    if (length > bodyLengthMax) refuse('the answer is too long')
  })
  // After the answer's end there is nothing to refuse, and an error for each push has its price.
  const end = () => {
    if (!stream.readableEnded) refuse('nobody waits for the answer')
  }
  endSignal?.addEventListener('abort', end)
  stream.once('close', () => endSignal?.removeEventListener('abort', end))
}

/**
 * Immediately ends every stream of this session whose answer exceeds a limit, and ends the session
 * with its connection when more bytes arrive than its streams account for: bytes of no stream, or
 * of one that was ended, are counted nowhere else. `endOf` returns for each new stream the signal
 * that nobody waits for it any more. Called before the first request.
 */
export function boundSession(
  session: ClientHttp2Session,
  socket: Pick<Socket, 'bytesRead'>,
  endOf: () => AbortSignal | undefined,
): void {
  let open = 0
  let openAtMost = 0
  let bytesBefore = 0
  const request = session.request.bind(session)
  session.request = (...args) => {
    const stream = request(...args)
    open += 1
    openAtMost += 1
    stream.once('close', () => {
      open -= 1
    })
    boundStream(stream, endOf())
    return stream
  }
  const timer = setInterval(() => {
    const bytes = socket.bytesRead - bytesBefore
    if (bytes > idleBytesMax + openAtMost * streamBytesMax) {
      session.destroy(new AnswerError('more arrives than was requested'))
    }
    bytesBefore = socket.bytesRead
    openAtMost = open
  }, checkEveryMs).unref()
  session.once('close', () => clearInterval(timer))
}

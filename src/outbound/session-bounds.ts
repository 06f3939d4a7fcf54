// How much the far end of an HTTP/2 session may say; src/outbound/answer-bounds.ts is the same for HTTP/1.1.

import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { AnswerError, interimAnswersMax } from './answer-bounds.ts'

/** Of one answer's body. Push services answer with some hundred bytes. */
const bodyLengthMax = 64 * 1024
const checkEveryMs = 250
/** Between two checks, whatever was asked: settings, pings and the like. */
const idleBytesMax = 256 * 1024
/** Between two checks, for each stream that was open: the body, headers, and the framing of both. */
const streamBytesMax = 96 * 1024

/** Ends one stream as soon as its answer is out of bounds, and when nobody waits for it any more. */
function boundStream(stream: ClientHttp2Stream, ended: AbortSignal | undefined): void {
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
  const end = () => refuse('nobody waits for the answer')
  ended?.addEventListener('abort', end)
  stream.once('close', () => ended?.removeEventListener('abort', end))
}

/**
 * Ends every stream of this session whose answer is out of bounds, at once, and the session with its connection when more arrives
 * than its streams can explain: what belongs to no stream, or to one that was ended, is seen by nobody else. `endOf` is asked for
 * each new stream for what says that nobody waits any more. Called before the first request.
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
  session.request = (...given) => {
    const stream = request(...given)
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
      session.destroy(new AnswerError('more arrives than was asked for'))
    }
    bytesBefore = socket.bytesRead
    openAtMost = open
  }, checkEveryMs).unref()
  session.once('close', () => clearInterval(timer))
}

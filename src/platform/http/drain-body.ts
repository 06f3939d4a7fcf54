// The body of a request that is refused early is read to its end first. A client that is cut off
// while it sends sees a lost connection instead of the refusal, and a proxy counts it as a failure
// of this process and sends it nothing for a while.

import type { IncomingMessage, Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ServerLimits } from './server-limits.ts'

type DrainLimits = Pick<ServerLimits, 'discardedBytesMax' | 'discardingMs'>

/** Requests whose client waits for `100 Continue` (RFC 9110, 10.1.1) and does not get it. */
const withoutContinue = new WeakSet<IncomingMessage>()

/** Declared bytes of the body; NaN for one in chunks. */
function declaredBytes({ headers }: IncomingMessage): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : NaN
}

/** True when nothing of the request is still to come. */
export function isDrained(request: IncomingMessage): boolean {
  return request.complete || request.readableEnded || declaredBytes(request) === 0
}

/**
 * Drains the rest of a body and discards it; false when there is too much, it takes too long, or
 * the client disconnects.
 */
export function drainBody(request: IncomingMessage, limits: DrainLimits): Promise<boolean> {
  const { discardedBytesMax, discardingMs } = limits
  if (
    withoutContinue.has(request) ||
    declaredBytes(request) > discardedBytesMax ||
    request.destroyed
  ) {
    return Promise.resolve(isDrained(request))
  }
  return new Promise((resolve) => {
    let bytes = 0
    const onData = (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > discardedBytesMax) stop()
    }
    const stop = () => {
      clearTimeout(late)
      request.off('data', onData).off('end', stop).off('close', stop)
      resolve(isDrained(request))
    }
    const late = setTimeout(stop, discardingMs)
    request.on('data', onData).once('end', stop).once('close', stop)
    request.resume()
  })
}

/**
 * Sends `100 Continue` to clients that expect it before they send a body, unless it is too long to
 * be accepted: those get their refusal immediately.
 */
export function answerExpectContinue(
  server: Server,
  { bodyBytesMax }: Pick<ServerLimits, 'bodyBytesMax'>,
) {
  server.on('checkContinue', (request, response) => {
    if (declaredBytes(request) > bodyBytesMax) withoutContinue.add(request)
    else response.writeContinue()
    server.emit('request', request, response)
  })
}

/**
 * Delays every answer of this instance until the body of its request is drained. Must be called
 * before any route is added.
 */
export function drainBodies(app: FastifyInstance, limits: DrainLimits): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    // Fastify closes the connection after a body that it did not read; there is no need when
    // nothing more comes.
    const keepConnection = () =>
      reply.getHeader('connection') === 'close' && reply.removeHeader('connection')
    if (isDrained(request.raw)) {
      keepConnection()
      return done(null, payload)
    }
    void drainBody(request.raw, limits).then((isWhole) => {
      if (isWhole) keepConnection()
      else reply.header('connection', 'close')
      done(null, payload)
    })
  })
}

// A request that is refused before its body has been read is heard out first. Whoever is cut off while it sends sees a lost
// connection instead of the refusal, and a proxy counts it as a failure of this process and sends it nothing for a while.

import type { IncomingMessage, Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ServerLimits } from '../server-limits.ts'

type HearOutLimits = Pick<ServerLimits, 'discardedBytesMax' | 'discardingMs'>

/** Requests whose client waits to be told to go on with its body (RFC 9110, 10.1.1), and is not. */
const notInvited = new WeakSet<IncomingMessage>()

/** Declared bytes of the body; NaN for one in chunks. */
function declaredBytes({ headers }: IncomingMessage): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : NaN
}

/** True when nothing of the request is still to come. */
export function isHeard(request: IncomingMessage): boolean {
  return request.complete || request.readableEnded || declaredBytes(request) === 0
}

/** Reads what is left of a body and throws it away; false when there is too much, it takes too long, or the client leaves. */
export function hearOut(request: IncomingMessage, limits: HearOutLimits): Promise<boolean> {
  const { discardedBytesMax, discardingMs } = limits
  if (notInvited.has(request) || declaredBytes(request) > discardedBytesMax || request.destroyed) {
    return Promise.resolve(isHeard(request))
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
      resolve(isHeard(request))
    }
    const late = setTimeout(stop, discardingMs)
    request.on('data', onData).once('end', stop).once('close', stop)
    request.resume()
  })
}

/** Tells clients that ask before they send a body to go on, unless it is too long to be taken: those get their refusal at once. */
export function inviteBodies(server: Server, { bodyBytesMax }: Pick<ServerLimits, 'bodyBytesMax'>) {
  server.on('checkContinue', (request, response) => {
    if (declaredBytes(request) > bodyBytesMax) notInvited.add(request)
    else response.writeContinue()
    server.emit('request', request, response)
  })
}

/** Makes every answer of this instance wait until its request has been heard. Must come before any route. */
export function hearBodiesOut(app: FastifyInstance, limits: HearOutLimits): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    // Fastify wants to close the connection after a body that it did not take; there is no need when nothing more comes.
    const keep = () => reply.getHeader('connection') === 'close' && reply.removeHeader('connection')
    if (isHeard(request.raw)) {
      keep()
      return done(null, payload)
    }
    void hearOut(request.raw, limits).then((isWhole) => {
      if (isWhole) keep()
      else reply.header('connection', 'close')
      done(null, payload)
    })
  })
}

// What happens around every request: headers that every answer carries, and one log line when it
// has ended.

import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from './caller.ts'
import type { Observation } from './logging.ts'

export type RequestLogOptions = {
  readonly log: FastifyBaseLogger
  readonly headers: Readonly<Record<string, string>>
  readonly onObservation: ((observation: Observation) => void) | undefined
  /** Called when the answer is out or the connection is lost. */
  readonly onFinish: () => void
}

/**
 * Answers of an API are for its caller alone: never cached, never sniffed, never shown in a frame.
 */
export function securityHeaders(publicOrigin: string): Readonly<Record<string, string>> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    ...(publicOrigin.startsWith('https:') && {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  }
}

/**
 * Begins to watch a request. The line is written when the answer is out or the connection is lost,
 * whichever comes first: Fastify's own hook does not run for callers that disconnect.
 */
function watch(
  { log, headers, onObservation: report, onFinish: finish }: RequestLogOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  route: string,
): void {
  const startedAt = performance.now()
  reply.headers(headers).header('request-id', request.id)
  reply.raw.once('close', () => {
    const status = reply.raw.writableEnded ? reply.raw.statusCode : 499
    const ms = Math.round((performance.now() - startedAt) * 10) / 10
    const { method } = request
    log.info({ requestId: request.id, method, route, status, ms, ...callerOf(request) }, 'request')
    report?.({ method, route, status, ms })
    finish()
  })
}

/**
 * Watches every route that is added from here on; the pattern is bound once, when the route is
 * added.
 */
export function watchRequests(app: FastifyInstance, options: RequestLogOptions): void {
  app.addHook('onRoute', (route) => {
    const begin = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
      watch(options, request, reply, route.url)
      done()
    }
    route.onRequest = [begin, ...[route.onRequest ?? []].flat()]
  })
}

/** Watches requests that match no route. */
export function watchUnknownRoute(options: RequestLogOptions) {
  return (request: FastifyRequest, reply: FastifyReply): void =>
    watch(options, request, reply, 'none')
}

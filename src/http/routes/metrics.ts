import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { z } from 'zod'
import { refuse } from '../../domain/refusal.ts'
import type { HttpApp } from '../http-app.ts'
import { publicOperation } from '../operation.ts'
import { sendProblem, sendRefusal } from '../problem.ts'

/** Where the numbers come from, and who may read them; made where the process is put together. */
export type Metrics = {
  readonly contentType: string
  readonly read: () => Promise<string>
  /** Bearer token of the reader; null lets this machine alone read. */
  readonly token: string | null
}

const loopback = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i

/**
 * True for a caller on this machine that no proxy speaks for: a proxy on this machine brings the whole world. The `Host`
 * must be of this machine, too: a page in a browser here can call us under a name that it has pointed at 127.0.0.1.
 */
function isLocal({ socket, headers }: FastifyRequest): boolean {
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via
  return (
    forwarded === undefined &&
    loopback.has(socket.remoteAddress ?? '') &&
    loopbackHost.test(headers.host ?? '')
  )
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** ASVS 5.0, 13.4.5: monitoring is not exposed unless that is meant. */
function createGuard(token: string | null): onRequestHookHandler {
  const expected = token === null ? null : digest(`Bearer ${token}`)
  return (request, reply, done) => {
    if (expected === null) {
      if (isLocal(request)) done()
      else sendProblem(reply, 'not_found')
      return
    }
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) done()
    else {
      const hint = 'Send the header `Authorization: Bearer` with the token of METRICS_TOKEN.'
      sendRefusal(reply, refuse('unauthenticated', { hint }))
    }
  }
}

/** The numbers for Prometheus. */
export function metricsRoutes(app: HttpApp, metrics: Metrics, done: () => void): void {
  app.get(
    '/metrics',
    {
      onRequest: createGuard(metrics.token),
      ...publicOperation({
        operationId: 'readMetrics',
        tag: 'operations',
        summary: 'Numbers for Prometheus',
        description:
          'Readable on the loopback interface only (with a `Host` of it), or with the token of `METRICS_TOKEN` as bearer where one is set.',
        answers: {
          200: { description: 'The numbers.', schema: z.string(), type: 'text/plain' },
        },
        refusals: ['not_found', 'unauthenticated'],
      }),
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.read()),
  )
  done()
}

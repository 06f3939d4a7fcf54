import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { refuse } from '../../domain/refusal.ts'
import type { HttpApp } from './http-app.ts'
import { publicOperation } from './operation.ts'
import { sendProblem, sendRefusal } from './problem.ts'
import { shownText } from './schemas/text.ts'

/** The source of the metrics, and who may read them; built where the process is composed. */
export type Metrics = {
  readonly contentType: string
  readonly read: () => Promise<string>
  /** Bearer token of the reader; null lets this machine alone read. */
  readonly token: string | null
}

const loopback = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i

/**
 * True for a caller on this machine that is not behind a proxy: a proxy on this machine forwards
 * calls from everywhere. The `Host` must be of this machine, too: a page in a browser here can call
 * us under a name that it has pointed at 127.0.0.1 (DNS rebinding).
 */
function isLocal({ socket, headers }: FastifyRequest): boolean {
  const forwardedBy = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via
  return (
    forwardedBy === undefined &&
    loopback.has(socket.remoteAddress ?? '') &&
    loopbackHost.test(headers.host ?? '')
  )
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** ASVS 5.0, 13.4.5: monitoring is not exposed unless that is meant. */
function buildGuard(token: string | null): onRequestHookHandler {
  const expectedDigest = token === null ? null : digest(`Bearer ${token}`)
  return (request, reply, done) => {
    if (expectedDigest === null) {
      if (isLocal(request)) done()
      else sendProblem(reply, 'not_found')
      return
    }
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expectedDigest)) done()
    else {
      const hint = 'Send the header `Authorization: Bearer` with the token of METRICS_TOKEN.'
      sendRefusal(reply, refuse('unauthenticated', { hint }))
    }
  }
}

/** The metrics for Prometheus. */
export function metricsRoutes(app: HttpApp, metrics: Metrics, done: () => void): void {
  app.get(
    '/metrics',
    {
      onRequest: buildGuard(metrics.token),
      ...publicOperation({
        operationId: 'readMetrics',
        tag: 'operations',
        summary: 'Metrics for Prometheus',
        description:
          'Readable on the loopback interface only (with a `Host` of it), or with the ' +
          'token of `METRICS_TOKEN` as bearer where one is set.',
        answers: {
          200: { description: 'The metrics.', schema: shownText('up 1\n'), type: 'text/plain' },
        },
        refusals: ['not_found', 'unauthenticated'],
      }),
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.read()),
  )
  done()
}

import { z } from 'zod'
import type { HttpApp } from '../http-app.ts'
import { publicOperation } from '../operation.ts'

/** Where the numbers come from; made where the process is put together. */
export type Metrics = { readonly contentType: string; readonly read: () => Promise<string> }

/** The numbers for Prometheus. */
export function metricsRoutes(app: HttpApp, metrics: Metrics, done: () => void): void {
  app.get(
    '/metrics',
    publicOperation({
      operationId: 'readMetrics',
      tag: 'operations',
      summary: 'Numbers for Prometheus',
      answers: {
        200: { description: 'The numbers.', schema: z.string(), type: 'text/plain' },
      },
    }),
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.read()),
  )
  done()
}

import { z } from 'zod'
import type { HttpApp } from './http-app.ts'
import { publicOperation } from './operation.ts'
import { sendProblem } from './problem.ts'

const live = z.object({ status: z.literal('live') }).meta({ id: 'Live' })
const ready = z.object({ status: z.literal('ready') }).meta({ id: 'Ready' })

/** Whether the process lives, and whether it can do its work. Load balancers ask by HEAD, too. */
export function healthRoutes(
  app: HttpApp,
  options: { readonly ready: () => Promise<boolean> },
  done: () => void,
): void {
  app.get(
    '/health/live',
    {
      ...publicOperation({
        operationId: 'readLiveness',
        tag: 'operations',
        summary: 'Whether the process lives',
        answers: { 200: { description: 'It lives.', schema: live } },
      }),
      exposeHeadRoute: true,
    },
    (): z.output<typeof live> => ({ status: 'live' }),
  )
  app.get(
    '/health/ready',
    {
      ...publicOperation({
        operationId: 'readReadiness',
        tag: 'operations',
        summary: 'Whether the process can do its work',
        answers: { 200: { description: 'It can.', schema: ready } },
      }),
      exposeHeadRoute: true,
    },
    async (_request, reply): Promise<z.output<typeof ready> | typeof reply> => {
      const isReady = await options.ready()
      return isReady ? { status: 'ready' } : sendProblem(reply, 'unavailable')
    },
  )
  done()
}

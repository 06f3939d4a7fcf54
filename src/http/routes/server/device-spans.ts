import type { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { unregisteredByTimeBody, unregistrationByTime } from '../../schemas/device.ts'
import type { ServerOptions } from './server-options.ts'

/** Operations on devices of the whole tenant, for admins. */
export function deviceSpanRoutes(
  app: HttpApp,
  { useCases, key }: ServerOptions,
  done: () => void,
): void {
  app.post(
    '/v1/devices/unregister-by-time',
    key('admin', {
      operationId: 'unregisterDevicesByTime',
      tag: 'devices',
      summary: 'Unregister all devices of the tenant that were registered in a span of time',
      description:
        'At most 200 a call, the oldest first; while `more` is true make the same call ' +
        'again. Each call is on the audit record before it does anything.',
      body: unregistrationByTime,
      answers: { 200: { description: 'What it did.', schema: unregisteredByTimeBody } },
    }),
    async (request, reply): Promise<z.output<typeof unregisteredByTimeBody> | typeof reply> => {
      const result = await useCases.unregisterByTime(principalOf(request), request.body)
      return isRefusal(result) ? sendRefusal(reply, result) : result
    },
  )
  done()
}

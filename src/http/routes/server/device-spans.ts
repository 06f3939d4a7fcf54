import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { route } from '../../route.ts'
import { unregisteredByTimeBody, unregistrationByTime } from '../../schemas/device.ts'
import type { ServerOptions } from './server-options.ts'

/** Operations on devices of the whole tenant, for admins. */
export function deviceSpanRoutes(
  app: HttpApp,
  { useCases, key }: ServerOptions,
  done: () => void,
): void {
  route(
    app,
    'POST /v1/devices/unregister-by-time',
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
    (request) => useCases.unregisterByTime(principalOf(request), request.body),
  )
  done()
}

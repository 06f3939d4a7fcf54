import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { unregisteredByTimeBody, unregistrationByTime } from './device.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** Operations on devices of the whole tenant, for admins. */
export function deviceSpanRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
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

import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import { principalOf } from '../../tenants/api-key.guard.ts'
import type { ServerOptions } from '../../tenants/server.http.ts'
import type * as useCases from '../use-cases.ts'
import { pushReportBody, shownReport } from './push-report.schemas.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** The last pushes of a device, for the help desk. */
export function pushRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'GET /v1/devices/:id/pushes',
    key('users:read', {
      operationId: 'readPushes',
      tag: 'devices',
      summary: 'The last ten pushes of a device, and what would help',
      description:
        'Pushes of all relying parties that ask its user; what they ask is not in it. To try ' +
        'one, send a test push.',
      params: idParams('id', 'device', 'The device.'),
      answers: { 200: { description: 'The pushes, newest first.', schema: pushReportBody } },
    }),
    async (request) => {
      const report = await useCases.readPushes(principalOf(request), request.params.id)
      return isRefusal(report) ? report : shownReport(report)
    },
  )
  done()
}

import { z } from 'zod'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../../platform/http/schemas/paging.ts'
import { principalOf } from '../../tenants/api-key.guard.ts'
import type { ServerOptions } from '../../tenants/server.http.ts'
import type * as useCases from '../use-cases.ts'
import { diagnosticsBody, diagnosticsPage } from './diagnostics.schemas.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** Logs that apps sent, for the admins of the tenant. */
export function diagnosticsRoutes(
  app: HttpApp,
  { useCases, key }: Options,
  done: () => void,
): void {
  route(
    app,
    'GET /v1/diagnostics',
    key('admin', {
      operationId: 'listDiagnostics',
      tag: 'devices',
      summary: 'List the diagnostics that devices sent',
      querystring: z.strictObject(pageQuery('diagnostics')),
      answers: { 200: { description: 'The diagnostics.', schema: diagnosticsPage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      return pageOf(await useCases.listDiagnostics(principalOf(request), page), page)
    },
  )
  route(
    app,
    'GET /v1/diagnostics/:id',
    key('admin', {
      operationId: 'readDiagnostics',
      tag: 'devices',
      summary: 'Read the diagnostics of an incident',
      params: idParams('id', 'diagnostics', 'The incident.'),
      answers: { 200: { description: 'The diagnostics.', schema: diagnosticsBody } },
    }),
    (request) => useCases.readDiagnostics(principalOf(request), request.params.id),
  )
  done()
}

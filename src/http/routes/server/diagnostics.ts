import { z } from 'zod'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { route } from '../../route.ts'
import { diagnosticsBody, diagnosticsPage } from '../../schemas/diagnostics.ts'
import { idParams } from '../../schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../../schemas/paging.ts'
import type { ServerOptions } from './server-options.ts'

/** Logs that apps sent, for the admins of the tenant. */
export function diagnosticsRoutes(
  app: HttpApp,
  { useCases, key }: ServerOptions,
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

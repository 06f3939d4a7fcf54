// The test of an integration that sends the browser to a page of ours.

import { integrationScopeOf } from '../../doors/integration-scope.http.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import type { ServerOptions } from '../../tenants/server.http.ts'
import type * as useCases from '../use-cases.ts'
import { connectionTestBody } from './connection-test.schemas.ts'

type Options = ServerOptions<Pick<Bound<typeof useCases>, 'testConnection'>>

export function connectionTestRoutes(
  app: HttpApp,
  { useCases, key }: Options,
  done: () => void,
): void {
  route(
    app,
    'POST /v1/integrations/:id/test',
    key('integrations:write', {
      operationId: 'testIntegration',
      tag: 'integrations',
      summary: 'Test an integration that sends the browser to a page of ours',
      description:
        'Walks a whole sign-in against a double of the client, whose key exists for this one ' +
        'walk: nobody is asked, and nothing is stored but a line in the audit record. Within ten ' +
        'seconds; one at a time of a tenant, and ten in a minute. Other kinds are refused.',
      params: idParams('id', 'integration', 'The integration.'),
      answers: { 200: { description: 'Each step and its result.', schema: connectionTestBody } },
      refusals: ['too_many_requests'],
    }),
    (request) => useCases.testConnection(integrationScopeOf(request), request.params.id),
  )
  done()
}

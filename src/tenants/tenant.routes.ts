import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { principalOf } from './api-key.guard.ts'
import { tenantBody, tenantChanges } from './relying-party.schemas.ts'
import type { ServerOptions } from './server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** The tenant of the key. */
export function tenantRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'GET /v1/tenant',
    key('any', {
      operationId: 'readTenant',
      tag: 'administration',
      summary: 'The tenant of the API key',
      answers: { 200: { description: 'The tenant.', schema: tenantBody } },
      refusals: ['not_found'],
    }),
    (request) => useCases.readTenant(principalOf(request).tenantId),
  )
  route(
    app,
    'PATCH /v1/tenant',
    key('admin', {
      operationId: 'changeTenant',
      tag: 'administration',
      summary: 'Change how the tenant compares identifiers',
      description:
        'In force from the next request on, in every process. Refused where identifiers ' +
        'of different users would become one; `collisions` lists them as `namespace: ' +
        'identifier, identifier`.',
      body: tenantChanges,
      answers: { 200: { description: 'The tenant.', schema: tenantBody } },
      refusals: ['identifiers_collide', 'not_found'],
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      return useCases.changeTenant(tenantId, request.body, `api_key:${keyId}`)
    },
  )
  done()
}

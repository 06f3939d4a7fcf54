import { z } from 'zod'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { auditEventPage, auditFilter } from './audit.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** The tenant's audit record. */
export function auditEventRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'GET /v1/audit-events',
    key('audit:read', {
      operationId: 'listAuditEvents',
      tag: 'administration',
      summary: 'What was changed in the tenant, by whom',
      description:
        'Changes that belong to no single user; what happened to one is at ' +
        '`/v1/users/{userId}/activities`. Both are chained and signed.',
      querystring: z.strictObject({
        ...pageQuery('auditEvent'),
        type: auditFilter('Only events of this type.', 'api_key_created').exactOptional(),
        actor: auditFilter('Only what this one did.', 'operator').exactOptional(),
        subject: auditFilter(
          'Only what was done to this.',
          'key_01jv9z3k8we2tvn4qh6yrx7b5c',
        ).exactOptional(),
      }),
      answers: { 200: { description: 'The events.', schema: auditEventPage } },
    }),
    async (request) => {
      const { type, actor, subject, ...paging } = request.query
      const page = pageRequest(paging)
      const { tenantId } = principalOf(request)
      return pageOf(await useCases.listAuditEvents(tenantId, { type, actor, subject }, page), page)
    },
  )
  done()
}

import type { FastifyRequest } from 'fastify'
import { allows } from '../domain/scope.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { IntegrationScope } from './integrations.ts'

/**
 * A key of the scope manages the integrations of its own relying party, an admin's key all of the
 * tenant.
 */
export function integrationScopeOf(request: FastifyRequest): IntegrationScope {
  const { tenantId, rpId, keyId, scopes } = principalOf(request)
  return { tenantId, rpId: allows(scopes, 'admin') ? null : rpId, actor: `api_key:${keyId}` }
}

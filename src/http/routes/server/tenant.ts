import type { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { tenantBody, tenantChanges } from '../../schemas/relying-party.ts'
import type { ServerOptions } from './server-options.ts'

/** The tenant of the key. */
export function tenantRoutes(
  app: HttpApp,
  { useCases, key }: ServerOptions,
  done: () => void,
): void {
  app.get(
    '/v1/tenant',
    key('any', {
      operationId: 'readTenant',
      tag: 'administration',
      summary: 'The tenant of the API key',
      answers: { 200: { description: 'The tenant.', schema: tenantBody } },
    }),
    async (request, reply) => {
      const tenant = await useCases.readTenant(principalOf(request).tenantId)
      if (isRefusal(tenant)) return sendRefusal(reply, tenant)
      return tenant satisfies z.output<typeof tenantBody>
    },
  )
  app.patch(
    '/v1/tenant',
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
      refusals: ['identifiers_collide'],
    }),
    async (request, reply): Promise<z.output<typeof tenantBody> | typeof reply> => {
      const { tenantId, keyId } = principalOf(request)
      const tenant = await useCases.changeTenant(tenantId, request.body, `api_key:${keyId}`)
      return isRefusal(tenant) ? sendRefusal(reply, tenant) : tenant
    },
  )
  done()
}

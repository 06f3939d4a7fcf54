import type { z } from 'zod'
import { refuse } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { tenantBody } from '../../schemas/relying-party.ts'
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
      const tenant = await useCases.findTenant(principalOf(request).tenantId)
      if (!tenant) return sendRefusal(reply, refuse('not_found'))
      return tenant satisfies z.output<typeof tenantBody>
    },
  )
  done()
}

import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { shownKeyMembers } from './public-key.schemas.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases>

const jwks = z
  .object({
    keys: z
      .array(
        z.object({
          ...shownKeyMembers,
          use: z.literal('sig'),
          alg: z.literal('ES256'),
        }),
      )
      .readonly(),
  })
  .meta({
    id: 'JsonWebKeySet',
    description: 'RFC 7517. Old keys stay: a receipt must verify for years.',
  })

// A new key signs immediately, so relying parties must not cache an old set for long.
const cacheControl = 'public, max-age=60'

export type WellKnownOptions = {
  readonly useCases: Pick<UseCases, 'readPublicKeys'>
  readonly admission: Pick<Admission, 'lookUp'>
}

/** The public keys that verify everything a tenant signs. */
export function wellKnownRoutes(
  app: HttpApp,
  { useCases, admission }: WellKnownOptions,
  done: () => void,
): void {
  route(
    app,
    'GET /t/:tenantId/.well-known/jwks.json',
    publicOperation({
      operationId: 'readPublicKeys',
      tag: 'operations',
      summary: 'The public keys of a tenant',
      params: idParams('tenantId', 'tenant', 'The tenant.'),
      answers: { 200: { description: 'The keys, newest first.', schema: jwks } },
      refusals: ['too_many_requests'],
    }),
    async (request, reply) => {
      const { tenantId } = request.params
      const reading = () => useCases.readPublicKeys(tenantId)
      const publicKeys = await admission.lookUp(request.ip, ['signing_keys', tenantId], reading)
      if (isRefusal(publicKeys)) return publicKeys
      const keys = publicKeys.map(({ kid, publicJwk }) => ({
        ...publicJwk,
        kid,
        use: 'sig' as const,
        alg: 'ES256' as const,
      }))
      const body: z.output<typeof jwks> = { keys }
      return reply.header('cache-control', cacheControl).send(body)
    },
  )
  done()
}

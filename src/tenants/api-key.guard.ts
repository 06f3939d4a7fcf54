import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, refuse } from '../domain/refusal.ts'
import { allows, type Scope } from '../domain/scope.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import { nameCaller } from '../platform/http/caller.ts'
import { type Operation, operationSchema } from '../platform/http/operation.ts'
import { sendRefusal } from '../platform/http/problem.ts'
import type { Guarded } from '../platform/http/route.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases>

const decorator = 'principal'

/** Prepares requests to carry their principal. */
export function carryPrincipals(app: FastifyInstance): void {
  app.decorateRequest(decorator, null)
}

/** The principal of the request; only for routes that were built by `KeyGuard`. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = request.getDecorator<Principal | null>(decorator)
  if (principal === null) throw new Error('this route was built without a key guard')
  return principal
}

type KeyCode = (typeof everyKey)[number] | 'scope_missing'

/** `by_statement` where the write itself checks that the key is still in force. */
type KeyChecks = 'at_entry' | 'by_statement'

/** Describes and protects a route of the server API; `any` accepts every live key. */
export type KeyGuard = <const O extends Operation>(
  scope: Scope | 'any',
  operation: O,
  checks?: KeyChecks,
) => Guarded<O, KeyCode>

/**
 * The key is verified before the body is read, so that unauthenticated clients cost next to
 * nothing.
 */
export function buildKeyGuard(
  authenticate: UseCases['authenticateApiKey'],
  admission: Pick<Admission, 'authenticate'>,
): KeyGuard {
  return (scope, operation, checks = 'at_entry') => ({
    onRequest: async (request, reply) => {
      const { headers, ip } = request
      const authorization = headers.authorization
      const isRead = request.method === 'GET' || checks === 'by_statement'
      const currency = isRead ? 'within_a_second' : 'now'
      // Without a key there is nothing to look up.
      const principal = await (authorization === undefined
        ? authenticate(authorization, ip, currency)
        : admission.authenticate(ip, ['api_key', authorization, currency], () =>
            authenticate(authorization, ip, currency),
          ))
      if (isRefusal(principal)) return sendRefusal(reply, principal)
      if (scope !== 'any' && !allows(principal.scopes, scope)) {
        return sendRefusal(reply, refuse('scope_missing', { facts: { scope } }))
      }
      request.setDecorator(decorator, principal)
      const { tenantId, rpId, keyId } = principal
      nameCaller(request, { tenantId, rpId, keyId })
    },
    schema: operationSchema(operation, {
      security: [{ apiKey: scope === 'any' ? [] : [scope] }],
      refusals: scope === 'any' ? everyKey : [...everyKey, 'scope_missing'],
    }),
  })
}

const everyKey = [
  'unauthenticated',
  'api_key_invalid',
  'address_not_allowed',
  'too_many_requests',
] as const

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isId } from '../domain/ids.ts'
import { isRefusal, refuse } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import { nameCaller } from '../platform/http/caller.ts'
import { type Operation, operationSchema } from '../platform/http/operation.ts'
import { sendRefusal } from '../platform/http/problem.ts'
import type { Guarded } from '../platform/http/route.ts'
import type { SignedDoorClient } from './auth-api/enter-by-signature.ts'
import type { DoorCall } from './authenticate-integration.ts'
import type * as useCases from './use-cases.ts'
import { sendOverload } from './wait-answers.http.ts'

type UseCases = Bound<typeof useCases>

const decorator = 'atDoor'

/** Prepares requests to carry the client of an integration. */
export function carryDoors(app: FastifyInstance): void {
  app.decorateRequest(decorator, null)
}

/** Attaches the authenticated client to the request. */
export function attachClient(request: FastifyRequest, atDoor: SignedDoorClient): void {
  request.setDecorator(decorator, atDoor)
  const { tenantId, rpId, integrationId } = atDoor.client.door
  nameCaller(request, { tenantId, rpId, integrationId })
}

/** The client at the door; only for routes with a guard. */
export function atDoorOf(request: FastifyRequest): SignedDoorClient {
  const atDoor = request.getDecorator<SignedDoorClient | null>(decorator)
  if (atDoor === null) throw new Error('this route was built without a door guard')
  return atDoor
}

/**
 * Describes and protects a route whose clients present the secret of the integration that the path
 * names.
 */
export type DoorGuard = <const O extends Operation>(
  operation: O,
) => Guarded<O, 'integration_invalid' | 'integration_paused' | 'address_not_allowed'>

/**
 * The secret of `Bearer <secret>` or `Basic <integration>:<secret>` (RFC 6750, RFC 7617); null for
 * anything else.
 */
function secretIn(authorization: string | undefined, id: string): string | null {
  const [, scheme = '', credentials = ''] =
    /^(bearer|basic) ([\x21-\x7e]+)$/i.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() !== 'basic') return scheme === '' ? null : credentials
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  return text.startsWith(`${id}:`) ? text.slice(id.length + 1) : null
}

/**
 * The client is authenticated before the body is read, so that unauthenticated clients cost next to
 * nothing.
 */
export function buildDoorGuard(
  { enterDoor }: Pick<UseCases, 'enterDoor'>,
  admission: Pick<Admission, 'authenticate'>,
): DoorGuard {
  return (operation) => ({
    onRequest: async (request, reply) => {
      const { id } = request.params as { readonly id: string }
      // An ill-formed id is refused like an unknown one.
      if (!isId('integration', id)) return sendRefusal(reply, refuse('integration_invalid'))
      const { authorization } = request.headers
      const proof = { secret: secretIn(authorization, id) }
      const call: DoorCall = { kind: 'wait', handle: { id }, proof, address: request.ip }
      const checkKey = ['door', id, authorization ?? null] as const
      const entry = await admission.authenticate(request.ip, checkKey, () => enterDoor(call))
      if (isRefusal(entry)) {
        const isOverload = entry.refused === 'too_many_requests'
        return isOverload ? sendOverload(reply, entry) : sendRefusal(reply, entry)
      }
      attachClient(request, { client: entry, call })
    },
    schema: operationSchema(operation, {
      security: [{ integrationSecret: [] }, { integrationLogin: [] }],
      refusals: ['integration_invalid', 'integration_paused', 'address_not_allowed'],
    }),
  })
}

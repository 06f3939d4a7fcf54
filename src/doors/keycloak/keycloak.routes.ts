import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isId } from '../../domain/ids.ts'
import { numberIn } from '../../domain/integration.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { type Operation, operationSchema } from '../../platform/http/operation.ts'
import { sendProblem, sendRefusal } from '../../platform/http/problem.ts'
import { idOf, idParams } from '../../platform/http/schemas/ids.ts'
import type { DoorClient, DoorRefusal } from '../authenticate-integration.ts'
import { keycloakAccepted, keycloakQuestion } from '../door.schemas.ts'
import type * as useCases from '../use-cases.ts'
import type { RealmToken } from './realms.store.ts'

type UseCases = Bound<typeof useCases>

const decorator = 'realmCall'

type RealmCall = {
  readonly entry: DoorClient
  readonly token: string
  readonly realmToken: RealmToken
}

const operation = {
  tag: 'integrations',
  summary: 'Ask a user for a realm of Keycloak',
  description:
    "Keycloak's HTTP authentication channel. The bearer is the token that the realm " +
    'issued for this question; the outcome is called back with it, once.',
  body: keycloakQuestion,
  answers: {
    201: {
      description: 'The question is asked, and a callback is queued.',
      schema: keycloakAccepted,
    },
  },
  refusals: ['user_not_found', 'sign_in_refused'],
} as const satisfies Omit<Operation, 'operationId'>

const protection = {
  security: [{ realmToken: [] }],
  refusals: [
    'integration_invalid',
    'integration_paused',
    'address_not_allowed',
    'realm_unreachable',
    'realm_keys_refused',
    'too_many_requests',
  ],
} as const

export type KeycloakOptions = {
  readonly useCases: UseCases
  readonly admission: Pick<Admission, 'lookUp' | 'authenticateToken'>
}

/** The door for Keycloak, with and without a secret at the end of its address. */
export function keycloakRoutes(
  app: HttpApp,
  { useCases, admission }: KeycloakOptions,
  done: () => void,
): void {
  app.decorateRequest(decorator, null)
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    const call = await admit(useCases, admission, request)
    if (isRefusal(call)) return sendRefusal(reply, call)
    request.setDecorator(decorator, call)
  }
  app.post(
    '/integrations/keycloak/:id',
    {
      onRequest,
      schema: operationSchema(
        {
          ...operation,
          operationId: 'askForRealm',
          params: idParams('id', 'integration', 'The integration, of the kind `keycloak_ciba`.'),
        },
        protection,
      ),
    },
    (request, reply) => ask(useCases, request, request.body, reply),
  )
  app.post(
    '/integrations/keycloak/:id/:secret',
    {
      onRequest,
      schema: operationSchema(
        {
          ...operation,
          operationId: 'askForRealmBySecret',
          params: z.strictObject({
            id: idOf('integration', 'The integration, with `secretInPath`.'),
            secret: z.string().meta({ description: 'Its secret.' }),
          }),
        },
        protection,
      ),
    },
    (request, reply) => ask(useCases, request, request.body, reply),
  )
  done()
}

type RealmParams = { readonly id: string; readonly secret?: string }

/** Verifies the address, the secret in it, and the token, before the body is read. */
async function admit(
  useCases: UseCases,
  admission: KeycloakOptions['admission'],
  request: FastifyRequest,
): Promise<
  | RealmCall
  | DoorRefusal
  | Refusal<'too_many_requests' | 'realm_unreachable' | 'realm_keys_refused'>
> {
  const { id, secret = null } = request.params as RealmParams
  const [, token = ''] =
    /^bearer ([A-Za-z0-9._-]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (!isId('integration', id)) return refuse('integration_invalid')
  const { ip: address } = request
  const call = { kind: 'keycloak_ciba', handle: { id }, proof: { secret }, address } as const
  // A caller that gets this far may have presented nothing but the address of the door.
  const checkKey = ['realm_door', id, secret] as const
  const entry = await admission.lookUp(address, checkKey, () => useCases.enterDoor(call))
  if (isRefusal(entry)) return entry
  const verify = () => useCases.verifyRealm(entry, token)
  const owner = { tenantId: entry.integration.tenantId, integration: id }
  const realmToken = await admission.authenticateToken(address, owner, verify)
  return isRefusal(realmToken) ? realmToken : { entry, token, realmToken }
}

async function ask(
  useCases: UseCases,
  request: FastifyRequest,
  question: z.output<typeof keycloakQuestion>,
  reply: FastifyReply,
) {
  const { entry, token, realmToken } = request.getDecorator<RealmCall>(decorator)
  const message = question.binding_message ?? ''
  const fields = [
    { label: 'Client', value: realmToken.clientId },
    ...(message === '' ? [] : [{ label: 'Message', value: message }]),
  ]
  const end = await useCases.askForRealm(
    entry,
    { token, realmToken: realmToken },
    {
      userName: question.login_hint,
      number: numberIn(message) ?? null,
      context: { action: 'Sign in', fields },
    },
  )
  if (end === null) return reply.code(201).send({})
  const { outcome, why, retryAfterSeconds, otherFactors } = end
  const again = { ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  if (why === 'too_many_requests') return sendProblem(reply, why, again)
  if (outcome === 'user_unknown') return sendProblem(reply, 'user_not_found')
  return sendProblem(reply, 'sign_in_refused', {
    facts: {
      outcome,
      ...(why !== null && { reason: why }),
      ...(otherFactors && { otherFactors }),
    },
    ...again,
  })
}

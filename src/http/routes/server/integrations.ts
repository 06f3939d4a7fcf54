import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Integration } from '../../../domain/integration.ts'
import { isRefusal } from '../../../domain/refusal.ts'
import { allows } from '../../../domain/scope.ts'
import type { Keeper, MadeCredentials } from '../../../usecases/integrations.ts'
import type { HttpApp } from '../../http-app.ts'
import { nothing } from '../../operation.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { idParams } from '../../schemas/ids.ts'
import {
  integrationBody,
  integrationChanges,
  integrationList,
  integrationRotation,
  madeIntegrationBody,
  newIntegration,
} from '../../schemas/integration.ts'
import type { ServerOptions } from './server-options.ts'

const scope = 'integrations:write'
const integrationParams = idParams('id', 'integration', 'The integration.')
const made = {
  description: 'The integration; a secret that was made is readable this once.',
  schema: madeIntegrationBody,
} as const
type Shown = z.output<typeof integrationBody>
type ShownMade = z.output<typeof madeIntegrationBody>
const planRefusals = ['namespace_not_granted', 'policy_laxer', 'number_none_not_allowed'] as const

/** A key of the scope looks after the integrations of its own relying party, an admin's after all of the tenant. */
function keeperOf(request: FastifyRequest): Keeper {
  const { tenantId, rpId, keyId, scopes } = principalOf(request)
  return { tenantId, rpId: allows(scopes, 'admin') ? null : rpId, actor: `api_key:${keyId}` }
}

const shown = ({ tenantId: _, rpId, revision: __, ...rest }: Integration): Shown => ({
  ...rest,
  relyingPartyId: rpId,
})

const shownMade = ({ integration, secret }: MadeCredentials): ShownMade => ({
  ...shown(integration),
  secret,
})

/** Doors for clients that exist. */
export function integrationRoutes(app: HttpApp, options: ServerOptions, done: () => void): void {
  list(app, options)
  create(app, options)
  read(app, options)
  change(app, options)
  rotate(app, options)
  remove(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/integrations',
    key(scope, {
      operationId: 'listIntegrations',
      tag: 'integrations',
      summary: 'The integrations of the relying party; for admins, all of the tenant',
      answers: { 200: { description: 'The integrations.', schema: integrationList } },
    }),
    async (request): Promise<z.output<typeof integrationList>> => {
      const found = await useCases.listIntegrations(keeperOf(request))
      return { items: found.map(shown), nextCursor: null }
    },
  )
}

function create(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/integrations',
    key(scope, {
      operationId: 'createIntegration',
      tag: 'integrations',
      summary: 'Make a door for a client that exists',
      body: newIntegration,
      answers: { 201: made },
      refusals: ['relying_party_unknown', ...planRefusals],
    }),
    async (request, reply) => {
      const { relyingPartyId: rpId, ...asked } = request.body
      const created = await useCases.createIntegration(keeperOf(request), { ...asked, rpId })
      if (isRefusal(created)) return sendRefusal(reply, created)
      return reply.code(201).send(shownMade(created))
    },
  )
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/integrations/:id',
    key(scope, {
      operationId: 'readIntegration',
      tag: 'integrations',
      summary: 'Read an integration, with its use and its last error',
      params: integrationParams,
      answers: { 200: { description: 'The integration.', schema: integrationBody } },
    }),
    async (request, reply) => {
      const found = await useCases.readIntegration(keeperOf(request), request.params.id)
      return isRefusal(found) ? sendRefusal(reply, found) : shown(found)
    },
  )
}

function change(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.patch(
    '/v1/integrations/:id',
    key(scope, {
      operationId: 'changeIntegration',
      tag: 'integrations',
      summary: 'Change or pause an integration',
      description: 'In force in every process within a second. Recorded before and after.',
      params: integrationParams,
      body: integrationChanges,
      answers: { 200: made },
      refusals: [...planRefusals, 'conflict'],
    }),
    async (request, reply) => {
      const { id } = request.params
      const changed = await useCases.changeIntegration(keeperOf(request), id, request.body)
      return isRefusal(changed) ? sendRefusal(reply, changed) : shownMade(changed)
    },
  )
}

function rotate(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/integrations/:id/rotate',
    key(scope, {
      operationId: 'rotateIntegration',
      tag: 'integrations',
      summary: 'Give the clients of an integration a new secret',
      description:
        'The old secret ends after `overlapSeconds` at the latest. At most two are live; with an overlap of 0 all old ones end at once.',
      params: integrationParams,
      body: integrationRotation,
      answers: { 201: made },
      refusals: ['integration_without_secret', 'rotation_under_way'],
    }),
    async (request, reply) => {
      const rotation = { ...request.body, id: request.params.id }
      const rotated = await useCases.rotateIntegration(keeperOf(request), rotation)
      if (isRefusal(rotated)) return sendRefusal(reply, rotated)
      return reply.code(201).send(shownMade(rotated))
    },
  )
}

function remove(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.delete(
    '/v1/integrations/:id',
    key(scope, {
      operationId: 'removeIntegration',
      tag: 'integrations',
      summary: 'Remove an integration for ever',
      description: 'In force in every process within a second.',
      params: integrationParams,
      answers: { 204: nothing('The integration and its secrets are gone.') },
    }),
    async (request, reply) => {
      const refusal = await useCases.removeIntegration(keeperOf(request), request.params.id)
      return refusal ? sendRefusal(reply, refusal) : reply.code(204).send()
    },
  )
}

import type { z } from 'zod'
import type { Integration } from '../domain/integration.ts'
import { integrationSetup } from '../domain/integration-setup.ts'
import { oidcIssuerOf } from '../domain/issuer.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import {
  integrationBody,
  integrationChanges,
  integrationList,
  integrationRotation,
  integrationWithSecretBody,
  newIntegration,
} from './integration.schemas.ts'
import { integrationScopeOf } from './integration-scope.http.ts'
import type { IntegrationWithSecret } from './integrations.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>> & { readonly publicOrigin: string }

const scope = 'integrations:write'
const integrationParams = idParams('id', 'integration', 'The integration.')
const withSecret = {
  description: 'The integration; a new secret is readable only once.',
  schema: integrationWithSecretBody,
} as const
type IntegrationBody = z.output<typeof integrationBody>
type BodyWithSecret = z.output<typeof integrationWithSecretBody>
const planRefusals = ['namespace_not_granted', 'policy_laxer', 'number_none_not_allowed'] as const

type Origin = Pick<Options, 'publicOrigin'>

function bodyOf({ publicOrigin }: Origin, integration: Integration): IntegrationBody {
  const { tenantId, rpId: relyingPartyId, revision: _, ...rest } = integration
  const setup = integrationSetup(integration, oidcIssuerOf(publicOrigin, tenantId))
  return { ...rest, relyingPartyId, setup }
}

const bodyWithSecretOf = (
  origin: Origin,
  { integration, secret }: IntegrationWithSecret,
): BodyWithSecret => ({ ...bodyOf(origin, integration), secret })

/** Doors for existing clients. */
export function integrationRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  create(app, options)
  read(app, options)
  change(app, options)
  rotate(app, options)
  remove(app, options)
  done()
}

function list(app: HttpApp, { useCases, key, publicOrigin }: Options): void {
  route(
    app,
    'GET /v1/integrations',
    key(scope, {
      operationId: 'listIntegrations',
      tag: 'integrations',
      summary: 'The integrations of the relying party; for admins, all of the tenant',
      answers: { 200: { description: 'The integrations.', schema: integrationList } },
    }),
    async (request) => {
      const integrations = await useCases.listIntegrations(integrationScopeOf(request))
      return { items: integrations.map((one) => bodyOf({ publicOrigin }, one)), nextCursor: null }
    },
  )
}

function create(app: HttpApp, { useCases, key, publicOrigin }: Options): void {
  route(
    app,
    'POST /v1/integrations',
    key(scope, {
      operationId: 'createIntegration',
      tag: 'integrations',
      summary: 'Create a door for an existing client',
      body: newIntegration,
      answers: { 201: withSecret },
      refusals: ['relying_party_unknown', ...planRefusals],
    }),
    async (request) => {
      const { relyingPartyId: rpId, ...input } = request.body
      const result = await useCases.createIntegration(integrationScopeOf(request), {
        ...input,
        rpId,
      })
      if (isRefusal(result)) return result
      return bodyWithSecretOf({ publicOrigin }, result)
    },
  )
}

function read(app: HttpApp, { useCases, key, publicOrigin }: Options): void {
  route(
    app,
    'GET /v1/integrations/:id',
    key(scope, {
      operationId: 'readIntegration',
      tag: 'integrations',
      summary: 'Read an integration, with its use and its last error',
      params: integrationParams,
      answers: { 200: { description: 'The integration.', schema: integrationBody } },
    }),
    async (request) => {
      const integration = await useCases.readIntegration(
        integrationScopeOf(request),
        request.params.id,
      )
      return isRefusal(integration) ? integration : bodyOf({ publicOrigin }, integration)
    },
  )
}

function change(app: HttpApp, { useCases, key, publicOrigin }: Options): void {
  route(
    app,
    'PATCH /v1/integrations/:id',
    key(scope, {
      operationId: 'changeIntegration',
      tag: 'integrations',
      summary: 'Change or pause an integration',
      description: 'In force in every process within a second. Recorded before and after.',
      params: integrationParams,
      body: integrationChanges,
      answers: { 200: withSecret },
      refusals: [...planRefusals, 'conflict'],
    }),
    async (request) => {
      const { id } = request.params
      const result = await useCases.changeIntegration(integrationScopeOf(request), id, request.body)
      return isRefusal(result) ? result : bodyWithSecretOf({ publicOrigin }, result)
    },
  )
}

function rotate(app: HttpApp, { useCases, key, publicOrigin }: Options): void {
  route(
    app,
    'POST /v1/integrations/:id/rotate',
    key(scope, {
      operationId: 'rotateIntegration',
      tag: 'integrations',
      summary: 'Give the clients of an integration a new secret',
      description:
        'The old secret ends after `overlapSeconds` at the latest. At most two are live; ' +
        'with an overlap of 0 all old ones end immediately.',
      params: integrationParams,
      body: integrationRotation,
      answers: { 201: withSecret },
      refusals: ['integration_without_secret', 'rotation_under_way'],
    }),
    async (request) => {
      const rotation = { ...request.body, id: request.params.id }
      const result = await useCases.rotateIntegration(integrationScopeOf(request), rotation)
      if (isRefusal(result)) return result
      return bodyWithSecretOf({ publicOrigin }, result)
    },
  )
}

function remove(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'DELETE /v1/integrations/:id',
    key(scope, {
      operationId: 'removeIntegration',
      tag: 'integrations',
      summary: 'Remove an integration permanently',
      description: 'In force in every process within a second.',
      params: integrationParams,
      answers: { 204: nothing('The integration and its secrets are gone.') },
    }),
    (request) => useCases.removeIntegration(integrationScopeOf(request), request.params.id),
  )
}

import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from './api-key.guard.ts'
import { policyBody, policyOverrides } from './policy.schemas.ts'
import type { ServerOptions } from './server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const partyParams = idParams('id', 'relyingParty', 'The relying party.')
const answers = { 200: { description: 'The policy in force.', schema: policyBody } } as const
const inForce = 'In force from the next request on, in every process. Recorded before and after.'

/** The rules of the tenant, and what its relying parties ask beyond them. */
export function policyRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  set(app, options)
  relyingParty(app, options)
  done()
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/policy',
    key('any', {
      operationId: 'readPolicy',
      tag: 'administration',
      summary: 'The policy of the tenant',
      answers,
      refusals: ['not_found'],
    }),
    (request) => useCases.readPolicy(principalOf(request).tenantId, null),
  )
}

function set(app: HttpApp, { useCases, key }: Options): void {
  const refusals = ['policy_out_of_profile', 'not_found', 'conflict'] as const
  route(
    app,
    'PUT /v1/policy',
    key('policy:write', {
      operationId: 'replacePolicy',
      tag: 'administration',
      summary: 'Set the policy of the tenant; fields left out return to their defaults',
      description: inForce,
      body: policyOverrides,
      answers,
      refusals,
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const change = { overrides: request.body, replace: true }
      return useCases.setPolicy(tenantId, change, `api_key:${keyId}`)
    },
  )
  route(
    app,
    'PATCH /v1/policy',
    key('policy:write', {
      operationId: 'changePolicy',
      tag: 'administration',
      summary: 'Set some fields of the policy of the tenant',
      description: inForce,
      body: policyOverrides,
      answers,
      refusals,
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const change = { overrides: request.body, replace: false }
      return useCases.setPolicy(tenantId, change, `api_key:${keyId}`)
    },
  )
}

function relyingParty(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/relying-parties/:id/policy',
    key('admin', {
      operationId: 'readRelyingPartyPolicy',
      tag: 'administration',
      summary: 'The policy in force for a relying party',
      params: partyParams,
      answers,
    }),
    async (request) => {
      const { tenantId } = principalOf(request)
      return useCases.readPolicy(tenantId, request.params.id)
    },
  )
  route(
    app,
    'PUT /v1/relying-parties/:id/policy',
    key('policy:write', {
      operationId: 'replaceRelyingPartyPolicy',
      tag: 'administration',
      summary: 'Set what a relying party asks beyond the policy of its tenant: stricter only',
      description: inForce,
      params: partyParams,
      body: policyOverrides,
      answers,
      refusals: ['policy_laxer', 'conflict'],
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      return useCases.setRelyingPartyPolicy(
        tenantId,
        request.params.id,
        request.body,
        `api_key:${keyId}`,
      )
    },
  )
}

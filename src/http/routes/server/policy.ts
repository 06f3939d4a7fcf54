import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { idParams } from '../../schemas/ids.ts'
import { policyBody, policyOverrides } from '../../schemas/policy.ts'
import type { ServerOptions } from './server-options.ts'

const partyParams = idParams('id', 'relyingParty', 'The relying party.')
const answers = { 200: { description: 'The policy in force.', schema: policyBody } } as const
const inForce = 'In force from the next request on, in every process. Recorded before and after.'

/** The rules of the tenant, and what its relying parties ask beyond them. */
export function policyRoutes(app: HttpApp, options: ServerOptions, done: () => void): void {
  read(app, options)
  set(app, options)
  relyingParty(app, options)
  done()
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/policy',
    key('any', {
      operationId: 'readPolicy',
      tag: 'administration',
      summary: 'The policy of the tenant',
      answers,
    }),
    async (request, reply) => {
      const policy = await useCases.readPolicy(principalOf(request).tenantId, null)
      return isRefusal(policy) ? sendRefusal(reply, policy) : policy
    },
  )
}

function set(app: HttpApp, { useCases, key }: ServerOptions): void {
  const refusals = ['policy_out_of_profile', 'conflict'] as const
  app.put(
    '/v1/policy',
    key('policy:write', {
      operationId: 'replacePolicy',
      tag: 'administration',
      summary: 'Set the policy of the tenant; fields left out return to their defaults',
      description: inForce,
      body: policyOverrides,
      answers,
      refusals,
    }),
    async (request, reply) => {
      const { tenantId, keyId } = principalOf(request)
      const change = { overrides: request.body, replace: true }
      const policy = await useCases.setPolicy(tenantId, change, `api_key:${keyId}`)
      return isRefusal(policy) ? sendRefusal(reply, policy) : policy
    },
  )
  app.patch(
    '/v1/policy',
    key('policy:write', {
      operationId: 'changePolicy',
      tag: 'administration',
      summary: 'Set some fields of the policy of the tenant',
      description: inForce,
      body: policyOverrides,
      answers,
      refusals,
    }),
    async (request, reply) => {
      const { tenantId, keyId } = principalOf(request)
      const change = { overrides: request.body, replace: false }
      const policy = await useCases.setPolicy(tenantId, change, `api_key:${keyId}`)
      return isRefusal(policy) ? sendRefusal(reply, policy) : policy
    },
  )
}

function relyingParty(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/relying-parties/:id/policy',
    key('admin', {
      operationId: 'readRelyingPartyPolicy',
      tag: 'administration',
      summary: 'The policy in force for a relying party',
      params: partyParams,
      answers,
    }),
    async (request, reply) => {
      const { tenantId } = principalOf(request)
      const policy = await useCases.readPolicy(tenantId, request.params.id)
      return isRefusal(policy) ? sendRefusal(reply, policy) : policy
    },
  )
  app.put(
    '/v1/relying-parties/:id/policy',
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
    async (request, reply) => {
      const { tenantId, keyId } = principalOf(request)
      const policy = await useCases.setRelyingPartyPolicy(
        tenantId,
        request.params.id,
        request.body,
        `api_key:${keyId}`,
      )
      return isRefusal(policy) ? sendRefusal(reply, policy) : policy
    },
  )
}

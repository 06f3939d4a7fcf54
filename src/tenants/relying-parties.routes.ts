import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { wholeList } from '../platform/http/schemas/paging.ts'
import { principalOf } from './api-key.guard.ts'
import { newRelyingParty, relyingPartyBody, relyingPartyChanges } from './relying-party.schemas.ts'
import type { ServerOptions } from './server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const relyingPartyList = wholeList(relyingPartyBody, 'RelyingParties', 'All of the tenant.')

/** Relying parties of the tenant. */
export function relyingPartyRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  create(app, options)
  change(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/relying-parties',
    key('admin', {
      operationId: 'listRelyingParties',
      tag: 'administration',
      summary: 'All relying parties of the tenant',
      answers: { 200: { description: 'The relying parties.', schema: relyingPartyList } },
    }),
    async (request) => ({
      items: await useCases.listRelyingParties(principalOf(request).tenantId),
      nextCursor: null,
    }),
  )
}

function create(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/relying-parties',
    key('admin', {
      operationId: 'createRelyingParty',
      tag: 'administration',
      summary: 'Add a relying party',
      body: newRelyingParty,
      answers: { 201: { description: 'The new relying party.', schema: relyingPartyBody } },
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const party = { ...request.body, tenantId }
      return useCases.createRelyingParty(party, `api_key:${keyId}`)
    },
  )
}

function change(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'PATCH /v1/relying-parties/:id',
    key('admin', {
      operationId: 'changeRelyingParty',
      tag: 'administration',
      summary: 'Set where challenges of a relying party may lead back',
      description: 'In force from its next challenge on, in every process.',
      params: idParams('id', 'relyingParty', 'The relying party.'),
      body: relyingPartyChanges,
      answers: { 200: { description: 'The relying party.', schema: relyingPartyBody } },
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const party = { ...request.body, tenantId, id: request.params.id }
      return useCases.changeRelyingParty(party, `api_key:${keyId}`)
    },
  )
}

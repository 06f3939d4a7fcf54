import type { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { wholeList } from '../platform/http/schemas/paging.ts'
import { principalOf } from './api-key.guard.ts'
import type { ApiKey } from './directory.store.ts'
import {
  apiKeyBody,
  apiKeyRotation,
  createdApiKeyBody,
  newApiKey,
} from './relying-party.schemas.ts'
import type { ServerOptions } from './server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const apiKeyList = wholeList(apiKeyBody, 'ApiKeys', 'All of the tenant.')

function shownKey({ rpId, ...key }: ApiKey): z.output<typeof apiKeyBody> {
  return { ...key, relyingPartyId: rpId }
}

/** API keys of the tenant. */
export function apiKeyRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  create(app, options)
  rotate(app, options)
  revoke(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/api-keys',
    key('admin', {
      operationId: 'listApiKeys',
      tag: 'administration',
      summary: 'All API keys of the tenant',
      answers: { 200: { description: 'The keys.', schema: apiKeyList } },
    }),
    async (request) => {
      const keys = await useCases.listApiKeys(principalOf(request).tenantId)
      return { items: keys.map(shownKey), nextCursor: null }
    },
  )
}

function create(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/api-keys',
    key('admin', {
      operationId: 'createApiKey',
      tag: 'administration',
      summary: 'Create an API key for a relying party',
      body: newApiKey,
      answers: {
        201: {
          description: 'The key with its secret, readable this once.',
          schema: createdApiKeyBody,
        },
      },
      refusals: ['relying_party_unknown'],
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const { relyingPartyId: rpId, ...input } = request.body
      const newKey = await useCases.createApiKey({ ...input, tenantId, rpId }, `api_key:${keyId}`)
      if (isRefusal(newKey)) return newKey
      const body: z.output<typeof createdApiKeyBody> = {
        ...shownKey(newKey.key),
        secret: newKey.secret,
      }
      return body
    },
  )
}

function rotate(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/api-keys/:id/rotate',
    key('admin', {
      operationId: 'rotateApiKey',
      tag: 'administration',
      summary: 'Create the successor of an API key',
      description:
        'The new key has the same rights. The old one ends after `overlapSeconds` at the ' +
        'latest; at most two keys of a lineage are live.',
      params: idParams('id', 'apiKey', 'The key.'),
      body: apiKeyRotation,
      answers: {
        201: {
          description: 'The new key with its secret, readable this once.',
          schema: createdApiKeyBody,
        },
      },
      refusals: ['api_key_not_live', 'rotation_under_way'],
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const command = { ...request.body, tenantId, id: request.params.id }
      const successor = await useCases.rotateApiKey(command, `api_key:${keyId}`)
      if (isRefusal(successor)) return successor
      const body: z.output<typeof createdApiKeyBody> = {
        ...shownKey(successor.key),
        secret: successor.secret,
      }
      return body
    },
  )
}

function revoke(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/api-keys/:id/revoke',
    key('admin', {
      operationId: 'revokeApiKey',
      tag: 'administration',
      summary: 'Revoke an API key permanently',
      description: 'In force everywhere within a second. Revoking a key twice changes nothing.',
      params: idParams('id', 'apiKey', 'The key.'),
      answers: { 200: { description: 'The revoked key.', schema: apiKeyBody } },
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const revokedKey = await useCases.revokeApiKey(
        tenantId,
        request.params.id,
        `api_key:${keyId}`,
      )
      return isRefusal(revokedKey) ? revokedKey : shownKey(revokedKey)
    },
  )
}

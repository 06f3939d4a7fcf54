import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'
import {
  newWebhookEndpoint,
  webhookAttemptPage,
  webhookEndpointBody,
  webhookEndpointChanges,
  webhookEndpointList,
  webhookEndpointWithSecret,
  webhookReplay,
  webhookReplayBody,
  webhookRotation,
  webhookTest,
} from './webhook-endpoint.schemas.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const params = idParams('id', 'webhookEndpoint', 'The endpoint.')
const tag = 'webhooks'
const oneEndpoint = { description: 'The endpoint.', schema: webhookEndpointBody } as const
const withSecret = {
  description: 'The endpoint and its secret, which is shown only once.',
  schema: webhookEndpointWithSecret,
} as const

/** Webhook endpoints; each relying party sees its own. */
export function webhookEndpointRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  create(app, options)
  read(app, options)
  change(app, options)
  remove(app, options)
  rotate(app, options)
  test(app, options)
  attempts(app, options)
  replay(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/webhook-endpoints',
    key('webhooks:write', {
      operationId: 'listWebhookEndpoints',
      tag,
      summary: 'The webhook endpoints of the relying party',
      answers: { 200: { description: 'The endpoints.', schema: webhookEndpointList } },
    }),
    async (request) => ({
      items: await useCases.listWebhookEndpoints(principalOf(request)),
      nextCursor: null,
    }),
  )
}

function create(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/webhook-endpoints',
    key('webhooks:write', {
      operationId: 'createWebhookEndpoint',
      tag,
      summary: 'Add a webhook endpoint',
      description: 'It receives events from now on. See docs/webhooks.md.',
      body: newWebhookEndpoint,
      answers: { 201: withSecret },
      refusals: ['webhook_url_refused', 'too_many_webhook_endpoints'],
    }),
    (request) => useCases.createWebhookEndpoint(principalOf(request), request.body),
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'readWebhookEndpoint',
      tag,
      summary: 'Read a webhook endpoint',
      params,
      answers: { 200: oneEndpoint },
    }),
    (request) => useCases.readWebhookEndpoint(principalOf(request), request.params.id),
  )
}

function change(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'PATCH /v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'changeWebhookEndpoint',
      tag,
      summary: 'Change, pause or resume a webhook endpoint',
      params,
      body: webhookEndpointChanges,
      answers: { 200: oneEndpoint },
      refusals: ['webhook_url_refused'],
    }),
    async (request) => {
      const { id } = request.params
      return useCases.changeWebhookEndpoint(principalOf(request), id, request.body)
    },
  )
}

function remove(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'DELETE /v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'removeWebhookEndpoint',
      tag,
      summary: 'Remove a webhook endpoint',
      params,
      answers: { 204: nothing('The endpoint is removed; its pending events are not sent.') },
    }),
    (request) => useCases.removeWebhookEndpoint(principalOf(request), request.params.id),
  )
}

function rotate(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/webhook-endpoints/:id/rotate-secret',
    key('webhooks:write', {
      operationId: 'rotateWebhookSecret',
      tag,
      summary: 'Create a new secret',
      description:
        'During the overlap each webhook carries two signatures, so that a receiver that ' +
        'holds either secret accepts it.',
      params,
      body: webhookRotation,
      answers: { 200: withSecret },
    }),
    async (request) => {
      const { id } = request.params
      const { overlapSeconds } = request.body
      return useCases.rotateWebhookSecret(principalOf(request), id, overlapSeconds)
    },
  )
}

function test(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/webhook-endpoints/:id/test',
    key('webhooks:write', {
      operationId: 'testWebhookEndpoint',
      tag,
      summary: 'Send a test event',
      description: 'Of the type `webhook.test`, regardless of the filter; retried for a minute.',
      params,
      answers: { 202: { description: 'It is on its way.', schema: webhookTest } },
      refusals: ['webhook_endpoint_not_active', 'too_many_webhook_requests'],
    }),
    (request) => useCases.testWebhookEndpoint(principalOf(request), request.params.id),
  )
}

function attempts(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/webhook-endpoints/:id/attempts',
    key('webhooks:write', {
      operationId: 'listWebhookAttempts',
      tag,
      summary: 'Attempts to deliver events to the endpoint',
      params,
      querystring: z.strictObject(pageQuery('webhookAttempt')),
      answers: { 200: { description: 'The attempts.', schema: webhookAttemptPage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      const { id } = request.params
      const rows = await useCases.listWebhookAttempts(principalOf(request), id, page)
      return isRefusal(rows) ? rows : pageOf(rows, page)
    },
  )
}

function replay(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/webhook-endpoints/:id/replay',
    key('webhooks:write', {
      operationId: 'replayWebhooks',
      tag,
      summary: 'Send events again',
      description:
        'One event, delivered or not, or everything that failed and happened since a ' +
        'time. They keep their ids.',
      params,
      body: webhookReplay,
      answers: { 202: { description: 'They are on their way.', schema: webhookReplayBody } },
      refusals: ['webhook_endpoint_not_active', 'too_many_webhook_requests'],
    }),
    async (request) => {
      const { id } = request.params
      return useCases.replayWebhooks(principalOf(request), id, request.body)
    },
  )
}

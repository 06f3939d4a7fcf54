import { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { nothing } from '../../operation.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { idParams } from '../../schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../../schemas/paging.ts'
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
} from '../../schemas/webhook-endpoint.ts'
import type { ServerOptions } from './server-options.ts'

const params = idParams('id', 'webhookEndpoint', 'The endpoint.')
const tag = 'webhooks'
const oneEndpoint = { description: 'The endpoint.', schema: webhookEndpointBody } as const
const withSecret = {
  description: 'The endpoint and its secret, which is shown only once.',
  schema: webhookEndpointWithSecret,
} as const
type EndpointBody = z.output<typeof webhookEndpointBody>
type BodyWithSecret = z.output<typeof webhookEndpointWithSecret>

/** Webhook endpoints; each relying party sees its own. */
export function webhookEndpointRoutes(
  app: HttpApp,
  options: ServerOptions,
  done: () => void,
): void {
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

function list(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/webhook-endpoints',
    key('webhooks:write', {
      operationId: 'listWebhookEndpoints',
      tag,
      summary: 'The webhook endpoints of the relying party',
      answers: { 200: { description: 'The endpoints.', schema: webhookEndpointList } },
    }),
    async (request): Promise<z.output<typeof webhookEndpointList>> => ({
      items: await useCases.listWebhookEndpoints(principalOf(request)),
      nextCursor: null,
    }),
  )
}

function create(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/webhook-endpoints',
    key('webhooks:write', {
      operationId: 'createWebhookEndpoint',
      tag,
      summary: 'Add a webhook endpoint',
      description: 'It receives events from now on. See docs/webhooks.md.',
      body: newWebhookEndpoint,
      answers: { 201: withSecret },
      refusals: ['webhook_url_refused', 'too_many_webhook_endpoints'],
    }),
    async (request, reply) => {
      const endpoint = await useCases.createWebhookEndpoint(principalOf(request), request.body)
      if (isRefusal(endpoint)) return sendRefusal(reply, endpoint)
      return reply.code(201).send(endpoint satisfies BodyWithSecret)
    },
  )
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'readWebhookEndpoint',
      tag,
      summary: 'Read a webhook endpoint',
      params,
      answers: { 200: oneEndpoint },
    }),
    async (request, reply): Promise<EndpointBody | typeof reply> => {
      const endpoint = await useCases.readWebhookEndpoint(principalOf(request), request.params.id)
      return isRefusal(endpoint) ? sendRefusal(reply, endpoint) : endpoint
    },
  )
}

function change(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.patch(
    '/v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'changeWebhookEndpoint',
      tag,
      summary: 'Change, pause or resume a webhook endpoint',
      params,
      body: webhookEndpointChanges,
      answers: { 200: oneEndpoint },
      refusals: ['webhook_url_refused'],
    }),
    async (request, reply): Promise<EndpointBody | typeof reply> => {
      const { id } = request.params
      const endpoint = await useCases.changeWebhookEndpoint(principalOf(request), id, request.body)
      return isRefusal(endpoint) ? sendRefusal(reply, endpoint) : endpoint
    },
  )
}

function remove(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.delete(
    '/v1/webhook-endpoints/:id',
    key('webhooks:write', {
      operationId: 'removeWebhookEndpoint',
      tag,
      summary: 'Remove a webhook endpoint',
      params,
      answers: { 204: nothing('The endpoint is removed; its pending events are not sent.') },
    }),
    async (request, reply) => {
      const refusal = await useCases.removeWebhookEndpoint(principalOf(request), request.params.id)
      return refusal ? sendRefusal(reply, refusal) : reply.code(204).send()
    },
  )
}

function rotate(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/webhook-endpoints/:id/rotate-secret',
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
    async (request, reply): Promise<BodyWithSecret | typeof reply> => {
      const { id } = request.params
      const { overlapSeconds } = request.body
      const endpoint = await useCases.rotateWebhookSecret(principalOf(request), id, overlapSeconds)
      return isRefusal(endpoint) ? sendRefusal(reply, endpoint) : endpoint
    },
  )
}

function test(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/webhook-endpoints/:id/test',
    key('webhooks:write', {
      operationId: 'testWebhookEndpoint',
      tag,
      summary: 'Send a test event',
      description: 'Of the type `webhook.test`, regardless of the filter; retried for a minute.',
      params,
      answers: { 202: { description: 'It is on its way.', schema: webhookTest } },
      refusals: ['webhook_endpoint_not_active', 'too_many_webhook_requests'],
    }),
    async (request, reply) => {
      const testEvent = await useCases.testWebhookEndpoint(principalOf(request), request.params.id)
      if (isRefusal(testEvent)) return sendRefusal(reply, testEvent)
      return reply.code(202).send(testEvent satisfies z.output<typeof webhookTest>)
    },
  )
}

function attempts(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/webhook-endpoints/:id/attempts',
    key('webhooks:write', {
      operationId: 'listWebhookAttempts',
      tag,
      summary: 'Attempts to deliver events to the endpoint',
      params,
      querystring: z.strictObject(pageQuery('webhookAttempt')),
      answers: { 200: { description: 'The attempts.', schema: webhookAttemptPage } },
    }),
    async (request, reply): Promise<z.output<typeof webhookAttemptPage> | typeof reply> => {
      const page = pageRequest(request.query)
      const { id } = request.params
      const rows = await useCases.listWebhookAttempts(principalOf(request), id, page)
      return isRefusal(rows) ? sendRefusal(reply, rows) : pageOf(rows, page)
    },
  )
}

function replay(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/webhook-endpoints/:id/replay',
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
    async (request, reply) => {
      const { id } = request.params
      const result = await useCases.replayWebhooks(principalOf(request), id, request.body)
      if (isRefusal(result)) return sendRefusal(reply, result)
      return reply.code(202).send(result satisfies z.output<typeof webhookReplayBody>)
    },
  )
}

// The description of the API, generated from the schemas that the routes really use.

import swagger from '@fastify/swagger'
import { fastify, type HTTPMethods } from 'fastify'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod'
import manifest from '../../../package.json' with { type: 'json' }
import { tidy } from './openapi-document.ts'
import { withExamples } from './openapi-examples.ts'
import { inReadingOrder } from './openapi-order.ts'
import { shareRefusals } from './openapi-refusals.ts'
import { tags } from './operation.ts'

const description = `Push sign-in approval: ask a user, let a registered phone answer, get a signed
outcome.

Every 4xx and 5xx is a problem document (RFC 9457) with a stable \`code\`. What belongs to others
answers like what does not exist. Unknown members are refused. On any path, malformed requests get
400, requests that arrive too slowly 408, and too long headers 431. Ids are TypeIDs, times RFC 3339
in UTC. The header \`Request-Id\` names each request. Answers may get more members.`

const document = {
  openapi: '3.1.0',
  info: {
    title: 'Countersign',
    version: manifest.version,
    description,
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'The service that serves this description.' }],
  tags: Object.entries(tags).map(([name, about]) => ({ name, description: about })),
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'cs_<id>_<secret>',
        description:
          'An API key. The scopes that a call requires are listed with it; `admin` has all.',
      },
      integrationSecret: {
        type: 'http',
        scheme: 'bearer',
        description: 'The secret of the integration that the path names.',
      },
      integrationLogin: {
        type: 'http',
        scheme: 'basic',
        description: 'The same: the id of the integration, and its secret as the password.',
      },
      authApi: {
        type: 'http',
        scheme: 'basic',
        description:
          'The integration key, and as the password a signature by HMAC in the Auth API ' +
          'wire format: versions 2, 4 and 5; version 1 under `/rest/v1`.',
      },
      realmToken: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A token that a realm of the integration issued for this question.',
      },
      portalSession: {
        type: 'apiKey',
        in: 'cookie',
        name: '__Host-countersign-portal',
        description:
          'The session that opening a link creates; on plain http the cookie is ' +
          '`countersign-portal`. Calls that change something must come from a page of ' +
          'the same origin (`Sec-Fetch-Site` or `Origin`).',
      },
      webhookSignature: {
        type: 'apiKey',
        in: 'header',
        name: 'webhook-signature',
        description: 'How the service shows that an event is its own (Standard Webhooks).',
      },
      deviceProof: {
        type: 'apiKey',
        in: 'header',
        name: 'Device-Proof',
        description:
          'A compact JWS, ES256, `typ: device-proof+jwt`, for exactly this method, ' +
          'address and body; a new one for each request. The key that must sign is ' +
          'listed with each call. Where that is the verification key and it is a passkey, the ' +
          'possession key signs, and the header `Device-Assertion` brings the assertion ' +
          '(`PasskeyAssertion`, as JSON in base64url, at most 2,048 characters) over the ' +
          'SHA-256 of the proof up to its second dot.',
      },
    },
  },
} as const

const headers = {
  'webhook-id':
    'The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ' +
    'ignore it.',
  'webhook-timestamp': 'Unix time of this attempt, in seconds.',
  'webhook-signature':
    'Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and ' +
    'body, joined by dots.',
}

/** A route as it was registered. */
export type DescribedRoute = {
  readonly method: HTTPMethods | HTTPMethods[]
  readonly url: string
  readonly schema?: object
}

/** A type of event that endpoints receive, with the name of its schema. */
export type WebhookDescription = {
  readonly type: string
  readonly schemaName: string
  readonly description: string
}

/** The events that endpoints receive: one webhook of OpenAPI 3.1 for each type. */
function webhooksOf(webhooks: readonly WebhookDescription[]) {
  const parameters = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  }))
  const entries = webhooks.map(({ type, schemaName, description }) => {
    const schema = { $ref: `#/components/schemas/${schemaName}` }
    const post = {
      operationId: `on${schemaName}`,
      tags: ['webhooks'],
      summary: description,
      security: [{ webhookSignature: [] }],
      parameters,
      requestBody: { required: true, content: { 'application/json': { schema } } },
      responses: {
        '2XX': { description: 'Accepted.' },
        410: { description: 'The endpoint is gone permanently, and is disabled.' },
        default: { description: 'Retried later; a redirect, too, is a failure.' },
      },
    }
    return [type, { post }]
  })
  return Object.fromEntries(entries)
}

/** An app that is never listened to writes it: the library reads the routes of one. */
export async function writeOpenApi(
  routes: readonly DescribedRoute[],
  webhooks: readonly WebhookDescription[],
): Promise<object> {
  const toDocument = createJsonSchemaTransformObject({})
  await using app = fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    openapi: structuredClone(document) as object,
    transform: createJsonSchemaTransform({}),
    transformObject: (input) => {
      const tidyDocument = tidy({ ...toDocument(input), webhooks: webhooksOf(webhooks) })
      return inReadingOrder(withExamples(shareRefusals(tidyDocument as never)))
    },
  })
  for (const route of routes) app.route({ ...route, handler: () => undefined })
  await app.ready()
  return app.swagger()
}

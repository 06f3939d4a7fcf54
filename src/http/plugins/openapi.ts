// The description of the API, made from the schemas that the routes really use.

import swagger from '@fastify/swagger'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod'
import manifest from '../../../package.json' with { type: 'json' }
import type { HttpApp } from '../http-app.ts'
import { tidy } from '../openapi-document.ts'
import { tags } from '../operation.ts'
import { webhookEventBodies, webhookEventName } from '../schemas/webhook-event.ts'

const description = `Push sign-in approval: ask a user, let a registered phone answer, get a signed outcome.

Every 4xx and 5xx is a problem document (RFC 9457) with a stable \`code\`. What belongs to others answers like what does not
exist. Unknown members are refused. On any path, what is no request gets 400, what comes too slowly 408, too long headers 431.
Ids are TypeIDs, times RFC 3339 in UTC. The header \`Request-Id\` names each request. Answers may get more members.`

const document = {
  openapi: '3.1.0',
  info: {
    title: 'Countersign',
    version: manifest.version,
    description,
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/' }],
  tags: Object.entries(tags).map(([name, about]) => ({ name, description: about })),
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'cs_<id>_<secret>',
        description: 'An API key. The scopes that a call takes are named with it; `admin` has all.',
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
          'The integration key, and as the password a signature by HMAC in the Auth API wire format: versions 2, 4 and 5.',
      },
      realmToken: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A token that a realm of the integration made for this question.',
      },
      portalSession: {
        type: 'apiKey',
        in: 'cookie',
        name: '__Host-countersign-portal',
        description:
          'The session that opening a link gave; on plain http the cookie is `countersign-portal`. Changing calls must come from a page of the same origin (`Sec-Fetch-Site` or `Origin`).',
      },
      deviceProof: {
        type: 'apiKey',
        in: 'header',
        name: 'Device-Proof',
        description:
          'A compact JWS, ES256, `typ: device-proof+jwt`, for exactly this method, address and body; made anew for each request. The key that must sign is named with it.',
      },
    },
  },
} as const

const headers = {
  'webhook-id':
    'Names the event: the same over all tries. What was seen before is answered 2xx and ignored.',
  'webhook-timestamp': 'Unix time of this try, in seconds.',
  'webhook-signature':
    'Signatures apart by spaces, `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots.',
}

/** What endpoints are sent: one webhook of OpenAPI 3.1 for each type of event. */
function webhooksOf() {
  const parameters = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  }))
  const described = [...webhookEventBodies].map(([type, { description }]) => {
    const schema = { $ref: `#/components/schemas/${webhookEventName(type)}` }
    const post = {
      operationId: `on${webhookEventName(type)}`,
      tags: ['webhooks'],
      summary: description,
      parameters,
      requestBody: { required: true, content: { 'application/json': { schema } } },
      responses: {
        '2XX': { description: 'Taken.' },
        410: { description: 'The endpoint is gone for ever, and disabled.' },
        default: { description: 'Tried again later; a redirect, too, is a failure.' },
      },
    }
    return [type, { post }]
  })
  return Object.fromEntries(described)
}

/** Must be registered before the routes that it is to describe. */
export async function describeRoutes(app: HttpApp): Promise<void> {
  const tidied = createJsonSchemaTransformObject({})
  await app.register(swagger, {
    openapi: structuredClone(document) as object,
    transform: createJsonSchemaTransform({}),
    transformObject: (given) => tidy({ ...tidied(given), webhooks: webhooksOf() }),
  })
}

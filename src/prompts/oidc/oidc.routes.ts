// The endpoints of the provider that programs call; browsers come by authorize.routes.ts.

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { isRequestFault, readParameters } from '../../domain/oidc-request.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import { formMediaType, parseFormsOnly } from '../../platform/http/form-body.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { publicOperation } from '../../platform/http/operation.ts'
import { route } from '../../platform/http/route.ts'
import { languages } from '../../platform/texts/texts.ts'
import type * as useCases from '../use-cases.ts'
import type { ClientCall } from './authenticate-client.ts'
import { discoveryOf } from './discovery.ts'
import {
  discoveryBody,
  oauthErrorBody,
  oidcJwksBody,
  parameters,
  pushedBody,
  tenantParams,
  tokensBody,
} from './oidc.schemas.ts'

type UseCases = Bound<typeof useCases>

export type OidcOptions = {
  readonly useCases: Pick<UseCases, 'readProvider' | 'pushRequest' | 'exchangeCode'>
  readonly admission: Pick<Admission, 'authenticate' | 'lookUp'>
}

const tag = 'integrations'
/** Bytes of a form: hints and signed requests are long. */
export const oidcFormBytesMax = 64 * 1024
/** As long as a code and its answer; nothing is opened with it. */
const accessTokenSeconds = 60
// Clients keep it for a day: a new key is published two days before it signs.
const cacheControl = 'public, max-age=3600'

const oauthError = (description: string) => ({ description, schema: oauthErrorBody })

/** Discovery, keys, tokens and pushed requests. */
export function oidcRoutes(app: HttpApp, options: OidcOptions, done: () => void): void {
  parseFormsOnly(app, oidcFormBytesMax)
  refuseAsOauth(app)
  discovery(app, options)
  keys(app, options)
  token(app, options)
  pushing(app, options)
  done()
}

/** What cannot be read is refused in the words of OAuth (RFC 6749, 5.2). */
function refuseAsOauth(app: HttpApp): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const { statusCode = 500, validation, validationContext } = error as Partial<FastifyError>
    const isOfForm = validation ? validationContext === 'body' : [400, 415].includes(statusCode)
    if (!isOfForm || request.method !== 'POST') throw error
    const error_description = 'send application/x-www-form-urlencoded, each parameter once'
    reply.code(400).header('cache-control', 'no-store')
    return reply.send({ error: 'invalid_request', error_description })
  })
}

function discovery(app: HttpApp, { useCases, admission }: OidcOptions): void {
  route(
    app,
    'GET /t/:tenantId/oidc/.well-known/openid-configuration',
    publicOperation({
      operationId: 'readOpenIdConfiguration',
      tag,
      summary: 'The tenant as a provider of OpenID Connect',
      params: tenantParams,
      answers: { 200: { description: 'What clients need to know.', schema: discoveryBody } },
      refusals: ['too_many_requests'],
    }),
    async ({ params: { tenantId }, ip }, reply) => {
      const reading = () => useCases.readProvider(tenantId)
      const provider = await admission.lookUp(ip, ['oidc', 'provider', tenantId], reading)
      if (isRefusal(provider)) return provider
      return reply
        .header('cache-control', cacheControl)
        .send(discoveryOf(provider.issuer, languages))
    },
  )
}

function keys(app: HttpApp, { useCases, admission }: OidcOptions): void {
  route(
    app,
    'GET /t/:tenantId/oidc/jwks',
    publicOperation({
      operationId: 'readOidcKeys',
      tag,
      summary: 'The keys that sign ID tokens of a tenant',
      params: tenantParams,
      answers: { 200: { description: 'The keys.', schema: oidcJwksBody } },
      refusals: ['too_many_requests'],
    }),
    async ({ params: { tenantId }, ip }, reply) => {
      const reading = () => useCases.readProvider(tenantId)
      const provider = await admission.lookUp(ip, ['oidc', 'provider', tenantId], reading)
      if (isRefusal(provider)) return provider
      return reply.header('cache-control', cacheControl).send({ keys: provider.keys })
    },
  )
}

type CallRequest = FastifyRequest<{ Params: { tenantId: ClientCall['tenantId'] } }>

/** Nobody is authenticated twice by one check: an assertion counts once. */
async function asClient<T>(
  { admission }: OidcOptions,
  request: CallRequest,
  work: (call: ClientCall) => Promise<T>,
): Promise<T | Refusal<'too_many_requests'>> {
  const { params, headers, ip: address, body } = request
  // A repeated parameter did not come as far.
  const form = readParameters(body as object) ?? {}
  const call = { ...params, authorization: headers.authorization, form, address }
  return admission.authenticate(address, null, () => work(call))
}

const refusedClient = { error: 'invalid_client' } as const

/** Refuses a client in the words of OAuth (RFC 6749, 5.2). */
function sendRefusedClient(reply: FastifyReply, request: FastifyRequest): FastifyReply {
  if (request.headers.authorization !== undefined)
    reply.header('www-authenticate', 'Basic realm="countersign"')
  return reply.code(401).send(refusedClient)
}

function token(app: HttpApp, options: OidcOptions): void {
  route(
    app,
    'POST /t/:tenantId/oidc/token',
    publicOperation({
      operationId: 'exchangeOidcCode',
      tag,
      summary: 'Exchange the code that a browser brought for an ID token',
      description: 'The client authenticates as its integration says. A code counts once.',
      params: tenantParams,
      consumes: [formMediaType],
      body: parameters,
      answers: {
        200: { description: 'The tokens.', schema: tokensBody },
        400: oauthError('The code or the request counts for nothing.'),
        401: oauthError('No integration lets this client in.'),
      },
      refusals: ['too_many_requests'],
    }),
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const tokens = await asClient(options, request, options.useCases.exchangeCode)
      if (isRefusal(tokens)) {
        return tokens.refused === 'too_many_requests' ? tokens : sendRefusedClient(reply, request)
      }
      if ('error' in tokens) return reply.code(400).send(tokens)
      const { idToken: id_token, accessToken: access_token } = tokens
      const common = { token_type: 'Bearer', expires_in: accessTokenSeconds } as const
      return reply.code(200).send({ id_token, access_token, ...common })
    },
  )
}

function pushing(app: HttpApp, options: OidcOptions): void {
  route(
    app,
    'POST /t/:tenantId/oidc/par',
    publicOperation({
      operationId: 'pushOidcRequest',
      tag,
      summary: 'Send a request ahead of the browser (PAR)',
      description: 'So that the browser, which only brings the reference, changes nothing of it.',
      params: tenantParams,
      consumes: [formMediaType],
      body: parameters,
      answers: {
        201: { description: 'The reference.', schema: pushedBody },
        400: oauthError('What is wrong with the request.'),
        401: oauthError('No integration lets this client in.'),
      },
      refusals: ['too_many_requests'],
    }),
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const reference = await asClient(options, request, options.useCases.pushRequest)
      if (isRefusal(reference)) {
        return reference.refused === 'too_many_requests'
          ? reference
          : sendRefusedClient(reply, request)
      }
      if (isRequestFault(reference)) {
        const { error, description: error_description } = reference
        return reply.code(400).send({ error, error_description })
      }
      const { requestUri: request_uri, expiresInSeconds: expires_in } = reference
      return reply.code(201).send({ request_uri, expires_in })
    },
  )
}

// What surrounds the handlers of the Auth API: calls are signed, and nothing but an approval may
// look like one.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isRefusal, refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import { atDoorOf, attachClient } from '../door.guard.ts'
import type * as useCases from '../use-cases.ts'
import { type AuthApiRoute, sendAuthApiRefusal } from './auth-api-answers.http.ts'
import type { SignedDoorCall, SignedDoorClient } from './enter-by-signature.ts'

type UseCases = Bound<typeof useCases>

/** Bytes of a body; no client sends half as many, unless the person who signs in makes it do so. */
const bodyBytesMax = 32 * 1024

const decorator = 'signedMembers'

/** A call of a client that was let in, with the members of its query or body. */
export type AuthApiCall = SignedDoorClient & {
  readonly params: Readonly<Record<string, string>>
  /** Whether it came by version 1. */
  readonly isLegacy: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which kind of refusal the clients of this route understand. */
    authApi?: AuthApiRoute
    /** Whether the route is one of version 1. */
    authApiLegacy?: boolean
  }
}

const isLegacy = (request: FastifyRequest) => request.routeOptions.config.authApiLegacy === true

type Pairs = readonly (readonly [name: string, value: string])[]

/** Whatever fails is refused in the form that the clients of the route understand. */
export function refuseOnErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const { statusCode } = error as { readonly statusCode?: number }
    if (statusCode !== undefined && statusCode < 500)
      return sendAuthApiRefusal(reply, refuse('invalid_request'))
    request.log.error({ err: error, requestId: request.id }, 'a call of the Auth API failed')
    return sendAuthApiRefusal(reply, 'unavailable')
  })
}

/** Bodies are kept as the bytes that were signed. */
export function keepSignedBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
    app.addContentTypeParser<Buffer>(
      type,
      { parseAs: 'buffer', bodyLimit: bodyBytesMax },
      (_request, bytes, done) => done(null, bytes),
    )
  }
  app.decorateRequest(decorator, null)
}

/** The client and its parameters; only for routes behind `authApiGuard`. */
export function authApiCallOf(request: FastifyRequest): AuthApiCall {
  const params = request.getDecorator<AuthApiCall['params'] | null>(decorator)
  if (params === null) throw new Error('this route was built without the guard of the Auth API')
  return { ...atDoorOf(request), params, isLegacy: isLegacy(request) }
}

/**
 * A form or query (both `+` and `%20` are a space); undefined for one that two parsers could read
 * differently.
 */
export function readForm(text: string): Pairs | undefined {
  try {
    return text
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const [name = '', ...value] = pair.replaceAll('+', ' ').split('=').map(decodeURIComponent)
        return [name, value.join('=')] as const
      })
  } catch {
    return undefined
  }
}

/** The members of a JSON object as texts; undefined for anything else. */
function readJson(bytes: Uint8Array): Pairs | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const members = Object.entries(value).filter(([, one]) => one !== null)
    const isPlain = members.every(([, one]) => ['string', 'number', 'boolean'].includes(typeof one))
    return isPlain ? members.map(([name, one]) => [name, String(one)] as const) : undefined
  } catch {
    return undefined
  }
}

/** Integration key and signature of `Authorization: Basic`; empty where there are none. */
function credentialsIn(authorization = ''): readonly [key: string, signature: string] {
  const [, credentials = ''] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  const [key = '', signature = '', ...more] = Buffer.from(credentials, 'base64')
    .toString('latin1')
    .split(':')
  return more.length === 0 ? [key, signature] : ['', '']
}

const headerOf = (value: string | string[] | undefined) =>
  typeof value === 'string' ? value : undefined

/** The parameters and the signed call of a request whose body was read. */
function readCall(
  request: FastifyRequest,
  isLegacy: boolean,
): { readonly signedCall: SignedDoorCall; readonly members: Pairs } | undefined {
  const { headers, method, body } = request
  const [path = '', ...query] = request.originalUrl.split('?')
  const bytes = body instanceof Uint8Array ? body : null
  const isJson = bytes !== null && /^application\/json\b/i.test(headers['content-type'] ?? '')
  const form = bytes === null ? query.join('?') : bytes.toString()
  // A query in addition to a body would not be covered by the signature.
  if (bytes !== null && query.join('') !== '') return undefined
  const members = isJson ? readJson(bytes) : readForm(form)
  if (members === undefined) return undefined
  const [integrationKey, signature] = credentialsIn(headers.authorization)
  return {
    members,
    signedCall: {
      integrationKey,
      signature,
      address: request.ip,
      isLegacy,
      date: headerOf(headers['x-duo-date']) ?? headerOf(headers.date) ?? '',
      method,
      host: request.host,
      path,
      params: isJson ? [] : members,
      json: isJson ? bytes : null,
      headers: Object.entries(headers).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value] as const] : [],
      ),
    },
  }
}

/** Members by name; undefined when one is given twice. */
function membersOf(pairs: Pairs): Record<string, string> | undefined {
  const members = new Map(pairs)
  return members.size === pairs.length ? Object.fromEntries(members) : undefined
}

/** Authenticates the signer of the call, after its body was read: the signature covers it. */
export function authApiGuard(
  useCases: Pick<UseCases, 'enterBySignature'>,
  admission: Pick<Admission, 'authenticate'>,
) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const read = readCall(request, isLegacy(request))
    if (!read) return sendAuthApiRefusal(reply, refuse('invalid_request'))
    const { signedCall } = read
    const enter = () => useCases.enterBySignature(signedCall)
    // Nothing is shared: two calls may carry one signature, which is valid for one of them at most.
    const atDoor = await admission.authenticate(request.ip, null, enter)
    if (isRefusal(atDoor)) return sendAuthApiRefusal(reply, atDoor)
    const params = membersOf(read.members)
    if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
    attachClient(request, atDoor)
    request.setDecorator(decorator, params satisfies AuthApiCall['params'])
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { readFactor } from '../../domain/auth-api-factor.ts'
import type { DoorEnd } from '../../domain/door.ts'
import { isId } from '../../domain/ids.ts'
import { isRefusal, refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { isDisconnectedOf } from '../../platform/http/waiting.ts'
import type { Clock } from '../../platform/world.ts'
import type * as useCases from '../use-cases.ts'
import {
  type AuthApiCall,
  authApiCallOf,
  authApiGuard,
  keepSignedBodies,
} from './auth-api.guard.ts'
import {
  authParams,
  authStatusParams,
  enrollParams,
  enrollStatusParams,
  preauthParams,
} from './auth-api.schemas.ts'
import {
  type AuthApiRoute,
  decisionOf,
  decisionOfName,
  denialOf,
  ok,
  sendAuthApiRefusal,
  waiting,
} from './auth-api-answers.http.ts'
import { logo } from './auth-api-logo.http.ts'
import { authApiOperation } from './auth-api-operations.http.ts'
import { offerOf, personOf, shownQuestionOf } from './auth-api-questions.http.ts'

type UseCases = Bound<typeof useCases>

export type AuthApiOptions = {
  readonly useCases: UseCases
  readonly clock: Clock
  readonly admission: Pick<Admission, 'authenticate'>
}

// Query and body are what was signed, and are validated after the signature.
const acceptAny = () => (value: unknown) => ({ value })

type Handler = (call: AuthApiCall, request: FastifyRequest, reply: FastifyReply) => unknown

/**
 * The door for clients of the Auth API: each route refuses in a form that its clients cannot take
 * for an approval.
 */
export function authApiRoutes(app: HttpApp, options: AuthApiOptions, done: () => void): void {
  const { useCases, clock, admission } = options
  keepSignedBodies(app)
  app.setErrorHandler((error: unknown, request, reply) => {
    const { statusCode } = error as { readonly statusCode?: number }
    if (statusCode !== undefined && statusCode < 500)
      return sendAuthApiRefusal(reply, refuse('invalid_request'))
    request.log.error({ err: error, requestId: request.id }, 'a call of the Auth API failed')
    return sendAuthApiRefusal(reply, 'unavailable')
  })
  const guard = authApiGuard(useCases, admission)
  const route = (
    method: 'GET' | 'POST',
    name: Parameters<typeof authApiOperation>[0],
    authApi: AuthApiRoute,
    handler: Handler,
  ): void => {
    app.route({
      method,
      url: `/auth/v2/${name}`,
      config: { authApi },
      schema: authApiOperation(name),
      validatorCompiler: acceptAny,
      preHandler: guard,
      handler: (request, reply) => handler(authApiCallOf(request), request, reply),
    })
  }
  const time = () => ok({ time: Math.floor(clock.now().getTime() / 1000) })

  // Clients call it before they sign anything, and fail open when it fails.
  app.get('/auth/v2/ping', { schema: authApiOperation('ping') }, time)
  route('GET', 'check', 'checks', time)
  route('GET', 'logo', 'informs', (_call, _request, reply) => reply.type('image/png').send(logo))
  route('POST', 'enroll', 'informs', (call, _request, reply) => enroll(useCases, call, reply))
  route('POST', 'enroll_status', 'informs', (call, _request, reply) =>
    enrollStatus(useCases, call, reply),
  )
  route('POST', 'preauth', 'decides', (call, _request, reply) => preauth(useCases, call, reply))
  route('POST', 'auth', 'asks', (call, _request, reply) => auth(useCases, call, reply))
  route('GET', 'auth_status', 'decides', (call, _request, reply) =>
    authStatus(useCases, call, reply),
  )
  done()
}

/** The members that a route knows; undefined when they do not match its schema. */
function read<Schema extends z.ZodType>(
  schema: Schema,
  { params }: AuthApiCall,
): z.output<Schema> | undefined {
  return schema.safeParse(params).data
}

async function preauth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(preauthParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const offer = await useCases.preauthenticate(call.client, {
    ...personOf(params),
    showsNumber: params.text_prompt || params.client_supports_verified_push,
    failsOpen: params.failmode !== 'closed',
  })
  if ('outcome' in offer) return ok(decisionOf(offer))
  return ok(offerOf(offer, { username: params.username, isPrompting: params.text_prompt }))
}

async function auth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(authParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const { client: entry } = call
  const factor = readFactor(params)
  if (!factor) return sendAuthApiRefusal(reply, refuse('factor_not_offered'))
  const question = shownQuestionOf(params)
  if (factor.kind === 'unseen') {
    const end = await useCases.refuseUnseen(entry, question)
    return params.async ? txidAnswer(end) : ok(decisionOf(end))
  }
  if (factor.kind === 'code') {
    if (!params.async) return ok(decisionOf(await useCases.enterCode(entry, question, factor.code)))
    return txidAnswer(await useCases.enterCodeToFollow(entry, question, factor.code))
  }
  const { device } = params
  const isNamed = device !== '' && device !== 'auto'
  if (isNamed && !isId('device', device))
    return sendAuthApiRefusal(reply, refuse('no_capable_device'))
  const deviceIds = isNamed && isId('device', device) ? { deviceIds: [device] } : {}
  if (!params.async) {
    const wait = {
      isAborted: isDisconnectedOf(reply),
      stillAllowed: () => useCases.mayStayAtDoor(call.call),
    }
    return ok(decisionOf(await useCases.askAsShown(entry, { ...question, ...deviceIds }, wait)))
  }
  return txidAnswer(await useCases.askToFollow(entry, { ...question, ...deviceIds }))
}

/**
 * The `txid` to poll for the end; also for a question that has ended, or the client would take the
 * answer for an error.
 */
const txidAnswer = (nameOrEnd: string | DoorEnd) =>
  ok(typeof nameOrEnd === 'string' ? { txid: nameOrEnd } : denialOf(nameOrEnd))

async function authStatus(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(authStatusParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const refusal = decisionOfName(params.txid)
  if (refusal) return ok(refusal)
  const end = await useCases.followQuestion(call.client, params.txid, {
    isAborted: isDisconnectedOf(reply),
    stillAllowed: () => useCases.mayStayAtDoor(call.call),
  })
  return ok(end === null ? waiting : decisionOf(end))
}

async function enroll(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(enrollParams, call)
  // Codes that let people in without a device are created for the help desk, not at a door.
  if (!params || Number(params.bypass_codes ?? 0) !== 0) {
    return sendAuthApiRefusal(reply, refuse('invalid_request'))
  }
  const openedEnrollment = await useCases.enrollAtDoor(call.client, params.username)
  if (isRefusal(openedEnrollment)) return sendAuthApiRefusal(reply, openedEnrollment)
  const { enrollment, uri } = openedEnrollment
  const { toDataURL } = await import('qrcode')
  return ok({
    activation_barcode: await toDataURL(uri, { errorCorrectionLevel: 'M' }),
    activation_code: enrollment.id,
    expiration: Math.floor(enrollment.expiresAt.getTime() / 1000),
    user_id: enrollment.userId,
    username: params.username,
  })
}

const wireStatuses = {
  open: 'waiting',
  claimed: 'waiting',
  completed: 'success',
} as const

async function enrollStatus(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(enrollStatusParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const status = await useCases.readEnrollmentAtDoor(call.client, {
    userId: params.user_id,
    enrollment: params.activation_code,
  })
  if (isRefusal(status)) return ok('invalid')
  return ok(status in wireStatuses ? wireStatuses[status as keyof typeof wireStatuses] : 'invalid')
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { toDataURL } from 'qrcode'
import type { z } from 'zod'
import { readFactor } from '../../../domain/auth-api-factor.ts'
import type { DoorEnd } from '../../../domain/door.ts'
import { isId } from '../../../domain/ids.ts'
import { isRefusal, refuse } from '../../../domain/refusal.ts'
import type { Clock } from '../../../ports/world.ts'
import type { Admission } from '../../admission.ts'
import {
  type AuthApiRoute,
  decisionOf,
  decisionOfName,
  ok,
  refusedQuestion,
  sendNo,
  waiting,
} from '../../auth-api-answers.ts'
import { logo } from '../../auth-api-logo.ts'
import { authApiOperation } from '../../auth-api-operations.ts'
import { offerOf, shownQuestionOf, whoOf } from '../../auth-api-questions.ts'
import type { HttpApp } from '../../http-app.ts'
import {
  type AuthApiCall,
  authApiCallOf,
  authApiGuard,
  keepSignedBodies,
} from '../../plugins/auth-api.ts'
import {
  authParams,
  authStatusParams,
  enrollParams,
  enrollStatusParams,
  preauthParams,
} from '../../schemas/auth-api.ts'
import type { UseCases } from '../../use-cases.ts'
import { goneOf } from '../../waiting.ts'

export type AuthApiOptions = {
  readonly useCases: UseCases
  readonly clock: Clock
  readonly admission: Pick<Admission, 'judge'>
}

// A query or body is what was signed, and judged after the signature.
const unjudged = () => (value: unknown) => ({ value })

type Handler = (call: AuthApiCall, request: FastifyRequest, reply: FastifyReply) => unknown

/** The door for clients of the Auth API: each route says no in the way that its clients cannot take for a yes. */
export function authApiRoutes(app: HttpApp, options: AuthApiOptions, done: () => void): void {
  const { useCases, clock, admission } = options
  keepSignedBodies(app)
  app.setErrorHandler((error: unknown, request, reply) => {
    const { statusCode } = error as { readonly statusCode?: number }
    if (statusCode !== undefined && statusCode < 500)
      return sendNo(reply, refuse('invalid_request'))
    request.log.error({ err: error, requestId: request.id }, 'a call of the Auth API failed')
    return sendNo(reply, 'unavailable')
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
      validatorCompiler: unjudged,
      preHandler: guard,
      handler: (request, reply) => handler(authApiCallOf(request), request, reply),
    })
  }
  const time = () => ok({ time: Math.floor(clock.now().getTime() / 1000) })

  // Clients call it before they sign anything, and take what goes wrong here for a reason to let people in.
  app.get('/auth/v2/ping', { schema: authApiOperation('ping') }, time)
  route('GET', 'check', 'checks', time)
  route('GET', 'logo', 'tells', (_call, _request, reply) => reply.type('image/png').send(logo))
  route('POST', 'enroll', 'tells', (call, _request, reply) => enroll(useCases, call, reply))
  route('POST', 'enroll_status', 'tells', (call, _request, reply) =>
    enrollStatus(useCases, call, reply),
  )
  route('POST', 'preauth', 'decides', (call, _request, reply) => preauth(useCases, call, reply))
  route('POST', 'auth', 'asks', (call, _request, reply) => auth(useCases, call, reply))
  route('GET', 'auth_status', 'decides', (call, _request, reply) =>
    authStatus(useCases, call, reply),
  )
  done()
}

/** The members that a route knows; undefined when they are not what it takes. */
function read<Schema extends z.ZodType>(
  schema: Schema,
  { params }: AuthApiCall,
): z.output<Schema> | undefined {
  return schema.safeParse(params).data
}

async function preauth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const asked = read(preauthParams, call)
  if (!asked) return sendNo(reply, refuse('invalid_request'))
  const offered = await useCases.preauthenticate(call.entered, {
    ...whoOf(asked),
    showsNumber: asked.text_prompt || asked.client_supports_verified_push,
    failsOpen: asked.failmode !== 'closed',
  })
  if ('outcome' in offered) return ok(decisionOf(offered))
  return ok(offerOf(offered, { username: asked.username, isPrompting: asked.text_prompt }))
}

async function auth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const asked = read(authParams, call)
  if (!asked) return sendNo(reply, refuse('invalid_request'))
  const { entered } = call
  const factor = readFactor(asked)
  if (!factor) return sendNo(reply, refuse('factor_not_offered'))
  const question = shownQuestionOf(asked)
  if (factor.kind === 'unseen') {
    const end = await useCases.refuseUnseen(entered, question)
    return asked.async ? named(end) : ok(decisionOf(end))
  }
  if (factor.kind === 'code') {
    if (!asked.async)
      return ok(decisionOf(await useCases.enterCode(entered, question, factor.code)))
    return named(await useCases.enterCodeToFollow(entered, question, factor.code))
  }
  const { device } = asked
  const isNamed = device !== '' && device !== 'auto'
  if (isNamed && !isId('device', device)) return sendNo(reply, refuse('no_capable_device'))
  const deviceIds = isNamed && isId('device', device) ? { deviceIds: [device] } : {}
  if (!asked.async) {
    const wait = { aborted: goneOf(reply), stillAllowed: () => useCases.mayStayAtDoor(call.call) }
    return ok(decisionOf(await useCases.askAsShown(entered, { ...question, ...deviceIds }, wait)))
  }
  return named(await useCases.askToFollow(entered, { ...question, ...deviceIds }))
}

/** Where to ask for the end; also of what has ended, or the client would take the answer for a fault. */
const named = (followed: string | DoorEnd) =>
  ok(typeof followed === 'string' ? { txid: followed } : refusedQuestion(followed))

async function authStatus(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const asked = read(authStatusParams, call)
  if (!asked) return sendNo(reply, refuse('invalid_request'))
  const refused = decisionOfName(asked.txid)
  if (refused) return ok(refused)
  const end = await useCases.followQuestion(call.entered, asked.txid, {
    aborted: goneOf(reply),
    stillAllowed: () => useCases.mayStayAtDoor(call.call),
  })
  return ok(end === null ? waiting : decisionOf(end))
}

async function enroll(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const asked = read(enrollParams, call)
  // Codes that let people in without a device are made for the help desk, not at a door.
  if (!asked || Number(asked.bypass_codes ?? 0) !== 0) {
    return sendNo(reply, refuse('invalid_request'))
  }
  const opened = await useCases.enrollAtDoor(call.entered, asked.username)
  if (isRefusal(opened)) return sendNo(reply, opened)
  const { enrollment, uri } = opened
  return ok({
    activation_barcode: await toDataURL(uri, { errorCorrectionLevel: 'M' }),
    activation_code: enrollment.id,
    expiration: Math.floor(enrollment.expiresAt.getTime() / 1000),
    user_id: enrollment.userId,
    username: asked.username,
  })
}

const enrollmentWords = {
  open: 'waiting',
  claimed: 'waiting',
  completed: 'success',
} as const

async function enrollStatus(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const asked = read(enrollStatusParams, call)
  if (!asked) return sendNo(reply, refuse('invalid_request'))
  const status = await useCases.readEnrollmentAtDoor(call.entered, {
    userId: asked.user_id,
    enrollment: asked.activation_code,
  })
  if (isRefusal(status)) return ok('invalid')
  return ok(
    status in enrollmentWords ? enrollmentWords[status as keyof typeof enrollmentWords] : 'invalid',
  )
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { isRefusal, refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import type { Clock } from '../../platform/world.ts'
import type * as useCases from '../use-cases.ts'
import {
  type AuthApiCall,
  authApiCallOf,
  authApiGuard,
  keepSignedBodies,
  refuseOnErrors,
} from './auth-api.guard.ts'
import { enrollParams, enrollStatusParams } from './auth-api.schemas.ts'
import { type AuthApiRoute, ok, sendAuthApiRefusal } from './auth-api-answers.http.ts'
import { auth, authStatus, preauth, read } from './auth-api-handlers.http.ts'
import { logo } from './auth-api-logo.http.ts'
import { authApiOperation } from './auth-api-operations.http.ts'

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
  refuseOnErrors(app)
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

import type { FastifyReply, onSendHookHandler } from 'fastify'
import type { HttpApp } from '../../platform/http/http-app.ts'
import {
  type AuthApiCall,
  authApiCallOf,
  authApiGuard,
  keepSignedBodies,
  refuseOnErrors,
} from './auth-api.guard.ts'
import type { AuthApiOptions } from './auth-api.routes.ts'
import type { AuthApiRoute } from './auth-api-answers.http.ts'
import { auth, authStatus, preauth } from './auth-api-handlers.http.ts'
import { encodeBson } from './bson.ts'
import { authParamsOf, legacyAnswerOf, preauthParamsOf } from './legacy-auth-api.http.ts'
import { legacyAuthApiOperation } from './legacy-auth-api-operations.http.ts'

type LegacyAnswer = Parameters<typeof legacyAnswerOf>[0]

type Handler = (
  useCases: AuthApiOptions['useCases'],
  call: AuthApiCall,
  reply: FastifyReply,
) => unknown

const sendBson: onSendHookHandler = (_request, reply, payload, next) => {
  reply.type('application/bson')
  next(null, encodeBson(JSON.parse(String(payload))))
}

/**
 * The same door for clients that Linux distributions ship, which speak version 1: by the use cases
 * of version 2, only where the integration allows it, and denied in the same way.
 */
export function legacyAuthApiRoutes(app: HttpApp, options: AuthApiOptions, done: () => void): void {
  keepSignedBodies(app)
  refuseOnErrors(app)
  const guard = authApiGuard(options.useCases, options.admission)
  const route = (
    method: 'GET' | 'POST',
    name: Parameters<typeof legacyAuthApiOperation>[0],
    authApi: AuthApiRoute,
    paramsOf: (params: AuthApiCall['params']) => AuthApiCall['params'],
    handler: Handler,
  ): void => {
    // Released clients before 1.12 read BSON only.
    for (const format of ['json', 'bson'] as const) {
      app.route({
        method,
        url: `/rest/v1/${name}.${format}`,
        config: { authApi, authApiLegacy: true },
        schema: legacyAuthApiOperation(name, format),
        validatorCompiler: () => (value: unknown) => ({ value }),
        onRequest: (_request, reply, next) => {
          reply.type('application/json; charset=utf-8')
          reply.serializer((answer: LegacyAnswer) => JSON.stringify(legacyAnswerOf(answer)))
          next()
        },
        ...(format === 'bson' && { onSend: sendBson }),
        preHandler: guard,
        handler: (request, reply) => {
          const call = authApiCallOf(request)
          return handler(options.useCases, { ...call, params: paramsOf(call.params) }, reply)
        },
      })
    }
  }
  route('POST', 'preauth', 'decides', preauthParamsOf, preauth)
  route('POST', 'auth', 'asks', authParamsOf, auth)
  route('GET', 'status', 'decides', (params) => params, authStatus)
  done()
}

import { z } from 'zod'
import { pushSignInReasons, pushSignInSettings } from '../domain/push-sign-in.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

const setting = z.enum([...pushSignInSettings, 'default']).meta({
  description: '`default`: what the policy says (`pushSignIn`, `pushSignInPercent`).',
})

const pushSignInBody = z
  .object({
    setting,
    mayEnroll: z.boolean().meta({ description: 'Whether the user may enroll a device.' }),
    whyNot: z
      .enum(pushSignInReasons)
      .nullable()
      .meta({ description: 'Why not; null when the user may.', example: null }),
  })
  .meta({ id: 'UserPushSignIn', description: 'Whether a user may use push sign-in.' })

const givenSetting = z
  .strictObject({ setting })
  .meta({ id: 'GivenPushSignIn', description: 'What is to hold for the user.' })

const answers = { 200: { description: 'What holds now.', schema: pushSignInBody } } as const

/** Push sign-in of one user, as the organisation decides it. */
export function pushSignInRoutes(app: HttpApp, options: Options, done: () => void): void {
  const { useCases, key } = options
  route(
    app,
    'GET /v1/users/:userId/push-sign-in',
    key('users:read', {
      operationId: 'readPushSignIn',
      tag: 'users',
      summary: 'Whether a user may use push sign-in',
      params: userParams,
      answers,
    }),
    (request) => useCases.readPushSignIn(principalOf(request), request.params.userId),
  )
  route(
    app,
    'PUT /v1/users/:userId/push-sign-in',
    key('users:write', {
      operationId: 'setPushSignIn',
      tag: 'users',
      summary: 'Turn push sign-in on or off for a user',
      description:
        'In force from the next challenge and enrollment on; what is pending can still be ' +
        'answered. Devices are kept.',
      params: userParams,
      body: givenSetting,
      answers,
    }),
    (request) => {
      const { userId } = request.params
      return useCases.setPushSignIn(principalOf(request), userId, request.body.setting)
    },
  )
  done()
}

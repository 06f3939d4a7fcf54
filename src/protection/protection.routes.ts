import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { protectionBody } from './protection.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')
const answers = {
  200: { description: 'Locks and counters of the user.', schema: protectionBody },
} as const

/** What protects a user from guessing and prompt bombing. */
export function protectionRoutes(app: HttpApp, options: Options, done: () => void): void {
  const { useCases, key } = options
  route(
    app,
    'GET /v1/users/:userId/protection',
    key('users:read', {
      operationId: 'readProtection',
      tag: 'users',
      summary: 'Locks and counters of a user',
      params: userParams,
      answers,
    }),
    async (request) => {
      const { userId } = request.params
      return useCases.readProtection(principalOf(request), userId)
    },
  )
  route(
    app,
    'POST /v1/users/:userId/unlock',
    key('admin', {
      operationId: 'unlockUser',
      tag: 'users',
      summary: 'Lift every lock of push sign-in and clear its counts',
      description:
        'Reported initiators may ask again; a suspension stays. The user sees it as an activity.',
      params: userParams,
      answers,
      refusals: ['conflict'],
    }),
    async (request) => {
      const { userId } = request.params
      return useCases.unlockUser(principalOf(request), userId)
    },
  )
  done()
}

import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { changedUser, userBody } from '../users/user.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

/** Changing a user: their status, with all their devices, and their language. */
export function userStatusRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'PATCH /v1/users/:userId',
    key('users:write', {
      operationId: 'changeUser',
      tag: 'users',
      summary: 'Suspend a user, make the user active again, or set their language',
      description:
        'Once a suspension returns, no approval commits and no code is accepted; what ' +
        'was pending is cancelled, open enrollments are void, sessions of the portal are ' +
        'over. Devices, codes and locks are kept.',
      params: userParams,
      body: changedUser,
      answers: { 200: { description: 'The user.', schema: userBody } },
    }),
    async (request) => {
      const { userId } = request.params
      return useCases.changeUser(principalOf(request), userId, request.body)
    },
  )
  done()
}

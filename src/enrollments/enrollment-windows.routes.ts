import { z } from 'zod'
import { windowMinutesMax } from '../domain/enrollment-window.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const params = idParams('userId', 'user', 'The user.')
const path = '/v1/users/:userId/enrollment-window'

const windowBody = z
  .object({
    mayEnrollUntil: timestamp('Until when the user may enroll; null when they may not.').nullable(),
  })
  .meta({ id: 'EnrollmentWindow', description: 'A time in which a user may enroll alone.' })

const newWindow = z
  .strictObject({
    minutes: z
      .int()
      .min(1)
      .max(windowMinutesMax)
      .meta({ description: 'How long, from now on.', example: 60 }),
  })
  .meta({ id: 'NewEnrollmentWindow', description: 'A window that is to be open from now on.' })

const answers = { 200: { description: 'The window.', schema: windowBody } } as const

/** Windows in which users may enroll a first device by themselves. */
export function enrollmentWindowRoutes(
  app: HttpApp,
  { useCases, key }: Options,
  done: () => void,
): void {
  route(
    app,
    `GET ${path}`,
    key('enrollments:write', {
      operationId: 'readEnrollmentWindow',
      tag: 'enrollments',
      summary: 'Until when a user may enroll a first device alone',
      params,
      answers,
    }),
    (request) => useCases.readEnrollmentWindow(principalOf(request), request.params.userId),
  )
  route(
    app,
    `POST ${path}`,
    key('enrollments:write', {
      operationId: 'openEnrollmentWindow',
      tag: 'enrollments',
      summary: 'Let a user enroll a first device alone, for at most a day',
      description:
        'Never for a user who has or had a device, passcodes or recovery codes; a temporary code ' +
        'is none of these. The first device closes it. The user is notified, and it is recorded.',
      params,
      body: newWindow,
      answers,
      refusals: ['user_suspended', 'enrolled_before', 'conflict'],
    }),
    (request) => {
      const { userId } = request.params
      const { minutes } = request.body
      return useCases.openEnrollmentWindow(principalOf(request), userId, minutes)
    },
  )
  route(
    app,
    `DELETE ${path}`,
    key('enrollments:write', {
      operationId: 'closeEnrollmentWindow',
      tag: 'enrollments',
      summary: 'Close the window of a user, and cancel what was begun in it',
      description: 'Without one nothing changes.',
      params,
      answers: { 204: nothing('No window is open.') },
    }),
    (request) => useCases.closeEnrollmentWindow(principalOf(request), request.params.userId),
  )
  done()
}

import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import type { ProblemCode } from '../platform/http/problem-table.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { isDisconnectedOf } from '../platform/http/waiting.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { stillAllowedOf } from '../tenants/still-allowed.http.ts'
import type * as tenantUseCases from '../tenants/use-cases.ts'
import {
  enrollmentBody,
  enrollmentWait,
  newEnrollment,
  newEnrollmentOfUser,
  openedEnrollmentBody,
} from './enrollment.schemas.ts'
import { shownEnrollment, shownOpenedEnrollment } from './shown-enrollment.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases & typeof tenantUseCases>>

const enrollmentParams = idParams('id', 'enrollment', 'The enrollment.')
const openedAnswer = {
  201: { description: 'The enrollment with its codes.', schema: openedEnrollmentBody },
} as const
const one = { 200: { description: 'The enrollment.', schema: enrollmentBody } } as const
const openRefusals = [
  'not_found',
  'namespace_not_granted',
  'identifier_taken',
  'user_suspended',
  'push_sign_in_off',
] as const satisfies ProblemCode[]

/** Enrollments as the relying party that opens them sees them. */
export function enrollmentRoutes(app: HttpApp, options: Options, done: () => void): void {
  open(app, options)
  openOfUser(app, options)
  read(app, options)
  cancel(app, options)
  done()
}

function open(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/enrollments',
    key('enrollments:write', {
      operationId: 'openEnrollment',
      tag: 'enrollments',
      summary: 'Open an enrollment, creating the user if need be',
      body: newEnrollment,
      answers: openedAnswer,
      refusals: ['user_not_found', ...openRefusals],
    }),
    async (request) => {
      const openedEnrollment = await useCases.openEnrollment(principalOf(request), request.body)
      if (isRefusal(openedEnrollment)) return openedEnrollment
      return shownOpenedEnrollment(openedEnrollment)
    },
  )
}

function openOfUser(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/enrollments',
    key('enrollments:write', {
      operationId: 'openEnrollmentOfUser',
      tag: 'enrollments',
      summary: 'Open an enrollment for an existing user',
      params: idParams('userId', 'user', 'The user.'),
      // No body at all means the same as `{}`.
      body: z.preprocess((input) => input ?? {}, newEnrollmentOfUser),
      answers: openedAnswer,
      refusals: openRefusals,
    }),
    async (request) => {
      const { userId } = request.params
      const openedEnrollment = await useCases.openEnrollmentOfUser(
        principalOf(request),
        userId,
        request.body,
      )
      if (isRefusal(openedEnrollment)) return openedEnrollment
      return shownOpenedEnrollment(openedEnrollment)
    },
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/enrollments/:id',
    key('enrollments:write', {
      operationId: 'readEnrollment',
      tag: 'enrollments',
      summary: 'Read an enrollment, waiting for its status to change',
      description:
        'A page follows an enrollment with `?wait=30&after=open` and then ' +
        '`?wait=30&after=claimed`: a change between two calls is answered immediately.',
      params: enrollmentParams,
      querystring: enrollmentWait,
      answers: one,
    }),
    async (request, reply) => {
      const { wait: waitSeconds, after } = request.query
      const reading = await useCases.waitForEnrollment(
        principalOf(request),
        request.params.id,
        { waitMs: waitSeconds * 1000, ...(after !== undefined && { after }) },
        isDisconnectedOf(reply),
        stillAllowedOf(useCases, request),
      )
      return isRefusal(reading) ? reading : shownEnrollment(reading)
    },
  )
}

function cancel(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/enrollments/:id/cancel',
    key('enrollments:write', {
      operationId: 'cancelEnrollment',
      tag: 'enrollments',
      summary: 'Cancel an enrollment that is not completed',
      description:
        'A device that has claimed it is unregistered. Cancelling twice changes nothing.',
      params: enrollmentParams,
      answers: one,
      refusals: ['enrollment_not_open'],
    }),
    async (request) => {
      const reading = await useCases.cancelEnrollment(principalOf(request), request.params.id)
      return isRefusal(reading) ? reading : shownEnrollment(reading)
    },
  )
}

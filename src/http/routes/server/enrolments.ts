import { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import type { ProblemCode } from '../../problem-table.ts'
import {
  enrolmentBody,
  enrolmentWait,
  newEnrolment,
  newEnrolmentOfUser,
  openedEnrolmentBody,
} from '../../schemas/enrolment.ts'
import { idParams } from '../../schemas/ids.ts'
import { shownEnrolment, shownOpenedEnrolment } from '../../shown-enrolment.ts'
import { goneOf, stillAllowedOf } from '../../waiting.ts'
import type { ServerOptions } from './server-options.ts'

const enrolmentParams = idParams('id', 'enrolment', 'The enrolment.')
const opened = {
  201: { description: 'The enrolment with its codes.', schema: openedEnrolmentBody },
} as const
const one = { 200: { description: 'The enrolment.', schema: enrolmentBody } } as const
const openRefusals = [
  'not_found',
  'namespace_not_granted',
  'identifier_taken',
  'user_suspended',
] as const satisfies ProblemCode[]

/** Enrolments as the relying party that opens them sees them. */
export function enrolmentRoutes(app: HttpApp, options: ServerOptions, done: () => void): void {
  open(app, options)
  openOfUser(app, options)
  read(app, options)
  cancel(app, options)
  done()
}

function open(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/enrollments',
    key('enrollments:write', {
      operationId: 'openEnrolment',
      tag: 'enrolments',
      summary: 'Open an enrolment, creating the user if need be',
      body: newEnrolment,
      answers: opened,
      refusals: ['user_not_found', ...openRefusals],
    }),
    async (request, reply) => {
      const made = await useCases.openEnrolment(principalOf(request), request.body)
      if (isRefusal(made)) return sendRefusal(reply, made)
      return reply.code(201).send(await shownOpenedEnrolment(made))
    },
  )
}

function openOfUser(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/enrollments',
    key('enrollments:write', {
      operationId: 'openEnrolmentOfUser',
      tag: 'enrolments',
      summary: 'Open an enrolment for a known user',
      params: idParams('userId', 'user', 'The user.'),
      // No body at all means the same as `{}`.
      body: z.preprocess((given) => given ?? {}, newEnrolmentOfUser),
      answers: opened,
      refusals: openRefusals,
    }),
    async (request, reply) => {
      const user = { id: request.params.userId }
      const made = await useCases.openEnrolment(principalOf(request), { ...request.body, user })
      if (isRefusal(made)) return sendRefusal(reply, made)
      return reply.code(201).send(await shownOpenedEnrolment(made))
    },
  )
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/enrollments/:id',
    key('enrollments:write', {
      operationId: 'readEnrolment',
      tag: 'enrolments',
      summary: 'Read an enrolment, waiting for its status to change',
      description:
        'A page follows an enrolment with `?wait=30&after=open` and then `?wait=30&after=claimed`: whatever changed between two calls is answered at once.',
      params: enrolmentParams,
      querystring: enrolmentWait,
      answers: one,
    }),
    async (request, reply) => {
      const { wait: waitSeconds, after } = request.query
      const reading = await useCases.readEnrolment(
        principalOf(request),
        request.params.id,
        { waitMs: waitSeconds * 1000, ...(after !== undefined && { after }) },
        goneOf(reply),
        stillAllowedOf(useCases, request),
      )
      return isRefusal(reading) ? sendRefusal(reply, reading) : shownEnrolment(reading)
    },
  )
}

function cancel(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/enrollments/:id/cancel',
    key('enrollments:write', {
      operationId: 'cancelEnrolment',
      tag: 'enrolments',
      summary: 'Cancel an enrolment that is not completed',
      description:
        'A device that has claimed it is unregistered. Cancelling twice changes nothing.',
      params: enrolmentParams,
      answers: one,
      refusals: ['enrolment_not_open'],
    }),
    async (request, reply) => {
      const reading = await useCases.cancelEnrolment(principalOf(request), request.params.id)
      return isRefusal(reading) ? sendRefusal(reply, reading) : shownEnrolment(reading)
    },
  )
}

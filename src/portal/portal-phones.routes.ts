import { isRefusal } from '../domain/refusal.ts'
import {
  enrollmentBody,
  enrollmentWait,
  openedEnrollmentBody,
} from '../enrollments/enrollment.schemas.ts'
import { shownEnrollment, shownOpenedEnrollment } from '../enrollments/shown-enrollment.http.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { isDisconnectedOf } from '../platform/http/waiting.ts'
import type { PortalOptions } from './portal.routes.ts'
import { newPortalEnrollment } from './portal.schemas.ts'
import { portalSessionOf, stillSignedIn } from './portal-session.guard.ts'

const params = idParams('id', 'enrollment', 'The enrollment.')
const one = { 200: { description: 'The enrollment.', schema: enrollmentBody } } as const

/** A new phone of the user. */
export function portalPhoneRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  open(app, options)
  read(app, options)
  cancel(app, options)
  done()
}

function open(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/enrollments',
    portal('session', {
      operationId: 'openEnrollmentFromPortal',
      tag: 'portal',
      summary: 'Open an enrollment for a new phone of the user',
      description: 'Takes a link that was just opened, or a code (`POST /portal/v1/verification`).',
      body: newPortalEnrollment,
      answers: {
        201: { description: 'The enrollment with its codes.', schema: openedEnrollmentBody },
      },
      refusals: ['portal_step_up_needed', 'user_suspended', 'push_sign_in_off', 'not_found'],
    }),
    async (request) => {
      const { replacesDeviceId = null } = request.body
      const session = portalSessionOf(request)
      const newEnrollment = await useCases.openEnrollmentFromPortal(session, replacesDeviceId)
      return isRefusal(newEnrollment) ? newEnrollment : shownOpenedEnrollment(newEnrollment)
    },
  )
}

function read(app: HttpApp, { useCases, portal, publicOrigin }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/enrollments/:id',
    portal('session', {
      operationId: 'readPortalEnrollment',
      tag: 'portal',
      summary: 'Read an enrollment that this session opened, waiting for its status to change',
      params,
      querystring: enrollmentWait,
      answers: one,
    }),
    async (request, reply) => {
      const { wait: waitSeconds, after } = request.query
      const reading = await useCases.readPortalEnrollment(
        portalSessionOf(request),
        request.params.id,
        { waitMs: waitSeconds * 1000, ...(after !== undefined && { after }) },
        isDisconnectedOf(reply),
        stillSignedIn(useCases, request, publicOrigin),
      )
      return isRefusal(reading) ? reading : shownEnrollment(reading)
    },
  )
}

function cancel(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/enrollments/:id/cancel',
    portal('session', {
      operationId: 'cancelEnrollmentFromPortal',
      tag: 'portal',
      summary: 'Cancel an enrollment that this session opened',
      params,
      answers: one,
      refusals: ['enrollment_not_open'],
    }),
    async (request) => {
      const { id } = request.params
      const reading = await useCases.cancelEnrollmentFromPortal(portalSessionOf(request), id)
      return isRefusal(reading) ? reading : shownEnrollment(reading)
    },
  )
}

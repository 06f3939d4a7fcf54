// A device enrolls the next phone of its user.

import type { DeviceOptions } from '../devices/device.http.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { isDisconnectedOf } from '../platform/http/waiting.ts'
import {
  enrollmentBody,
  enrollmentWait,
  nextEnrollment,
  openedEnrollmentBody,
} from './enrollment.schemas.ts'
import { shownEnrollment, shownOpenedEnrollment } from './shown-enrollment.http.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

/** The old phone takes the role of the page. */
export function nextPhoneRoutes(app: HttpApp, options: Options, done: () => void): void {
  open(app, options)
  read(app, options)
  done()
}

function open(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/enrollments',
    proof('verification', {
      operationId: 'openNextEnrollment',
      tag: 'device API',
      summary: "Open an enrollment for the user's next phone",
      description:
        'The calling device is unregistered when the new one is confirmed, unless ' +
        '`replacesDeviceId` says otherwise. The enrollment ends with the calling device.',
      body: nextEnrollment,
      answers: {
        201: { description: 'The enrollment with its codes.', schema: openedEnrollmentBody },
      },
      refusals: ['proof_replayed', 'not_found', 'user_suspended', 'push_sign_in_off'],
    }),
    async (request, _reply) => {
      const openedEnrollment = await useCases.openNextEnrollment(proofOf(request), request.body)
      if (isRefusal(openedEnrollment)) return openedEnrollment
      return await shownOpenedEnrollment(openedEnrollment)
    },
  )
}

function read(app: HttpApp, { useCases, proof, admission }: Options): void {
  route(
    app,
    'GET /device/v1/enrollments/:id',
    {
      config: { queuesItself: true },
      ...proof('possession', {
        operationId: 'readNextEnrollment',
        tag: 'device API',
        summary: 'Read an enrollment that this device opened, waiting for its status to change',
        description: 'While it is claimed it carries the number to show on this device.',
        params: idParams('id', 'enrollment', 'The enrollment.'),
        querystring: enrollmentWait,
        answers: { 200: { description: 'The enrollment.', schema: enrollmentBody } },
      }),
    },
    async (request, reply) => {
      const { wait: waitSeconds, after } = request.query
      const follow = (seconds: number) =>
        useCases.readNextEnrollment(
          proofOf(request),
          request.params.id,
          { waitMs: seconds * 1000, ...(after !== undefined && { after }) },
          isDisconnectedOf(reply),
        )
      // The proof is verified in the fair queue; the wait itself is outside, so that it delays no
      // other phone.
      const now = await admission.serveDevice(
        request.ip,
        () => follow(0),
        () => true,
      )
      const reading = isRefusal(now) || waitSeconds === 0 ? now : await follow(waitSeconds)
      return isRefusal(reading) ? reading : shownEnrollment(reading)
    },
  )
}

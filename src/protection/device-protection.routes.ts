// Operations of a device against unwanted questions: pause pushes, report activities that were not
// the user's.

import type { DeviceOptions } from '../devices/device.http.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { createdReportBody, newPushPause, pushPauseBody } from './protection.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

const pause = { 200: { description: 'Whether pushes come.', schema: pushPauseBody } } as const

/** Operations of a device against unwanted questions. */
export function ownProtectionRoutes(app: HttpApp, options: Options, done: () => void): void {
  const { useCases, proof } = options
  route(
    app,
    'GET /device/v1/push-pause',
    proof('possession', {
      operationId: 'readPushPause',
      tag: 'device API',
      summary: 'Until when the user wants no pushes',
      answers: pause,
    }),
    (request) => useCases.readPushPause(proofOf(request)),
  )
  route(
    app,
    'PUT /device/v1/push-pause',
    proof('verification', {
      operationId: 'pausePushes',
      tag: 'device API',
      summary: 'Stop all pushes to the user for a while, or resume them',
      description:
        'Challenges stay: they are there when the app is opened. Takes the verification ' +
        'key, so that a thief who holds an unlocked phone cannot silence it.',
      body: newPushPause,
      answers: pause,
      refusals: ['proof_replayed', 'conflict'],
    }),
    (request) => useCases.pausePushes(proofOf(request), request.body.until),
  )
  report(app, options)
  done()
}

function report(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/activities/:id/report',
    proof('possession', {
      operationId: 'reportActivity',
      tag: 'device API',
      summary: 'Say "this wasn\'t me" of something that happened',
      description:
        'Locks push sign-in, cancels what is pending, and blocks the initiator of the ' +
        'sign-in for a time.',
      params: idParams('id', 'activity', 'What happened.'),
      answers: { 201: { description: 'It is reported.', schema: createdReportBody } },
      refusals: ['proof_replayed', 'conflict'],
    }),
    async (request) => {
      const newReport = await useCases.reportActivity(proofOf(request), request.params.id)
      return isRefusal(newReport) ? newReport : newReport
    },
  )
}

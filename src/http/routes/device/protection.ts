// What a device does about unwanted questions: pause pushes, report what was not the user.

import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { proofOf } from '../../plugins/device-proof.ts'
import { sendRefusal } from '../../problem.ts'
import { idParams } from '../../schemas/ids.ts'
import { madeReportBody, newPushPause, pushPauseBody } from '../../schemas/protection.ts'
import type { DeviceOptions } from './device-options.ts'

const pause = { 200: { description: 'Whether pushes come.', schema: pushPauseBody } } as const

/** What a device does about unwanted questions. */
export function ownProtectionRoutes(app: HttpApp, options: DeviceOptions, done: () => void): void {
  const { useCases, proof } = options
  app.get(
    '/device/v1/push-pause',
    proof('possession', {
      operationId: 'readPushPause',
      tag: 'device API',
      summary: 'Until when the user wants no pushes',
      answers: pause,
    }),
    async (request, reply) => {
      const read = await useCases.readPushPause(proofOf(request))
      return isRefusal(read) ? sendRefusal(reply, read) : read
    },
  )
  app.put(
    '/device/v1/push-pause',
    proof('verification', {
      operationId: 'pausePushes',
      tag: 'device API',
      summary: 'Stop all pushes to the user for a while, or let them come again',
      description:
        'Challenges stay: whoever opens the app finds them. Takes the verification key, so that a thief who holds an unlocked phone cannot silence it.',
      body: newPushPause,
      answers: pause,
      refusals: ['proof_replayed', 'conflict'],
    }),
    async (request, reply) => {
      const paused = await useCases.pausePushes(proofOf(request), request.body.until)
      return isRefusal(paused) ? sendRefusal(reply, paused) : paused
    },
  )
  report(app, options)
  done()
}

function report(app: HttpApp, { useCases, proof }: DeviceOptions): void {
  app.post(
    '/device/v1/activities/:id/report',
    proof('possession', {
      operationId: 'reportActivity',
      tag: 'device API',
      summary: 'Say "this wasn\'t me" of something that happened',
      description:
        'Locks push sign-in, cancels what is pending, and blocks whoever started the sign-in for a time.',
      params: idParams('id', 'activity', 'What happened.'),
      answers: { 201: { description: 'It is reported.', schema: madeReportBody } },
      refusals: ['proof_replayed', 'conflict'],
    }),
    async (request, reply) => {
      const made = await useCases.reportActivity(proofOf(request), request.params.id)
      return isRefusal(made) ? sendRefusal(reply, made) : reply.code(201).send(made)
    },
  )
}

import type { DeviceOptions } from '../devices/device.http.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { notificationPreferences, wantedPreferences } from './activity.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

const answers = {
  200: { description: 'The preferences in force.', schema: notificationPreferences },
} as const

/** How the user wants to be notified. */
export function notificationRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  set(app, options)
  done()
}

function read(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/notification-preferences',
    proof('possession', {
      operationId: 'readNotificationPreferences',
      tag: 'device API',
      summary: 'How the user wants to be notified',
      answers,
    }),
    (request) => useCases.readNotificationPreferences(proofOf(request)),
  )
}

function set(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'PUT /device/v1/notification-preferences',
    proof('verification', {
      operationId: 'setNotificationPreferences',
      tag: 'device API',
      summary: 'Choose what to be notified of, and how',
      description:
        'Takes the verification key, so that a thief who holds an unlocked phone cannot ' +
        'silence it. The other devices are notified.',
      body: wantedPreferences,
      answers,
      refusals: ['proof_replayed'],
    }),
    (request) => useCases.setNotificationPreferences(proofOf(request), request.body),
  )
}

// Notices, codes and data of the user.

import { notificationPreferences, wantedPreferences } from '../activities/activity.schemas.ts'
import { isRefusal } from '../domain/refusal.ts'
import { recoveryCodesBody } from '../passcodes/passcode.schemas.ts'
import { personalDataBody } from '../personal-data/personal-data.schemas.ts'
import { personalDataStream } from '../personal-data/personal-data-stream.http.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { newPushPause, pushPauseBody } from '../protection/protection.schemas.ts'
import type { PortalOptions } from './portal.routes.ts'
import { erasureRequestBody, newPortalRecoveryCodes, portalFactorsBody } from './portal.schemas.ts'
import { portalSessionOf } from './portal-session.guard.ts'

/** What a second factor is typed for, in descriptions. */
const steppedUp = 'Takes a link that was just opened, or a code (`POST /portal/v1/verification`).'
const pause = { 200: { description: 'Whether pushes come.', schema: pushPauseBody } } as const
const preferences = {
  200: { description: 'The preferences in force.', schema: notificationPreferences },
} as const

/** Notices, codes and data of the user. */
export function portalAccountRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  notices(app, options)
  pushPause(app, options)
  factors(app, options)
  recoveryCodes(app, options)
  data(app, options)
  done()
}

function notices(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/notification-preferences',
    portal('session', {
      operationId: 'readPreferencesInPortal',
      tag: 'portal',
      summary: 'How the user wants to be notified',
      answers: preferences,
    }),
    (request) => useCases.readPreferencesInPortal(portalSessionOf(request)),
  )
  route(
    app,
    'PUT /portal/v1/notification-preferences',
    portal('session', {
      operationId: 'setPreferencesInPortal',
      tag: 'portal',
      summary: 'Choose what to be notified of, and how',
      description: steppedUp,
      body: wantedPreferences,
      answers: preferences,
      refusals: ['portal_step_up_needed'],
    }),
    (request) => useCases.setPreferencesInPortal(portalSessionOf(request), request.body),
  )
}

function pushPause(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/push-pause',
    portal('session', {
      operationId: 'readPauseInPortal',
      tag: 'portal',
      summary: 'Until when the user wants no pushes',
      answers: pause,
    }),
    (request) => useCases.readPauseInPortal(portalSessionOf(request)),
  )
  route(
    app,
    'PUT /portal/v1/push-pause',
    portal('session', {
      operationId: 'pauseInPortal',
      tag: 'portal',
      summary: 'Stop all pushes to the user for a while, or resume them',
      description: `${steppedUp} Resuming takes neither.`,
      body: newPushPause,
      answers: pause,
      refusals: ['portal_step_up_needed', 'conflict'],
    }),
    (request) => useCases.pauseInPortal(portalSessionOf(request), request.body.until),
  )
}

function factors(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/passcodes',
    portal('session', {
      operationId: 'readPortalFactors',
      tag: 'portal',
      summary: 'What the user has beside the push',
      answers: { 200: { description: 'What there is.', schema: portalFactorsBody } },
    }),
    (request) => useCases.readPortalFactors(portalSessionOf(request)),
  )
}

function recoveryCodes(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/recovery-codes',
    portal('session', {
      operationId: 'createRecoveryCodesInPortal',
      tag: 'portal',
      summary: 'Create a set of recovery codes, readable this once',
      description: `${steppedUp} The former set is invalid from then on.`,
      body: newPortalRecoveryCodes,
      answers: { 201: { description: 'The codes.', schema: recoveryCodesBody } },
      refusals: ['portal_step_up_needed', 'conflict'],
    }),
    async (request) => {
      const { insteadOf } = request.body
      const codes = await useCases.createRecoveryCodesInPortal(portalSessionOf(request), insteadOf)
      return isRefusal(codes) ? codes : { codes }
    },
  )
}

function data(app: HttpApp, { useCases, portal, limits, stopping }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/export',
    portal('session', {
      operationId: 'exportFromPortal',
      tag: 'portal',
      summary: 'Everything that is stored about the user',
      description: `${steppedUp} A response that breaks off is not whole.`,
      answers: { 200: { description: 'The data.', schema: personalDataBody } },
      refusals: ['portal_step_up_needed', 'export_busy'],
    }),
    async (request, reply) => {
      const reading = await useCases.exportFromPortal(portalSessionOf(request))
      if (isRefusal(reading)) return reading
      const body: unknown = personalDataStream(reading, limits, stopping)
      return reply.type('application/json; charset=utf-8').send(body as never)
    },
  )
  route(
    app,
    'POST /portal/v1/erasure-requests',
    portal('session', {
      operationId: 'requestErasure',
      tag: 'portal',
      summary: 'Ask the organisation to erase the user',
      description:
        'Nothing is erased: the request is an activity, and an event to endpoints ' +
        '(`activity.recorded`, type `erasure_requested`). One a day.',
      answers: { 201: { description: 'It is recorded.', schema: erasureRequestBody } },
    }),
    (request) => useCases.requestErasure(portalSessionOf(request)),
  )
}

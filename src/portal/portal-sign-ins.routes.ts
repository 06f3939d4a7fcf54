import { z } from 'zod'
import { activityPage } from '../activities/activity.schemas.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { createdReportBody } from '../protection/protection.schemas.ts'
import type { PortalOptions } from './portal.routes.ts'
import { portalChallengePage } from './portal.schemas.ts'
import { portalSessionOf } from './portal-session.guard.ts'

/** What happened to the user. */
export function portalSignInRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  challenges(app, options)
  reportChallenge(app, options)
  activities(app, options)
  report(app, options)
  done()
}

function challenges(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/challenges',
    portal('any_session', {
      operationId: 'listPortalChallenges',
      tag: 'portal',
      summary: 'Sign-ins that the relying party of the link asked the user about',
      querystring: z.strictObject(pageQuery('challenge')),
      answers: { 200: { description: 'The challenges.', schema: portalChallengePage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      return pageOf(await useCases.listPortalChallenges(portalSessionOf(request), page), page)
    },
  )
}

function reportChallenge(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/challenges/:id/report',
    portal('session', {
      operationId: 'reportChallengeFromPortal',
      tag: 'portal',
      summary: 'Say "this wasn\'t me" of a sign-in',
      description: 'The same as a report of the activity that recorded the challenge.',
      params: idParams('id', 'challenge', 'The challenge.'),
      answers: { 201: { description: 'It is reported.', schema: createdReportBody } },
      refusals: ['conflict'],
    }),
    (request) => useCases.reportChallengeFromPortal(portalSessionOf(request), request.params.id),
  )
}

function activities(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/activities',
    portal('any_session', {
      operationId: 'listPortalActivities',
      tag: 'portal',
      summary: 'What happened to the user',
      querystring: z.strictObject(pageQuery('activity')),
      answers: { 200: { description: 'The activities.', schema: activityPage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      return pageOf(await useCases.listPortalActivities(portalSessionOf(request), page), page)
    },
  )
}

function report(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/activities/:id/report',
    portal('session', {
      operationId: 'reportFromPortal',
      tag: 'portal',
      summary: 'Say "this wasn\'t me" of something that happened',
      description:
        'Locks push sign-in, cancels what is pending, and blocks the initiator of the ' +
        'sign-in for a time. A repeated report of the same thing returns the existing ' +
        'report.',
      params: idParams('id', 'activity', 'What happened.'),
      answers: { 201: { description: 'It is reported.', schema: createdReportBody } },
      refusals: ['conflict'],
    }),
    async (request) => {
      const newReport = await useCases.reportFromPortal(portalSessionOf(request), request.params.id)
      return isRefusal(newReport) ? newReport : newReport
    },
  )
}

import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageQuery as listQuery, pageOf } from '../platform/http/schemas/paging.ts'
import type { PortalOptions } from './portal.routes.ts'
import { portalPaths } from './portal-page-parts.http.ts'
import { aPage } from './portal-pages.routes.ts'
import { portalSessionOf } from './portal-session.guard.ts'
import {
  activitiesPage,
  activityPath,
  reportActivityPage,
  reportedPage,
  reportSignInPage,
  signInPath,
  signInsPage,
} from './portal-sign-in-pages.http.ts'

const tag = 'portal'
const reportAnswers = { 303: nothing('It is reported; the next page says what to do.') }

/** Items on a page, and one more, so that the last page knows that it is the last. */
const limit = 10 + 1

/** The pages of what happened, and of "this wasn't me". */
export function portalSignInPageRoutes(
  app: HttpApp,
  options: PortalOptions,
  done: () => void,
): void {
  signIns(app, options)
  signIn(app, options)
  activities(app, options)
  activity(app, options)
  afterwards(app, options)
  done()
}

function signIns(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    portalPaths.signIns,
    portal('session', {
      operationId: 'readPortalSignInsPage',
      tag,
      summary: 'The page of the sign-ins that the user was asked about',
      querystring: z.strictObject({
        ...pageQuery.shape,
        cursor: listQuery('challenge').cursor,
      }),
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const page = { limit, before: request.query.cursor ?? null }
      const list = pageOf(await useCases.listPortalChallenges(session, page), page)
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, signInsPage(list, devices, pageLanguageOf(request)))
    },
  )
}

function signIn(app: HttpApp, { useCases, portal }: PortalOptions): void {
  const params = idParams('id', 'challenge', 'The sign-in.')
  app.get(
    signInPath(':id'),
    portal('session', {
      operationId: 'readPortalSignInPage',
      tag,
      summary: 'The page that asks once more before a sign-in is reported',
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const challenge = await useCases.readPortalChallenge(session, request.params.id)
      if (isRefusal(challenge)) return sendRefusalPage(reply, challenge)
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, reportSignInPage(challenge, devices, pageLanguageOf(request)))
    },
  )
  app.post(
    signInPath(':id'),
    portal('session', {
      operationId: 'reportSignInFromPortalPage',
      tag,
      summary: 'Say "this wasn\'t me" of a sign-in, from its page',
      params,
      answers: reportAnswers,
      refusals: ['conflict'],
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const report = await useCases.reportChallengeFromPortal(session, request.params.id)
      if (isRefusal(report)) return sendRefusalPage(reply, report)
      return reply.redirect(portalPaths.reported, 303)
    },
  )
}

function activities(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    portalPaths.activities,
    portal('session', {
      operationId: 'readPortalActivitiesPage',
      tag,
      summary: 'The page of everything that happened to the user',
      querystring: z.strictObject({ ...pageQuery.shape, cursor: listQuery('activity').cursor }),
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const page = { limit, before: request.query.cursor ?? null }
      const list = pageOf(await useCases.listPortalActivities(session, page), page)
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, activitiesPage(list, devices, pageLanguageOf(request)))
    },
  )
}

function activity(app: HttpApp, { useCases, portal }: PortalOptions): void {
  const params = idParams('id', 'activity', 'What happened.')
  app.get(
    activityPath(':id'),
    portal('session', {
      operationId: 'readPortalActivityPage',
      tag,
      summary: 'The page that asks once more before something is reported',
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const what = await useCases.readPortalActivity(session, request.params.id)
      if (isRefusal(what)) return sendRefusalPage(reply, what)
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, reportActivityPage(what, devices, pageLanguageOf(request)))
    },
  )
  app.post(
    activityPath(':id'),
    portal('session', {
      operationId: 'reportActivityFromPortalPage',
      tag,
      summary: 'Say "this wasn\'t me" of something, from its page',
      params,
      answers: reportAnswers,
      refusals: ['conflict'],
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const report = await useCases.reportFromPortal(session, request.params.id)
      if (isRefusal(report)) return sendRefusalPage(reply, report)
      return reply.redirect(portalPaths.reported, 303)
    },
  )
}

function afterwards(app: HttpApp, { portal }: PortalOptions): void {
  app.get(
    portalPaths.reported,
    portal('session', {
      operationId: 'readPortalReportedPage',
      tag,
      summary: 'What to do after a report',
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    (request, reply) => sendPage(reply, reportedPage(pageLanguageOf(request)), 'none'),
  )
}

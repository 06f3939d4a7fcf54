import { z } from 'zod'
import type { Device } from '../domain/device.ts'
import type { ActivityId, ChallengeId } from '../domain/ids.ts'
import { type PortalAccess, type PortalSession, portalAccessOf } from '../domain/portal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageQuery as listQuery, pageOf } from '../platform/http/schemas/paging.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { Language } from '../platform/texts/texts.ts'
import type { ReportReceipt } from '../protection/report-activity.ts'
import type { PortalOptions } from './portal.routes.ts'
import { portalPaths } from './portal-page-parts.http.ts'
import { aPage } from './portal-pages.routes.ts'
import { portalSessionOf } from './portal-session.guard.ts'
import {
  activitiesPage,
  activityPath,
  type Listed,
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
  activities(app, options)
  afterwards(app, options)
  done()
}

function signIns(app: HttpApp, options: PortalOptions): void {
  const { useCases } = options
  listPage(app, options, {
    ...{ kind: 'challenge', path: portalPaths.signIns },
    operationId: 'readPortalSignInsPage',
    summary: 'The page of the sign-ins that the user was asked about',
    list: (session, page) => useCases.listPortalChallenges(session, page),
    page: signInsPage,
  })
  reportPages(app, options, {
    ...{ kind: 'challenge', path: signInPath(':id') },
    readId: 'readPortalSignInPage',
    reportId: 'reportSignInFromPortalPage',
    what: 'a sign-in',
    read: (session, id) => useCases.readPortalChallenge(session, id as ChallengeId),
    report: (session, id) => useCases.reportChallengeFromPortal(session, id as ChallengeId),
    page: reportSignInPage,
  })
}

function activities(app: HttpApp, options: PortalOptions): void {
  const { useCases } = options
  listPage(app, options, {
    ...{ kind: 'activity', path: portalPaths.activities },
    operationId: 'readPortalActivitiesPage',
    summary: 'The page of everything that happened to the user',
    list: (session, page) => useCases.listPortalActivities(session, page),
    page: activitiesPage,
  })
  reportPages(app, options, {
    ...{ kind: 'activity', path: activityPath(':id') },
    readId: 'readPortalActivityPage',
    reportId: 'reportActivityFromPortalPage',
    what: 'something that happened',
    read: (session, id) => useCases.readPortalActivity(session, id as ActivityId),
    report: (session, id) => useCases.reportFromPortal(session, id as ActivityId),
    page: reportActivityPage,
  })
}

type Kind = { readonly kind: 'challenge' | 'activity'; readonly path: string }

/** The page of a list, ten at a time. */
function listPage<Item extends { readonly id: string }>(
  app: HttpApp,
  { useCases, portal }: PortalOptions,
  {
    kind,
    path,
    operationId,
    summary,
    list,
    page,
  }: Kind & {
    readonly operationId: string
    readonly summary: string
    readonly list: (session: PortalSession, page: PageRequest) => Promise<readonly Item[]>
    readonly page: (
      list: Listed<Item>,
      devices: readonly Device[],
      access: PortalAccess,
      language: Language,
    ) => Page
  },
): void {
  app.get(
    path,
    portal('any_session', {
      operationId,
      tag,
      summary,
      querystring: z.strictObject({ ...pageQuery.shape, cursor: listQuery(kind).cursor }),
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const pageRequest = { limit, before: request.query.cursor ?? null }
      const items = pageOf(await list(session, pageRequest), pageRequest)
      const devices = await useCases.listPortalDevices(session)
      const language = pageLanguageOf(request)
      return sendPage(reply, page(items, devices, portalAccessOf(session), language))
    },
  )
}

type ReportRefusal = Refusal<
  'too_many_requests' | 'not_found' | 'conflict' | 'portal_session_invalid'
>

/** The page that asks once more before one of them is reported, and its form. */
function reportPages<Item>(
  app: HttpApp,
  { useCases, portal }: PortalOptions,
  subject: Kind & {
    readonly readId: string
    readonly reportId: string
    readonly what: string
    readonly read: (session: PortalSession, id: string) => Promise<Item | Refusal<'not_found'>>
    readonly report: (session: PortalSession, id: string) => Promise<ReportReceipt | ReportRefusal>
    readonly page: (item: Item, devices: readonly Device[], language: Language) => Page
  },
): void {
  const { path, what } = subject
  const params = idParams('id', subject.kind, 'What is reported.')
  app.get(
    path,
    portal('session', {
      operationId: subject.readId,
      tag,
      summary: `The page that asks once more before ${what} is reported`,
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const item = await subject.read(session, request.params.id)
      if (isRefusal(item)) return sendRefusalPage(reply, item)
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, subject.page(item, devices, pageLanguageOf(request)))
    },
  )
  app.post(
    path,
    portal('session', {
      operationId: subject.reportId,
      tag,
      summary: `Say "this wasn't me" of ${what}, from its page`,
      params,
      answers: reportAnswers,
      refusals: ['conflict'],
    }),
    async (request, reply) => {
      const report = await subject.report(portalSessionOf(request), request.params.id)
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

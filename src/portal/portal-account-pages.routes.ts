import { z } from 'zod'
import { wantedPreferences } from '../activities/activity.schemas.ts'
import { checkStepUp } from '../domain/portal.ts'
import { isRefusal } from '../domain/refusal.ts'
import { personalDataBody } from '../personal-data/personal-data.schemas.ts'
import { personalDataStream } from '../personal-data/personal-data-stream.http.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idOf } from '../platform/http/schemas/ids.ts'
import { codeRefusals, type PortalOptions } from './portal.routes.ts'
import { typedCode } from './portal.schemas.ts'
import {
  codesChangedPage,
  codesPage,
  dataPage,
  erasureRequestedPage,
  newCodesPage,
  notificationsPage,
  pauseHours,
  steppedUpPages,
  stepUpPage,
} from './portal-account-pages.http.ts'
import { portalPaths, sendFormAgain } from './portal-page-parts.http.ts'
import { aPage, consumes } from './portal-pages.routes.ts'
import { portalSessionOf } from './portal-session.guard.ts'

const tag = 'portal'
const page = { 200: aPage('The page.') }

/** The pages of a second factor, notices, codes and data. */
export function portalAccountPageRoutes(
  app: HttpApp,
  options: PortalOptions,
  done: () => void,
): void {
  verify(app, options)
  notifications(app, options)
  pause(app, options)
  codes(app, options)
  data(app, options)
  dataForms(app, options)
  done()
}

function verify(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    portalPaths.verify,
    portal('session', {
      operationId: 'verifyFromPortalPage',
      tag,
      summary: 'Type a code, from a page that takes a second factor',
      consumes,
      body: z
        .strictObject({
          next: z.enum(steppedUpPages).meta({ description: 'The page that needs it.' }),
          code: typedCode.shape.code,
        })
        .meta({ id: 'CodeForPage', description: 'A code, and the page that needs it.' }),
      answers: { 303: nothing('The code is accepted; the page is there.') },
      refusals: codeRefusals,
    }),
    async (request, reply) => {
      const { next, code } = request.body
      const result = await useCases.verifyInPortal(portalSessionOf(request), code)
      if (!isRefusal(result)) return reply.redirect(portalPaths[next], 303)
      if (result.refused === 'portal_session_invalid') return sendRefusalPage(reply, result)
      return sendFormAgain(reply, result, stepUpPage(next, pageLanguageOf(request), result))
    },
  )
}

function notifications(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    portalPaths.notifications,
    portal('session', {
      operationId: 'readPortalNotificationsPage',
      tag,
      summary: 'The page of notifications and their pause',
      querystring: pageQuery,
      answers: page,
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const preferences = await useCases.readPreferencesInPortal(session)
      const pauseNow = await useCases.readPauseInPortal(session)
      const mayChange = checkStepUp(session, 'silence_pushes') === undefined
      const language = pageLanguageOf(request)
      return sendPage(reply, notificationsPage(preferences, pauseNow, mayChange, language))
    },
  )
  app.post(
    portalPaths.notifications,
    portal('session', {
      operationId: 'setPreferencesFromPortalPage',
      tag,
      summary: 'Choose what to be notified of, from its page',
      consumes,
      body: wantedPreferences,
      answers: { 303: nothing('It is saved; the page shows it.') },
      refusals: ['portal_step_up_needed'],
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const preferences = await useCases.setPreferencesInPortal(session, request.body)
      if (isRefusal(preferences)) return sendRefusalPage(reply, preferences)
      return reply.redirect(portalPaths.notifications, 303)
    },
  )
}

const hoursOfPause = ['0', ...pauseHours.map(String)]

function pause(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    portalPaths.pause,
    portal('session', {
      operationId: 'pauseFromPortalPage',
      tag,
      summary: 'Pause all pushes, or resume them, from the page of notifications',
      consumes,
      body: z
        .strictObject({
          hours: z.enum(hoursOfPause).meta({ description: 'For how long; 0 resumes them.' }),
        })
        .meta({ id: 'HoursOfPause', description: 'For how long pushes are paused.' }),
      answers: { 303: nothing('It is done; the page of notifications shows it.') },
      refusals: ['portal_step_up_needed', 'conflict'],
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const hours = Number(request.body.hours)
      const until = hours === 0 ? null : new Date(session.readAt.getTime() + hours * 3_600_000)
      const result = await useCases.pauseInPortal(session, until)
      if (isRefusal(result)) return sendRefusalPage(reply, result)
      return reply.redirect(portalPaths.notifications, 303)
    },
  )
}

function codes(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    portalPaths.codes,
    portal('session', {
      operationId: 'readPortalCodesPage',
      tag,
      summary: 'The page of recovery codes',
      querystring: pageQuery,
      answers: page,
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const factors = await useCases.readPortalFactors(session)
      const mayMake = checkStepUp(session, 'make_recovery_codes') === undefined
      return sendPage(reply, codesPage(factors, mayMake, pageLanguageOf(request)))
    },
  )
  app.post(
    portalPaths.codes,
    portal('session', {
      operationId: 'createRecoveryCodesFromPortalPage',
      tag,
      summary: 'Make recovery codes, from their page: shown this once',
      consumes,
      body: z
        .strictObject({
          insteadOf: z
            .union([z.literal(''), idOf('singleUseCode', 'The set that the page showed.')])
            .meta({ description: 'The set that the page showed; empty where there was none.' }),
        })
        .meta({ id: 'NewCodesOnPage', description: 'Which set the new codes replace.' }),
      answers: { 200: aPage('The page with the codes.') },
      refusals: ['portal_step_up_needed', 'conflict'],
    }),
    async (request, reply) => {
      const insteadOf = request.body.insteadOf === '' ? null : request.body.insteadOf
      const session = portalSessionOf(request)
      const newCodes = await useCases.createRecoveryCodesInPortal(session, insteadOf)
      const language = pageLanguageOf(request)
      if (!isRefusal(newCodes)) return sendPage(reply, newCodesPage(newCodes, language), 'none')
      if (newCodes.refused !== 'conflict') return sendRefusalPage(reply, newCodes)
      return sendFormAgain(reply, newCodes, codesChangedPage(language))
    },
  )
}

function data(app: HttpApp, { portal }: PortalOptions): void {
  app.get(
    portalPaths.data,
    portal('session', {
      operationId: 'readPortalDataPage',
      tag,
      summary: 'The page of a copy of the data, and of a request for erasure',
      querystring: pageQuery,
      answers: page,
    }),
    (request, reply) => {
      const mayExport = checkStepUp(portalSessionOf(request), 'export_data') === undefined
      return sendPage(reply, dataPage(mayExport, pageLanguageOf(request)))
    },
  )
}

function dataForms(app: HttpApp, { useCases, portal, limits, stopping }: PortalOptions): void {
  app.post(
    `${portalPaths.data}/export`,
    portal('session', {
      operationId: 'exportFromPortalPage',
      tag,
      summary: 'Everything that is stored about the user, as a file',
      answers: { 200: { description: 'The file.', schema: personalDataBody } },
      refusals: ['portal_step_up_needed', 'export_busy'],
    }),
    async (request, reply) => {
      const reading = await useCases.exportFromPortal(portalSessionOf(request))
      if (isRefusal(reading)) return sendRefusalPage(reply, reading)
      const body: unknown = personalDataStream(reading, limits, stopping)
      return reply
        .type('application/json; charset=utf-8')
        .header('content-disposition', 'attachment; filename="my-data.json"')
        .send(body as never)
    },
  )
  app.post(
    `${portalPaths.data}/erasure`,
    portal('session', {
      operationId: 'requestErasureFromPortalPage',
      tag,
      summary: 'Ask the organisation to erase the user, from the page of the data',
      answers: { 200: aPage('The page that says so.') },
    }),
    async (request, reply) => {
      const result = await useCases.requestErasure(portalSessionOf(request))
      if (isRefusal(result)) return sendRefusalPage(reply, result)
      const page = erasureRequestedPage(result.requestedAt, pageLanguageOf(request))
      return sendPage(reply, page, 'none')
    },
  )
}

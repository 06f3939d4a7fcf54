import { z } from 'zod'
import { checkStepUp } from '../domain/portal.ts'
import { isRefusal } from '../domain/refusal.ts'
import { shownOpenedEnrollment } from '../enrollments/shown-enrollment.http.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idOf, idParams } from '../platform/http/schemas/ids.ts'
import type { PortalOptions } from './portal.routes.ts'
import { stepUpPage } from './portal-account-pages.http.ts'
import { portalPaths } from './portal-page-parts.http.ts'
import { aPage, consumes } from './portal-pages.routes.ts'
import {
  newPhonePage,
  phoneCodePage,
  phonePath,
  phoneProgressPage,
  replacesNone,
} from './portal-phone-pages.http.ts'
import { portalSessionOf } from './portal-session.guard.ts'

const tag = 'portal'
const params = idParams('id', 'enrollment', 'The enrollment.')
const newPhone = z
  .strictObject({
    replaces: z
      .union([z.literal(replacesNone), idOf('device', 'A device of the user.')])
      .meta({ description: 'Which device the new phone replaces.' }),
  })
  .meta({ id: 'NewPhone', description: 'What becomes of the old phone.' })

/** The pages on which a phone is added. */
export function portalPhonePageRoutes(
  app: HttpApp,
  options: PortalOptions,
  done: () => void,
): void {
  open(app, options)
  progress(app, options)
  cancel(app, options)
  done()
}

function open(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    portalPaths.phones,
    portal('session', {
      operationId: 'readPortalPhonesPage',
      tag,
      summary: 'The page that begins to add a phone, or asks for a code first',
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const language = pageLanguageOf(request)
      if (checkStepUp(session, 'add_phone')) return sendPage(reply, stepUpPage('phones', language))
      const devices = await useCases.listPortalDevices(session)
      return sendPage(reply, newPhonePage(devices, language))
    },
  )
  app.post(
    portalPaths.phones,
    portal('session', {
      operationId: 'openEnrollmentFromPortalPage',
      tag,
      summary: 'Add a phone, from its page: the codes, shown this once',
      consumes,
      body: newPhone,
      answers: { 200: aPage('The page with the codes.') },
      refusals: ['portal_step_up_needed', 'user_suspended', 'push_sign_in_off', 'not_found'],
    }),
    async (request, reply) => {
      const { replaces } = request.body
      const replacesId = replaces === replacesNone ? null : replaces
      const session = portalSessionOf(request)
      const newEnrollment = await useCases.openEnrollmentFromPortal(session, replacesId)
      if (isRefusal(newEnrollment)) return sendRefusalPage(reply, newEnrollment)
      const codes = await shownOpenedEnrollment(newEnrollment)
      return sendPage(reply, phoneCodePage(codes, pageLanguageOf(request)))
    },
  )
}

function progress(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    phonePath(':id'),
    portal('session', {
      operationId: 'readPortalPhonePage',
      tag,
      summary: 'How far a phone has come; shows the number to type on it',
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const { id } = request.params
      const session = portalSessionOf(request)
      const reading = await useCases.readPortalEnrollment(session, id, { waitMs: 0 })
      if (isRefusal(reading)) return sendRefusalPage(reply, reading)
      return sendPage(reply, phoneProgressPage(reading, pageLanguageOf(request)))
    },
  )
}

function cancel(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    `${phonePath(':id')}/cancel`,
    portal('session', {
      operationId: 'cancelEnrollmentFromPortalPage',
      tag,
      summary: 'Cancel adding a phone, from its page',
      params,
      answers: { 303: nothing('It is cancelled; its page says so.') },
      refusals: ['enrollment_not_open'],
    }),
    async (request, reply) => {
      const { id } = request.params
      const session = portalSessionOf(request)
      const reading = await useCases.cancelEnrollmentFromPortal(session, id)
      if (isRefusal(reading) && reading.refused !== 'enrollment_not_open') {
        return sendRefusalPage(reply, reading)
      }
      return reply.redirect(phonePath(id), 303)
    },
  )
}

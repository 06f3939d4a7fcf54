// The portal without script: a link, the devices, and the end of one. Every change is a POST from a
// page of ours. The other files of pages have what they are for.

import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import { formMediaType } from '../platform/http/form-body.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing, publicOperation } from '../platform/http/operation.ts'
import { devicesPath, type Page, sendPage } from '../platform/http/pages/page.ts'
import { linkQuery, pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendProblemPage, sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idOf, idParams } from '../platform/http/schemas/ids.ts'
import { pageText } from '../platform/http/schemas/text.ts'
import { fallbackLanguage, type Language } from '../platform/texts/texts.ts'
import type { PortalOptions } from './portal.routes.ts'
import { portalUnregistration } from './portal.schemas.ts'
import {
  confirmPage,
  devicePath,
  devicesPage,
  linkPage,
  signedOutPage,
  signOutPath,
  unregisteredPage,
} from './portal-pages.http.ts'
import { portalCookie, portalSessionOf } from './portal-session.guard.ts'

const tag = 'portal'
/** An answer that is a page. */
export const aPage = (description: string) => ({
  description,
  schema: pageText,
  type: 'text/html',
})
const isPage = (page: (language: Language) => Page) => ({
  200: aPage(`The page "${page(fallbackLanguage).title}".`),
})
/** The media types of a form; programs may send the same as JSON. */
export const consumes = [formMediaType, 'application/json']
const linkParams = z.strictObject({
  tenantId: idOf('tenant', 'The tenant.'),
  secret: z.string().meta({ description: 'The secret of the link; it is never logged.' }),
})

/** Pages of links and devices. Refusals are pages, too, for clients that request HTML by name. */
export function portalPageRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  link(app, options)
  formerLinks(app)
  devices(app, options)
  device(app, options)
  signOut(app, options)
  done()
}

function link(app: HttpApp, { useCases, portal, publicOrigin, admission }: PortalOptions): void {
  const { name, options } = portalCookie(publicOrigin)
  const path = '/t/:tenantId/me/:secret'
  app.get(
    path,
    {
      exposeHeadRoute: true,
      ...publicOperation({
        operationId: 'readPortalLinkPage',
        tag,
        summary: 'What a person sees who follows a link to the portal',
        description:
          'Looks nothing up and changes nothing: mail scanners and previews may read it.',
        params: linkParams,
        querystring: linkQuery,
        answers: isPage(linkPage),
      }),
    },
    (request, reply) => sendPage(reply, linkPage(pageLanguageOf(request))),
  )
  app.post(
    path,
    portal('open', {
      operationId: 'followPortalLink',
      tag,
      summary: 'Open a link from its page, once, for a session of fifteen minutes',
      params: linkParams,
      querystring: linkQuery,
      answers: { 303: nothing('The cookie of the session is set; the devices are at `/me`.') },
      refusals: ['portal_link_invalid'],
    }),
    async (request, reply) => {
      const { tenantId, secret: token } = request.params
      const opening = () => useCases.openPortal({ tenantId, token })
      const newSession = await admission.authenticate(request.ip, null, opening)
      if (isRefusal(newSession)) return sendRefusalPage(reply, newSession)
      return reply.setCookie(name, newSession.cookie, options).redirect(devicesPath, 303)
    },
  )
}

/** Links whose secret is behind a `#`, which browsers do not send, and links that were cut off. */
function formerLinks(app: HttpApp): void {
  for (const [path, operationId] of [
    ['/t/:tenantId/portal', 'readFormerPortalLink'],
    ['/t/:tenantId/me', 'readCutPortalLink'],
  ] as const) {
    app.get(
      path,
      publicOperation({
        operationId,
        tag,
        summary: 'Says that a new link is needed',
        params: idParams('tenantId', 'tenant', 'The tenant.'),
        querystring: pageQuery,
        answers: {},
        refusals: ['portal_link_invalid'],
      }),
      (_request, reply) => sendProblemPage(reply, 'portal_link_invalid'),
    )
  }
}

function devices(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    devicesPath,
    portal('any_session', {
      operationId: 'readPortalPage',
      tag,
      summary: "The page of the user's devices",
      querystring: pageQuery,
      answers: { 200: aPage('The page of the devices.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const portalDevices = await useCases.listPortalDevices(session)
      const [newest] = await useCases.listPortalChallenges(session, { limit: 1, before: null })
      const language = pageLanguageOf(request)
      return sendPage(reply, devicesPage(session, portalDevices, newest, language))
    },
  )
}

function device(app: HttpApp, { useCases, portal }: PortalOptions): void {
  const params = idParams('id', 'device', 'The device.')
  const path = devicePath(':id')
  app.get(
    path,
    portal('any_session', {
      operationId: 'readPortalDevicePage',
      tag,
      summary:
        'The page that asks once more before a device is unregistered, and says so afterwards',
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page of the device.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const portalDevice = await useCases.readPortalDevice(session, request.params.id)
      if (isRefusal(portalDevice)) return sendRefusalPage(reply, portalDevice)
      const language = pageLanguageOf(request)
      if (portalDevice.status !== 'unregistered') {
        return sendPage(reply, confirmPage(portalDevice, language))
      }
      const others = await useCases.listPortalDevices(session)
      return sendPage(reply, unregisteredPage(portalDevice, others, language))
    },
  )
  app.post(
    path,
    portal('any_session', {
      operationId: 'unregisterFromPortalPage',
      tag,
      summary: 'Unregister a lost device permanently, from its page',
      description: 'Once this returns, no answer of the device counts any more.',
      params,
      consumes,
      body: portalUnregistration,
      answers: { 303: nothing('It is unregistered; the same address says what comes next.') },
    }),
    async (request, reply) => {
      const { id } = request.params
      const session = portalSessionOf(request)
      const result = await useCases.unregisterFromPortal(session, id, request.body.reason)
      return isRefusal(result)
        ? sendRefusalPage(reply, result)
        : reply.redirect(devicePath(id), 303)
    },
  )
}

function signOut(app: HttpApp, { useCases, portal, publicOrigin }: PortalOptions): void {
  const { name, options } = portalCookie(publicOrigin)
  app.post(
    signOutPath,
    portal('any_session', {
      operationId: 'signOutOfPortal',
      tag,
      summary: 'Sign out, from a page',
      answers: isPage(signedOutPage),
    }),
    async (request, reply) => {
      await useCases.closePortal(portalSessionOf(request))
      const page = signedOutPage(pageLanguageOf(request))
      return sendPage(reply.clearCookie(name, options), page, 'none')
    },
  )
}

// The entrance of the portal for a device of one's own: off unless the policy lets it be.

import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isRefusal } from '../../domain/refusal.ts'
import { networkOf } from '../../platform/http/admission.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { devicesPath, sendPage } from '../../platform/http/pages/page.ts'
import { linkQuery, pageLanguageOf, pageQuery } from '../../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import { idOf } from '../../platform/http/schemas/ids.ts'
import { identifierValue } from '../../platform/http/schemas/text.ts'
import type { PortalOptions } from '../portal.routes.ts'
import { aPage, consumes } from '../portal-pages.routes.ts'
import { pendingSignInCookie, portalCookie } from '../portal-session.guard.ts'
import { type BegunSignIn, pendingCookieSeconds } from './entrance.ts'
import {
  entranceContext,
  entrancePage,
  entrancePath,
  waitingPage,
  waitingPath,
} from './entrance-pages.http.ts'

const tag = 'portal'
const path = entrancePath(':tenantId', ':rpId')
const params = z.strictObject({
  tenantId: idOf('tenant', 'The tenant.'),
  rpId: idOf('relyingParty', 'The relying party whose users sign in.'),
})
const typedName = z
  .strictObject({ name: identifierValue })
  .meta({ id: 'PortalSignIn', description: 'A name in the default namespace of the party.' })

/** The pages of the entrance. */
export function entrancePageRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  form(app, options)
  begin(app, options)
  waiting(app, options)
  enter(app, options)
  done()
}

/** The sign-in that this browser began. */
function pendingOf(
  { useCases, publicOrigin, admission }: PortalOptions,
  { ip, cookies }: FastifyRequest,
) {
  const cookie = cookies[pendingSignInCookie(publicOrigin, pendingCookieSeconds).name]
  const key = ['portal_entrance', 'pending', cookie ?? ''] as const
  return admission.lookUp(ip, key, () => useCases.readPendingSignIn(cookie))
}

function form(app: HttpApp, { useCases, admission }: PortalOptions): void {
  app.get(
    path,
    publicOperation({
      operationId: 'readPortalSignInForm',
      tag,
      summary:
        'Where users sign in to the portal by a device of their own, if the policy allows it',
      params,
      querystring: linkQuery,
      answers: { 200: aPage('The page.') },
      refusals: ['portal_link_invalid', 'too_many_requests'],
    }),
    async (request, reply) => {
      const { tenantId, rpId } = request.params
      const key = ['portal_entrance', 'form', tenantId, rpId] as const
      const entrance = await admission.lookUp(request.ip, key, async () => {
        const reading = await useCases.readEntrance({ tenantId, rpId })
        return isRefusal(reading)
          ? reading
          : { ...reading, brand: await useCases.brandOf(tenantId) }
      })
      if (isRefusal(entrance)) return sendRefusalPage(reply, entrance)
      const { tenantName, brand } = entrance
      const address = entrancePath(tenantId, rpId)
      const page = entrancePage(brand?.displayName ?? tenantName, address, pageLanguageOf(request))
      return sendPage(reply, { ...page, brand })
    },
  )
}

function begin(app: HttpApp, { useCases, portal, publicOrigin, admission }: PortalOptions): void {
  const { name: cookieName, options } = pendingSignInCookie(publicOrigin, pendingCookieSeconds)
  app.post(
    path,
    portal('open', {
      operationId: 'beginPortalSignIn',
      tag,
      summary: 'Begin to sign in to the portal by a device of one’s own, from its page',
      description:
        'The answer is the same for every name. Where somebody has it, their devices are asked ' +
        'afterwards: those older than a day, with user verification, on the budget of unknown ' +
        'initiators.',
      params,
      consumes,
      body: typedName,
      answers: { 303: nothing('The cookie of the sign-in is set; the page waits.') },
      refusals: ['portal_link_invalid'],
    }),
    async (request, reply) => {
      const { tenantId, rpId } = request.params
      // Each begins one of its own: no two requests share a number.
      const start = await admission.lookUp(
        request.ip,
        ['portal_entrance', 'begin', request.id],
        () => useCases.beginPortalSignIn({ tenantId, rpId }),
      )
      if (isRefusal(start)) return sendRefusalPage(reply, start)
      const ask = () => askInBackground(useCases, request, start)
      reply.raw.once('finish', ask)
      return reply.setCookie(cookieName, start.cookie, options).redirect(waitingPath, 303)
    },
  )
}

/** Asks when the answer is sent: how long it takes shows whether the name has a user. */
function askInBackground(
  { askForPortal }: Pick<PortalOptions['useCases'], 'askForPortal'>,
  request: FastifyRequest,
  start: BegunSignIn,
): void {
  const { name } = request.body as z.output<typeof typedName>
  const context = entranceContext(request.ip, pageLanguageOf(request))
  askForPortal(start, name, networkOf(request.ip), context).catch((error: unknown) => {
    request.log.error({ err: error, requestId: request.id }, 'a question of the portal failed')
  })
}

function waiting(app: HttpApp, options: PortalOptions): void {
  app.get(
    waitingPath,
    options.portal('open', {
      operationId: 'readPortalWaitingPage',
      tag,
      summary: 'The page that shows the number, and waits for the approval',
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
      refusals: ['portal_link_invalid'],
    }),
    async (request, reply) => {
      const reading = await pendingOf(options, request)
      if (isRefusal(reading)) return sendRefusalPage(reply, reading)
      const { pending, state } = reading
      const brand = await options.useCases.brandOf(pending.tenantId)
      return sendPage(reply, { ...waitingPage(pending, state, pageLanguageOf(request)), brand })
    },
  )
}

function enter(app: HttpApp, { useCases, portal, publicOrigin, admission }: PortalOptions): void {
  const pendingCookie = pendingSignInCookie(publicOrigin, pendingCookieSeconds)
  const { name, options } = portalCookie(publicOrigin)
  app.post(
    waitingPath,
    portal('open', {
      operationId: 'enterPortal',
      tag,
      summary: 'Open the session of an approved sign-in, once, in the browser that began it',
      answers: { 303: nothing('The cookie of the session is set; the devices are at `/me`.') },
      refusals: ['portal_link_invalid', 'portal_not_approved'],
    }),
    async (request, reply) => {
      const cookie = request.cookies[pendingCookie.name]
      const key = ['portal_entrance', 'enter', request.id] as const
      const entry = await admission.lookUp(request.ip, key, () => useCases.enterPortal(cookie))
      if (isRefusal(entry)) return sendRefusalPage(reply, entry)
      return reply
        .clearCookie(pendingCookie.name, pendingCookie.options)
        .setCookie(name, entry.cookie, options)
        .redirect(devicesPath, 303)
    },
  )
}

// The API that the pages of the portal call. Pages of one origin only: see
// plugins/portal-session.ts.

import { z } from 'zod'
import { activityPage } from '../activities/activity.schemas.ts'
import { deviceBody, deviceList } from '../devices/device.schemas.ts'
import type { PortalSession } from '../domain/portal.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { createdReportBody } from '../protection/protection.schemas.ts'
import type * as protectionUseCases from '../protection/use-cases.ts'
import { ownPushReportBody, shownOwnReport } from '../push/doctor/push-report.schemas.ts'
import { openedLink, portalUnregistration, portalUserBody } from './portal.schemas.ts'
import { type PortalGuard, portalCookie, portalSessionOf } from './portal-session.guard.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases & typeof protectionUseCases>

export type PortalOptions = {
  readonly useCases: UseCases
  readonly portal: PortalGuard
  readonly publicOrigin: string
  readonly admission: Pick<Admission, 'authenticate'>
}

function portalUserOf(session: PortalSession): z.output<typeof portalUserBody> {
  const { userId, userName, tenantId, tenantName, expiresAt } = session
  return {
    user: { id: userId, displayName: userName },
    tenant: { id: tenantId, name: tenantName },
    expiresAt,
  }
}

/** The portal's API. */
export function portalRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  open(app, options)
  close(app, options)
  me(app, options)
  devices(app, options)
  pushes(app, options)
  unregister(app, options)
  activities(app, options)
  report(app, options)
  done()
}

function open(app: HttpApp, { useCases, portal, publicOrigin, admission }: PortalOptions): void {
  const { name, options } = portalCookie(publicOrigin)
  route(
    app,
    'POST /portal/v1/sessions',
    portal('open', {
      operationId: 'openPortal',
      tag: 'portal',
      summary: 'Open a link, once, for a session of fifteen minutes',
      description:
        'Sets the cookie of the session: `HttpOnly`, `SameSite=Strict`, on https also ' +
        '`Secure` and `__Host-`. The page asks the person to confirm first; looking a ' +
        'link up does not use it up.',
      body: openedLink,
      answers: { 201: { description: 'The user of the session.', schema: portalUserBody } },
      refusals: ['portal_link_invalid'],
    }),
    async (request, reply) => {
      const opening = () => useCases.openPortal(request.body)
      const newSession = await admission.authenticate(request.ip, null, opening)
      if (isRefusal(newSession)) return newSession
      return reply
        .setCookie(name, newSession.cookie, options)
        .code(201)
        .send(portalUserOf(newSession.session))
    },
  )
}

function close(app: HttpApp, { useCases, portal, publicOrigin }: PortalOptions): void {
  const { name, options } = portalCookie(publicOrigin)
  route(
    app,
    'DELETE /portal/v1/sessions',
    portal('session', {
      operationId: 'closePortal',
      tag: 'portal',
      summary: 'Sign out',
      answers: { 204: nothing('The session is over.') },
    }),
    async (request, reply) => {
      await useCases.closePortal(portalSessionOf(request))
      return reply.clearCookie(name, options).code(204).send()
    },
  )
}

function me(app: HttpApp, { portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/me',
    portal('session', {
      operationId: 'readPortalUser',
      tag: 'portal',
      summary: 'The user of the session',
      answers: { 200: { description: 'The user.', schema: portalUserBody } },
    }),
    async (request) => portalUserOf(portalSessionOf(request)),
  )
}

function devices(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/devices',
    portal('session', {
      operationId: 'listPortalDevices',
      tag: 'portal',
      summary: "The user's live devices",
      answers: { 200: { description: 'The devices, newest first.', schema: deviceList } },
    }),
    async (request) => ({ items: await useCases.listPortalDevices(portalSessionOf(request)) }),
  )
}

function pushes(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/devices/:id/pushes',
    portal('session', {
      operationId: 'readPortalPushes',
      tag: 'portal',
      summary: 'The last ten pushes to one of the devices, and what would help',
      params: idParams('id', 'device', 'The device.'),
      answers: { 200: { description: 'The pushes, newest first.', schema: ownPushReportBody } },
    }),
    async (request) => {
      const report = await useCases.readPortalPushes(portalSessionOf(request), request.params.id)
      return isRefusal(report) ? report : shownOwnReport(report)
    },
  )
}

function unregister(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/devices/:id/unregister',
    portal('session', {
      operationId: 'unregisterFromPortal',
      tag: 'portal',
      summary: 'Unregister a lost device permanently',
      description: 'Once this returns, no answer of the device counts any more.',
      params: idParams('id', 'device', 'The device.'),
      body: portalUnregistration,
      answers: { 200: { description: 'The device.', schema: deviceBody } },
    }),
    async (request) => {
      const { id } = request.params
      const { reason } = request.body
      const session = portalSessionOf(request)
      return useCases.unregisterFromPortal(session, id, reason)
    },
  )
}

function activities(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/activities',
    portal('session', {
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

import { portalAccessOf } from '../domain/portal.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { sendRefusalPage } from '../platform/http/pages/problem-page.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import type { PortalOptions } from './portal.routes.ts'
import { deviceRenaming } from './portal.schemas.ts'
import { deviceSettingsPage, deviceSettingsPath } from './portal-device-pages.http.ts'
import { testPushRefusals } from './portal-devices.routes.ts'
import { portalPaths, sendFormAgain } from './portal-page-parts.http.ts'
import { aPage, consumes } from './portal-pages.routes.ts'
import { portalSessionOf } from './portal-session.guard.ts'

const tag = 'portal'
const params = idParams('id', 'device', 'The device.')
const answers = { 303: nothing('It is done; the settings of the device say so.') }

/** The pages on which a device is renamed, tested or suspended. */
export function portalDevicePageRoutes(
  app: HttpApp,
  options: PortalOptions,
  done: () => void,
): void {
  settings(app, options)
  rename(app, options)
  suspend(app, options)
  testPush(app, options)
  done()
}

function settings(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.get(
    deviceSettingsPath(':id'),
    portal('any_session', {
      operationId: 'readPortalDeviceSettingsPage',
      tag,
      summary: 'The page on which a device is renamed, tested or suspended',
      params,
      querystring: pageQuery,
      answers: { 200: aPage('The page.') },
    }),
    async (request, reply) => {
      const session = portalSessionOf(request)
      const device = await useCases.readPortalDevice(session, request.params.id)
      if (isRefusal(device)) return sendRefusalPage(reply, device)
      const report = await useCases.readPortalPushes(session, device.id)
      const pushes = isRefusal(report) ? null : report
      const access = portalAccessOf(session)
      const language = pageLanguageOf(request)
      return sendPage(reply, deviceSettingsPage(device, pushes, access, language))
    },
  )
}

function rename(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    `${portalPaths.devices}/:id/name`,
    portal('session', {
      operationId: 'renameFromPortalPage',
      tag,
      summary: 'Give a device another name, from its page',
      params,
      consumes,
      body: deviceRenaming,
      answers,
      refusals: ['device_unregistered'],
    }),
    async (request, reply) => {
      const { id } = request.params
      const session = portalSessionOf(request)
      const device = await useCases.renameFromPortal(session, id, request.body.name)
      if (isRefusal(device)) return sendRefusalPage(reply, device)
      return reply.redirect(deviceSettingsPath(id), 303)
    },
  )
}

function suspend(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    `${portalPaths.devices}/:id/suspend`,
    portal('any_session', {
      operationId: 'suspendFromPortalPage',
      tag,
      summary: 'Suspend a device, from its page',
      description: 'Once this returns, no answer of the device counts.',
      params,
      answers,
      refusals: ['device_unregistered', 'device_not_active'],
    }),
    async (request, reply) => {
      const { id } = request.params
      const device = await useCases.suspendFromPortal(portalSessionOf(request), id)
      if (isRefusal(device)) return sendRefusalPage(reply, device)
      return reply.redirect(deviceSettingsPath(id), 303)
    },
  )
}

function testPush(app: HttpApp, { useCases, portal }: PortalOptions): void {
  app.post(
    `${portalPaths.devices}/:id/test-push`,
    portal('session', {
      operationId: 'pushTestFromPortalPage',
      tag,
      summary: 'Send a harmless push to a device, from its page',
      params,
      answers,
      refusals: testPushRefusals,
    }),
    async (request, reply) => {
      const { id } = request.params
      const session = portalSessionOf(request)
      const push = await useCases.pushTestFromPortal(session, id)
      if (!isRefusal(push)) return reply.redirect(deviceSettingsPath(id), 303)
      const device = await useCases.readPortalDevice(session, id)
      if (isRefusal(device)) return sendRefusalPage(reply, device)
      const report = await useCases.readPortalPushes(session, id)
      const pushes = isRefusal(report) ? null : report
      const page = deviceSettingsPage(device, pushes, 'everything', pageLanguageOf(request), push)
      return sendFormAgain(reply, push, page)
    },
  )
}

import { deviceBody, deviceList } from '../devices/device.schemas.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import type { ProblemCode } from '../platform/http/problem-table.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { ownPushReportBody, shownOwnReport } from '../push/doctor/push-report.schemas.ts'
import { testPushBody } from '../push/test-push.schemas.ts'
import type { PortalOptions } from './portal.routes.ts'
import { deviceRenaming, portalUnregistration } from './portal.schemas.ts'
import { portalSessionOf } from './portal-session.guard.ts'

const params = idParams('id', 'device', 'The device.')
const one = { 200: { description: 'The device.', schema: deviceBody } } as const

/** Why a test push is not sent. */
export const testPushRefusals = [
  'device_unregistered',
  'device_suspended',
  'device_not_active',
  'no_push_token',
  'user_suspended',
  'push_locked',
  'pushes_paused',
  'conflict',
  'test_push_too_soon',
] as const satisfies ProblemCode[]

/** The user's own devices. */
export function portalDeviceRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  devices(app, options)
  pushes(app, options)
  testPush(app, options)
  rename(app, options)
  suspend(app, options)
  unregister(app, options)
  done()
}

function devices(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'GET /portal/v1/devices',
    portal('any_session', {
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
    portal('any_session', {
      operationId: 'readPortalPushes',
      tag: 'portal',
      summary: 'The last ten pushes to one of the devices, and what would help',
      params,
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
    portal('any_session', {
      operationId: 'unregisterFromPortal',
      tag: 'portal',
      summary: 'Unregister a lost device permanently',
      description: 'Once this returns, no answer of the device counts any more.',
      params,
      body: portalUnregistration,
      answers: one,
    }),
    async (request) => {
      const { id } = request.params
      const { reason } = request.body
      const session = portalSessionOf(request)
      return useCases.unregisterFromPortal(session, id, reason)
    },
  )
}

function testPush(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/devices/:id/test-push',
    portal('session', {
      operationId: 'pushTestFromPortal',
      tag: 'portal',
      summary: 'Send a harmless push to one of the devices',
      description: 'Once in 10 s, five times within an hour. Its outcome is among the pushes.',
      params,
      answers: { 202: { description: 'The push is queued.', schema: testPushBody } },
      refusals: testPushRefusals,
    }),
    (request) => useCases.pushTestFromPortal(portalSessionOf(request), request.params.id),
  )
}

function rename(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'PATCH /portal/v1/devices/:id',
    portal('session', {
      operationId: 'renameFromPortal',
      tag: 'portal',
      summary: 'Give a device another name',
      params,
      body: deviceRenaming,
      answers: one,
      refusals: ['device_unregistered'],
    }),
    (request) =>
      useCases.renameFromPortal(portalSessionOf(request), request.params.id, request.body.name),
  )
}

function suspend(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/devices/:id/suspend',
    portal('any_session', {
      operationId: 'suspendFromPortal',
      tag: 'portal',
      summary: 'Suspend a device',
      description:
        'Once this returns, no answer of the device counts; the organisation makes it active ' +
        'again. Suspending twice changes nothing.',
      params,
      answers: one,
      refusals: ['device_unregistered', 'device_not_active'],
    }),
    (request) => useCases.suspendFromPortal(portalSessionOf(request), request.params.id),
  )
}

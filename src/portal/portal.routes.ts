// The API of the portal, for pages of its own origin only: see portal-session.guard.ts. Here are
// the sessions; the other files have what they are for.

import type { z } from 'zod'
import type { PortalSession } from '../domain/portal.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import type { ServerLimits } from '../platform/http/server-limits.ts'
import type * as protectionUseCases from '../protection/use-cases.ts'
import type * as pushUseCases from '../push/use-cases.ts'
import type * as tenantUseCases from '../tenants/use-cases.ts'
import { openedLink, portalUserBody, portalVerificationBody, typedCode } from './portal.schemas.ts'
import { type PortalGuard, portalCookie, portalSessionOf } from './portal-session.guard.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<
  typeof useCases &
    typeof protectionUseCases &
    Pick<typeof pushUseCases, 'pushTestFromPortal'> &
    Pick<typeof tenantUseCases, 'brandOf'>
>

export type PortalOptions = {
  readonly useCases: UseCases
  readonly portal: PortalGuard
  readonly publicOrigin: string
  readonly admission: Pick<Admission, 'authenticate' | 'lookUp'>
  readonly limits: Pick<ServerLimits, 'exportMs' | 'exportIdleMs'>
  readonly stopping: () => boolean
}

/** Why a typed code is not accepted. */
export const codeRefusals = [
  'passcodes_not_allowed',
  'passcode_wrong',
  'passcode_used',
  'passcode_clock_off',
  'passcode_expired',
  'passcode_locked',
  'user_suspended',
] as const

function portalUserOf(session: PortalSession): z.output<typeof portalUserBody> {
  const { userId, userName, tenantId, tenantName, expiresAt } = session
  return {
    user: { id: userId, displayName: userName },
    tenant: { id: tenantId, name: tenantName },
    expiresAt,
  }
}

/** Sessions of the portal. */
export function portalRoutes(app: HttpApp, options: PortalOptions, done: () => void): void {
  open(app, options)
  close(app, options)
  me(app, options)
  verify(app, options)
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
    portal('any_session', {
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
    portal('any_session', {
      operationId: 'readPortalUser',
      tag: 'portal',
      summary: 'The user of the session',
      answers: { 200: { description: 'The user.', schema: portalUserBody } },
    }),
    async (request) => portalUserOf(portalSessionOf(request)),
  )
}

function verify(app: HttpApp, { useCases, portal }: PortalOptions): void {
  route(
    app,
    'POST /portal/v1/verification',
    portal('session', {
      operationId: 'verifyInPortal',
      tag: 'portal',
      summary: 'Type a code, for what takes a second factor beside the link',
      description:
        'A passcode, a recovery code or a temporary code; each works once. For five minutes ' +
        'phones can be added, recovery codes made, data exported and pushes silenced.',
      body: typedCode,
      answers: { 200: { description: 'The code is accepted.', schema: portalVerificationBody } },
      refusals: codeRefusals,
    }),
    (request) => useCases.verifyInPortal(portalSessionOf(request), request.body.code),
  )
}

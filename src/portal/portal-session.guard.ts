// The session of the portal: a cookie that pages cannot read, and proof that a page of ours sent
// it.

import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  checkPortalAccess,
  type PortalAccess,
  type PortalSession,
  portalSessionSeconds,
} from '../domain/portal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { AccessCheck } from '../platform/access-check.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import { isFromOurPage } from '../platform/http/from-our-page.ts'
import { type Operation, operationSchema } from '../platform/http/operation.ts'
import { type SendProblem, sendProblem } from '../platform/http/problem.ts'
import type { Guarded } from '../platform/http/route.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases>

const decorator = 'portalSession'

/** Prepares requests to carry the session of the portal. */
export function carryPortalSessions(app: FastifyInstance): void {
  app.decorateRequest(decorator, null)
}

/** The session of the portal; only for routes that were built by `PortalGuard`. */
export function portalSessionOf(request: FastifyRequest): PortalSession {
  const session = request.getDecorator<PortalSession | null>(decorator)
  if (session === null) throw new Error('this route was built without a portal guard')
  return session
}

/**
 * Name and attributes of the cookie. `__Host-` (RFC 6265bis, 4.1.3) keeps sibling hosts and plain
 * http from setting it.
 */
export function portalCookie(publicOrigin: string): {
  readonly name: string
  readonly options: CookieSerializeOptions
} {
  const secure = publicOrigin.startsWith('https:')
  return {
    name: secure ? '__Host-countersign-portal' : 'countersign-portal',
    options: {
      httpOnly: true,
      secure,
      sameSite: 'strict',
      path: '/',
      maxAge: portalSessionSeconds,
    },
  }
}

/** The cookie of a browser that waits for an approval; sent to the same paths. */
export function pendingSignInCookie(
  publicOrigin: string,
  maxAge: number,
): ReturnType<typeof portalCookie> {
  const { name, options } = portalCookie(publicOrigin)
  return { name: `${name}-sign-in`, options: { ...options, maxAge } }
}

/** Verifies the session of a waiting request again: it may have ended meanwhile. */
export function stillSignedIn(
  { authenticatePortal }: Pick<UseCases, 'authenticatePortal'>,
  { cookies }: FastifyRequest,
  publicOrigin: string,
): AccessCheck<Refusal<'portal_session_invalid'>> {
  return async () => {
    const session = await authenticatePortal(cookies[portalCookie(publicOrigin).name])
    return isRefusal(session) ? session : undefined
  }
}

export type PortalGuardOptions = {
  readonly publicOrigin: string
  readonly admission: Pick<Admission, 'authenticate'>
  /**
   * True for pages, which people also reach by typing the address or reloading; false for the API
   * that pages call.
   */
  readonly isPage: boolean
  /** How a refusal is sent. */
  readonly send?: SendProblem
}

/**
 * Whom a route of the portal serves: sessions that a link opened, every session, or everybody.
 */
export type PortalCallers = 'session' | 'any_session' | 'open'

const accessOf = {
  session: 'everything',
  any_session: 'look_and_end',
} as const satisfies Readonly<Record<Exclude<PortalCallers, 'open'>, PortalAccess>>

const sessionRefusals = ['portal_session_invalid', 'portal_link_needed'] as const

/** Describes and protects a route of the portal. */
export type PortalGuard = <const O extends Operation>(
  callers: PortalCallers,
  operation: O,
) => Guarded<O, 'origin_not_allowed' | 'too_many_requests' | (typeof sessionRefusals)[number]>

/** The origin is checked first, then the cookie, before the body is read. */
export function buildPortalGuard(
  authenticate: UseCases['authenticatePortal'],
  options: PortalGuardOptions,
): PortalGuard {
  const { publicOrigin, send = sendProblem } = options
  const { name } = portalCookie(publicOrigin)
  return (callers, operation) => ({
    onRequest: async (request, reply) => {
      if (!isFromOurPage(request, options)) return send(reply, 'origin_not_allowed')
      if (callers === 'open') return
      const cookie = request.cookies[name]
      const session = await (cookie === undefined
        ? authenticate(cookie)
        : options.admission.authenticate(request.ip, ['portal_session', cookie], () =>
            authenticate(cookie),
          ))
      if (isRefusal(session)) return send(reply, session.refused, session)
      const refusal = checkPortalAccess(session, accessOf[callers])
      if (refusal) return send(reply, refusal.refused, refusal)
      request.setDecorator(decorator, session)
    },
    schema: operationSchema(operation, {
      security: callers === 'open' ? [] : [{ portalSession: [] }],
      refusals: [
        'origin_not_allowed',
        'too_many_requests',
        ...(callers === 'open' ? [] : sessionRefusals.slice(0, callers === 'session' ? 2 : 1)),
      ],
    }),
  })
}

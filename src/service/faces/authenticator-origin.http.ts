// An origin for the authenticator alone: any script of an origin can use its keys, so that nothing
// else may be served there.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblemPage } from '../../platform/http/pages/problem-page.ts'

/** The app, what it calls, and what verifies what it signed. */
const own = /^\/(?:authenticator(?:\/|$)|device\/v1\/|t\/:tenantId\/\.well-known\/jwks\.json$)/

/** The host of an origin as requests name it. */
export const hostOf = (origin: string) => new URL(origin).host

/**
 * Answers requests for that origin's host with 404, for every route that is added from here on
 * and is not the authenticator's, before anything else of the route. Does nothing where it has no
 * origin of its own: one process then serves both under one host.
 */
export function serveAuthenticatorAlone(
  app: FastifyInstance,
  { authenticatorOrigin, publicOrigin }: AuthenticatorOrigins,
): void {
  if (authenticatorOrigin === null || authenticatorOrigin === publicOrigin) return
  const host = hostOf(authenticatorOrigin)
  const refuse = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (request.host === host) sendProblemPage(reply, 'not_found')
    else done()
  }
  app.addHook('onRoute', (route) => {
    if (!own.test(route.url)) route.onRequest = [refuse, ...[route.onRequest ?? []].flat()]
  })
}

export type AuthenticatorOrigins = {
  /** Null where it has none of its own. */
  readonly authenticatorOrigin: string | null
  readonly publicOrigin: string
}

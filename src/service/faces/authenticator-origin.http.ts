// An origin for the authenticator alone: any script of an origin can use its keys, so that nothing
// else may be served there.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblemPage } from '../../platform/http/pages/problem-page.ts'

/** The app, what it calls, and what verifies what it signed. */
const own = /^\/(?:authenticator(?:\/|$)|device\/v1\/|t\/:tenantId\/\.well-known\/jwks\.json$)/

/**
 * Whether a request names the host of this origin, also in another spelling: in upper case, with
 * the port of its scheme, as some proxies write it, with the dot of the root, or as part of the
 * request line (RFC 9112, 3.2.2).
 */
export function isAtOrigin({ host, raw }: FastifyRequest, origin: string): boolean {
  const { protocol, host: ownHost } = new URL(origin)
  if (host === ownHost) return true
  const lineHost = /^https?:\/\/([^/?#]*)/i.exec(raw.url ?? '')?.[1]
  return [host, lineHost].some((text) => text && plainHost(protocol, text) === ownHost)
}

function plainHost(protocol: string, text: string): string | undefined {
  const address = `${protocol}//${text}`
  return URL.canParse(address) ? new URL(address).host.replace(/\.(?=$|:)/, '') : undefined
}

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
  const refuse = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (isAtOrigin(request, authenticatorOrigin)) sendProblemPage(reply, 'not_found')
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

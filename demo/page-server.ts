import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { pagePolicy, readPageFile } from './page-files.ts'
import type { RelyingPartyAccount } from './provisioning.ts'
import { RelyingParty } from './relying-party.ts'
import { passOn } from './reverse-proxy.ts'
import { createSignInRoutes } from './sign-in-routes.ts'
import type { Stack } from './stack.ts'

export type PageServer = { readonly url: string; close(): Promise<void> }

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => unknown

/** Where the authenticator is, with the tenant that its form for typed codes needs. */
export function authenticatorAddress({ origin, tenantId }: RelyingPartyAccount): string {
  return `${origin}/authenticator/?tenant=${tenantId}`
}

/**
 * Serves the company's sign-in page, which is also the way to the authenticator and the portal, and
 * the inbox of the push services, whose pushes it passes on from the simulator: so a page needs one
 * address only.
 */
export async function startPageServer(
  { account }: Pick<Stack, 'account'>,
  controlUrl: string,
  port: number,
): Promise<PageServer> {
  const signIn = createSignInRoutes(new RelyingParty(account))
  const handle: Handler = (request, response, url) => {
    const { pathname } = url
    if (/^\/api\/sign-in(?:\/|$)/.test(pathname)) return signIn.handle(request, response, url)
    if (pathname === '/authenticator') {
      return answer(response, 302, text, '', { location: authenticatorAddress(account) })
    }
    if (pathname === '/simulator') return answer(response, 200, text, controlUrl)
    if (pathname === '/simulator/log') {
      return passOn(request, response, controlUrl, `/log${url.search}`)
    }
    return answerFile(request, response, pathname)
  }
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '/', `http://${request.headers.host}`)
    if (!url || !isOurs(request)) {
      answer(response, 403, text, 'This demo answers to its own pages on this computer only.')
      return
    }
    Promise.resolve(handle(request, response, url)).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${port}`,
    close: async () => {
      signIn.close()
      const closing = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closing
    },
  }
}

const text = 'text/plain; charset=utf-8'

/** Not for pages of other sites, nor under a public name that leads here (DNS rebinding). */
function isOurs({ headers }: IncomingMessage): boolean {
  const host = URL.parse(`http://${headers.host}`)?.hostname ?? ''
  const isLocal =
    host === 'localhost' || host.endsWith('.localhost') || isIP(host) !== 0 || host === '[::1]'
  const site = headers['sec-fetch-site'] ?? 'none'
  const isNavigation = headers['sec-fetch-mode'] === 'navigate'
  return isLocal && (site === 'same-origin' || site === 'none' || isNavigation)
}

async function answerFile(request: IncomingMessage, response: ServerResponse, pathname: string) {
  const reads = request.method === 'GET' || request.method === 'HEAD'
  const file = reads ? await readPageFile(pathname) : undefined
  if (file) answer(response, 200, file.contentType, file.body, file.isPage ? pageHeaders : {})
  else answer(response, 404, text, 'There is nothing here. The demo begins at /.')
}

const pageHeaders = {
  'content-security-policy': pagePolicy,
  'cross-origin-opener-policy': 'same-origin',
}

function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}

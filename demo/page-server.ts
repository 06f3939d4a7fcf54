import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { type PageFile, readPageFile } from './page-files.ts'
import { company } from './provisioning.ts'
import { appId } from './push-credentials.ts'
import { RelyingParty } from './relying-party.ts'
import { passOn } from './reverse-proxy.ts'
import { createSignInRoutes } from './sign-in-routes.ts'
import type { Stack } from './stack.ts'

/** The build settings of a phone's app: its company and service. */
export type AppSettings = {
  readonly company: string
  readonly appId: string
  readonly serviceOrigin: string
  readonly tenantId: string
}

export type PageServer = { readonly url: string; close(): Promise<void> }

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => unknown

/**
 * Serves the company's sign-in page and the phones, and is the reverse proxy of two others, so that
 * pages need only one address and the service no CORS headers: `/device/v1/` is the service's
 * device API, whose proofs still name the service's own public origin; `/simulator/phones` is the
 * part of the push simulator that an app sees of Apple or Google.
 */
export async function startPageServer(
  { account, service }: Pick<Stack, 'account' | 'service'>,
  controlUrl: string,
  port: number,
): Promise<PageServer> {
  const signIn = createSignInRoutes(new RelyingParty(account))
  const settings: AppSettings = {
    company,
    appId,
    serviceOrigin: service.origin,
    tenantId: account.tenantId,
  }
  const handle: Handler = (request, response, url) => {
    const { pathname } = url
    const target = request.url ?? '/'
    if (/^\/api\/sign-in(?:\/|$)/.test(pathname)) return signIn.handle(request, response, url)
    if (pathname === '/api/app-settings')
      return answer(response, 200, json, JSON.stringify(settings))
    if (pathname.startsWith('/device/v1/')) return passOn(request, response, service.origin, target)
    if (/^\/simulator\/phones(?:\/|$)/.test(pathname)) {
      return passOn(request, response, controlUrl, target.slice('/simulator'.length))
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

const json = 'application/json'
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
  if (file) answer(response, 200, file.contentType, file.body, policies(file))
  else answer(response, 404, text, 'There is nothing here. The demo begins at /.')
}

function policies({ policy }: PageFile): Record<string, string> {
  return policy === null
    ? {}
    : { 'content-security-policy': policy, 'cross-origin-opener-policy': 'same-origin' }
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

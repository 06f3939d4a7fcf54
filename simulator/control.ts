import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { CallError, ROUTES } from './control-routes.ts'
import type { Simulator } from './simulator.ts'

/** A running control API. */
export type Control = { readonly url: string; close(): Promise<void> }

/** Where the control API listens, and the pages besides loopback ones that may call it. */
export type ControlOptions = {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly port?: number
  /** Origins such as `https://demo.example`. */
  readonly allowedOrigins?: readonly string[]
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * Whether a page of this origin may call: pages of other sites must not read keys or drive phones.
 */
function mayCall(origin: string, allowedOrigins: readonly string[]): boolean {
  if (allowedOrigins.includes(origin)) return true
  return URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname)
}

/**
 * Whether the server may be called by this name; a public name that resolves here is DNS rebinding,
 * unless it was allowed.
 */
function mayBeCalled(host: string, allowedHosts: readonly string[]): boolean {
  if (allowedHosts.some((origin) => new URL(origin).host === host)) return true
  const { hostname } = new URL(`http://${host}`)
  return !hostname.includes('.') || isIP(hostname) !== 0
}

function reply(response: ServerResponse, status: number, body?: unknown): void {
  if (response.headersSent) return
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, text === '' ? {} : { 'content-type': 'application/json' })
  response.end(text)
}

async function dispatch(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control')
  const matching = ROUTES.filter((route) => route.path.test(url.pathname))
  const route = matching.find(({ method }) => method === request.method)
  if (!route) {
    const text = `no such call: ${request.method} ${url.pathname}`
    throw new CallError(matching.length > 0 ? 405 : 404, text)
  }
  const token = decodeURIComponent(route.path.exec(url.pathname)?.[1] ?? '')
  const answer = await route.handle({ simulator, request, response, url, token })
  if (answer) reply(response, answer.status, answer.body)
}

async function answerCall(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  allowedOrigins: readonly string[],
): Promise<void> {
  const { origin, host = 'localhost' } = request.headers
  if (!URL.canParse(`http://${host}`) || !mayBeCalled(host, allowedOrigins)) {
    reply(response, 403, { error: `not to be called as ${host}: use the address` })
    return
  }
  if (origin !== undefined) {
    if (!mayCall(origin, allowedOrigins)) {
      reply(response, 403, {
        error: `pages of ${origin} may not call: start with it as allowed origin`,
      })
      return
    }
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'origin')
  }
  if (request.method === 'OPTIONS') {
    response.setHeader('access-control-allow-methods', 'GET, POST, PUT, DELETE')
    response.setHeader('access-control-allow-headers', 'content-type')
    reply(response, 204)
    return
  }
  try {
    await dispatch(simulator, request, response)
  } catch (error) {
    const status = error instanceof CallError ? error.status : error instanceof URIError ? 400 : 500
    reply(response, status, { error: error instanceof Error ? error.message : String(error) })
  }
}

/**
 * Serves a simulator to other processes and to pages: phones, pushes as server-sent events, faults,
 * log, configuration. It exposes the simulator's keys, so keep it on loopback. Throws when the port
 * is in use or an allowed origin is invalid.
 */
export async function startControl(
  simulator: Simulator,
  options: ControlOptions = {},
): Promise<Control> {
  const { host = '127.0.0.1', port = 0, allowedOrigins = [] } = options
  for (const origin of allowedOrigins) {
    if (!URL.canParse(origin))
      throw new Error(`allowed origin ${origin} must look like https://demo.example`)
  }
  const server = createServer((request, response) => {
    void answerCall(simulator, request, response, allowedOrigins)
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close: async () => {
      const closing = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closing
    },
  }
}

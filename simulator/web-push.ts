import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { BrowserPush, Browsers } from './browsers.ts'
import type { Fault, FaultRequest } from './faults.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { type Address, listenForTls, type TlsListener } from './tls-listener.ts'
import { decrypt, readHeaders, readVapid, type WebPushRefusal } from './web-push-request.ts'

const KEPT_BODY_BYTES = 64 * 1024
/** Longer than any client keeps an idle connection, so that the client closes it. */
const KEEP_ALIVE_MS = 240_000
const GARBAGE = `<!doctype html>\n<title>502 Bad Gateway</title>\n<p>${'nginx '.repeat(2_000)}\n`

type Reply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  readonly reason?: string
}
type Call = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly endpoint: string
  readonly body: Buffer
}

/** The statuses of refusals that a fault names without one. */
const statuses: Readonly<Record<string, number>> = {
  Unsubscribed: 410,
  NotFound: 404,
  PayloadTooLarge: 413,
  TooManyRequests: 429,
  BadJwtToken: 403,
  Unauthorized: 401,
  Unavailable: 503,
  Moved: 307,
}

/**
 * A refusal in the words of the push service: Mozilla's numbered errors, Apple's reasons, plain
 * text elsewhere.
 */
function refusal(endpoint: string, { status, reason }: WebPushRefusal): Reply {
  const { hostname } = new URL(endpoint)
  const isJson = !hostname.endsWith('.windows.com') && hostname !== 'fcm.googleapis.com'
  const body = hostname.endsWith('.apple.com')
    ? { reason }
    : { code: status, errno: status, error: reason, message: reason }
  const headers = { 'content-type': isJson ? 'application/json' : 'text/plain' }
  return { status, headers, body: isJson ? JSON.stringify(body) : reason, reason }
}

/** The push services of browsers (RFC 8030) behind one address, over HTTP/1.1. */
export class WebPushGateway {
  readonly #parts: GatewayParts
  readonly #browsers: Browsers
  readonly #server: Server
  readonly #stalled = new WeakSet<object>()
  #listener: TlsListener | undefined

  constructor(parts: GatewayParts, browsers: Browsers) {
    this.#parts = parts
    this.#browsers = browsers
    const { keyPem: key, certificatePem: cert } = parts.tls
    this.#server = createServer({ key, cert, minVersion: 'TLSv1.2' }, (request, response) =>
      this.#receive(request, response),
    )
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS
    this.#server.on('tlsClientError', () => undefined)
  }

  /** Starts to listen; port 0 selects a free one. */
  async listen(at: Address): Promise<Address> {
    this.#listener = await listenForTls(this.#server, at, this.#parts.faults, ['web_push'])
    return this.#listener.address
  }

  /** Ends every connection immediately. */
  async close(): Promise<void> {
    await this.#listener?.close()
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let size = 0
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => {
      if (size <= KEPT_BODY_BYTES) chunks.push(chunk)
      size += chunk.length
    })
    request.on('end', () => {
      if (this.#stalled.has(request.socket)) return
      const endpoint = `https://${request.headers.host}${request.url}`
      void this.#answer({ request, response, endpoint, body: Buffer.concat(chunks) })
    })
  }

  async #answer(call: Call): Promise<void> {
    const push = this.#read(call)
    if ('reason' in push) return this.#send(call, refusal(call.endpoint, push))
    const { faults } = this.#parts
    const fault = faults.empty ? undefined : faults.take(faultRequest(call, push))
    if (fault?.kind === 'delay') {
      await new Promise((resolve) => setTimeout(resolve, fault.ms).unref())
    }
    if (fault?.kind === 'goaway') call.response.setHeader('connection', 'close')
    if (!fault || fault.kind === 'delay' || fault.kind === 'goaway') {
      return this.#send(call, this.#accept(push), fault)
    }
    return this.#fail(call, push, fault)
  }

  #read({ request, endpoint, body }: Call): BrowserPush | WebPushRefusal {
    if (request.method !== 'POST') return { status: 405, reason: 'MethodNotAllowed' }
    const browser = this.#browsers.find(endpoint)
    if (!browser) return { status: 404, reason: 'NotFound' }
    const at = this.#parts.clock()
    const { origin, hostname } = new URL(endpoint)
    const sender = readVapid(request.headers, {
      origin,
      vapidKey: browser.vapidKey,
      needsSubject: hostname.endsWith('.apple.com'),
      nowSeconds: Math.floor(at / 1000),
    })
    if ('reason' in sender) return sender
    const headers = readHeaders(request.headers, body)
    if ('reason' in headers) return headers
    if (!browser.isSubscribed) return { status: 410, reason: 'Unsubscribed' }
    const text = browser.keys ? decrypt(browser.keys, body) : null
    // A real push service cannot tell; the browser drops such a push.
    if (text === undefined) return { status: 400, reason: 'NotDecrypted' }
    return { id: randomUUID(), endpoint, body, text, ...headers, ...sender, at }
  }

  #accept(push: BrowserPush): Reply {
    this.#browsers.deliver(push)
    const { origin, hostname } = new URL(push.endpoint)
    const name = hostname.endsWith('.apple.com')
      ? { 'apns-id': push.id }
      : { location: `${origin}/m/${push.id}` }
    return { status: 201, headers: { ...name, ttl: String(push.ttlSeconds) }, body: '' }
  }

  async #fail(call: Call, push: BrowserPush, fault: Fault): Promise<void> {
    if (fault.kind === 'reason') {
      const status = fault.status ?? statuses[fault.reason] ?? 400
      const reply = refusal(call.endpoint, { status, reason: fault.reason })
      const { retryAfterSeconds: seconds } = fault
      const wait = seconds === undefined ? {} : { 'retry-after': String(seconds) }
      const target = status >= 300 && status < 400 ? { location: `${call.endpoint}x` } : {}
      const headers = { ...reply.headers, ...wait, ...target }
      return this.#send(call, { ...reply, headers }, fault)
    }
    if (fault.kind === 'garbage' || fault.kind === 'empty_body') {
      const body = fault.kind === 'garbage' ? GARBAGE : ''
      return this.#send(call, { status: fault.status ?? 502, body }, fault)
    }
    if ('processed' in fault && fault.processed) this.#accept(push)
    this.#record(call, { status: 0, body: '' }, fault)
    const { remotePort } = call.request.socket
    if (fault.kind === 'close_socket') this.#listener?.cut(remotePort)
    if (fault.kind === 'reset') this.#listener?.reset(remotePort)
    if (fault.kind === 'stall_connection') this.#stalled.add(call.request.socket)
  }

  #send(call: Call, reply: Reply, fault?: Fault): void {
    this.#record(call, reply, fault)
    const { response } = call
    if (response.destroyed || response.writableEnded) return
    const length = { 'content-length': String(Buffer.byteLength(reply.body)) }
    response.writeHead(reply.status, { ...reply.headers, ...length })
    response.end(reply.body)
  }

  #record({ endpoint }: Call, { status, reason }: Reply, fault?: Fault): void {
    this.#parts.log.record({
      at: this.#parts.clock(),
      provider: 'web_push',
      status,
      token: endpoint,
      ...(reason === undefined ? {} : { reason }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    })
  }
}

function faultRequest({ request, endpoint }: Call, push: BrowserPush): FaultRequest {
  return {
    provider: 'web_push',
    token: endpoint,
    ...(push.topic === undefined ? {} : { collapseId: push.topic }),
    headers: request.headers,
    body: push.text,
  }
}

import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { ServiceAccount } from './credentials.ts'
import type { Fault, FaultProvider, FaultRequest } from './faults.ts'
import { MessagesEndpoint, type RightMessage } from './fcm.ts'
import { fcmError } from './fcm-errors.ts'
import { isReply } from './fcm-message.ts'
import type { GatewayParts } from './gateway-parts.ts'
import type { GatewayReply, GatewayRequest } from './gateway-reply.ts'
import { AccessTokens, oauthError, TokenEndpoint } from './google-oauth.ts'
import { type Address, listenForTls, type TlsListener } from './tls-listener.ts'

const GARBAGE =
  '<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n<p>The server encountered a temporary error.\n'
const KEPT_BODY_BYTES = 64 * 1024
/** Longer than any client keeps an idle connection, so that the client closes it. */
const KEEP_ALIVE_MS = 240_000

type Exchange = {
  readonly request: GatewayRequest
  readonly response: Http2ServerResponse
  readonly connection: object
  readonly remotePort: number | undefined
}
/** A request that passed all checks, and its answer. */
type Ready = {
  readonly faultRequest: FaultRequest
  readonly answer: () => Promise<GatewayReply> | GatewayReply
}

/** Google's token endpoint and FCM behind one address, over HTTP/1.1 and HTTP/2. */
export class GoogleGateway {
  readonly accessTokens: AccessTokens
  readonly #parts: GatewayParts
  readonly #oauth: TokenEndpoint
  readonly #messages: MessagesEndpoint
  readonly #server: Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  /** Silent connections: HTTP/2 sessions and HTTP/1.1 sockets. */
  readonly #stalled = new WeakSet<object>()
  #listener: TlsListener | undefined

  constructor(parts: GatewayParts, account: ServiceAccount, accessTokenLifeSeconds: number) {
    this.#parts = parts
    this.accessTokens = new AccessTokens(parts.clock, accessTokenLifeSeconds)
    this.#oauth = new TokenEndpoint(account, this.accessTokens, parts.clock)
    this.#messages = new MessagesEndpoint(account, this.accessTokens, parts)
    this.#server = createSecureServer({
      key: parts.tls.keyPem,
      cert: parts.tls.certificatePem,
      minVersion: 'TLSv1.2',
      allowHTTP1: true,
      settings: { maxConcurrentStreams: 100 },
      maxSessionMemory: 1000,
    })
    Object.assign(this.#server, { keepAliveTimeout: KEEP_ALIVE_MS })
    this.#server.on('request', (request, response) => this.#receive(request, response))
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('error', () => session.destroy())
      session.on('close', () => this.#sessions.delete(session))
    })
    this.#server.on('sessionError', () => undefined)
    this.#server.on('tlsClientError', () => undefined)
  }

  /** Starts to listen; port 0 selects a free one. */
  async listen(at: Address): Promise<Address> {
    this.#listener = await listenForTls(this.#server, at, this.#parts.faults, ['fcm', 'oauth'])
    return this.#listener.address
  }

  /**
   * Ends every connection immediately: FCM's HTTP/1.1 clients get no notice from the real one
   * either.
   */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    await this.#listener?.close()
  }

  #receive(incoming: Http2ServerRequest, response: Http2ServerResponse): void {
    const chunks: Buffer[] = []
    let size = 0
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    incoming.on('data', (chunk: Buffer) => {
      if (size <= KEPT_BODY_BYTES) chunks.push(chunk)
      size += chunk.length
    })
    incoming.on('end', () => {
      const request = {
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      const { remotePort } = incoming.socket
      const connection = response.stream?.session ?? incoming.socket
      if (this.#stalled.has(connection)) return
      void this.#answer({ request, response, connection, remotePort })
    })
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const provider = request.path === '/token' ? 'oauth' : 'fcm'
    const ready = provider === 'oauth' ? this.#readToken(request) : this.#readPush(request)
    if (isReply(ready)) return this.#send(exchange, provider, ready)
    const { faults } = this.#parts
    const fault = faults.empty ? undefined : faults.take(ready.faultRequest)
    if (fault?.kind === 'delay') {
      await new Promise((resolve) => setTimeout(resolve, fault.ms).unref())
    }
    if (fault?.kind === 'goaway') this.#goaway(exchange, fault.phases)
    if (!fault || fault.kind === 'delay' || fault.kind === 'goaway') {
      return this.#send(exchange, provider, await ready.answer(), fault, ready.faultRequest)
    }
    return this.#fail(exchange, ready, fault)
  }

  #readToken(request: GatewayRequest): GatewayReply | Ready {
    const fields = this.#oauth.read(request)
    if (isReply(fields)) return fields
    const body = Object.fromEntries(fields)
    return {
      faultRequest: { provider: 'oauth', headers: request.headers, body },
      answer: () => this.#oauth.answer(fields),
    }
  }

  #readPush(request: GatewayRequest): GatewayReply | Ready {
    const push: GatewayReply | RightMessage = this.#messages.read(request)
    if (isReply(push)) return push
    const { collapseKey } = push.message
    return {
      faultRequest: {
        provider: 'fcm',
        ...(push.token === undefined ? {} : { token: push.token }),
        ...(collapseKey === undefined ? {} : { collapseId: collapseKey }),
        headers: request.headers,
        body: push.raw,
      },
      answer: () => this.#messages.answer(push),
    }
  }

  async #fail(exchange: Exchange, ready: Ready, fault: Fault): Promise<void> {
    const { response, remotePort } = exchange
    const { provider } = ready.faultRequest
    if (fault.kind === 'reason') {
      return this.#send(exchange, provider, refusal(fault, provider), fault, ready.faultRequest)
    }
    if (fault.kind === 'garbage' || fault.kind === 'empty_body') {
      const body = fault.kind === 'garbage' ? GARBAGE : ''
      const headers = body === '' ? {} : { 'content-type': 'text/html; charset=UTF-8' }
      const reply = { status: fault.status ?? 502, headers, body }
      return this.#send(exchange, provider, reply, fault, ready.faultRequest)
    }
    if ('processed' in fault && fault.processed) await ready.answer()
    this.#record(provider, { status: 0, body: '' }, fault, ready.faultRequest)
    if (fault.kind === 'close_socket') this.#listener?.cut(remotePort)
    if (fault.kind === 'stall_connection') this.#stalled.add(exchange.connection)
    if (fault.kind !== 'reset') return
    const code = fault.code ?? constants.NGHTTP2_INTERNAL_ERROR
    if (response.stream === undefined) this.#listener?.reset(remotePort)
    else response.stream.close(code)
  }

  #goaway({ response }: Exchange, phases: 1 | 2): void {
    const session = response.stream?.session
    if (!session) {
      response.setHeader('connection', 'close')
      return
    }
    if (phases === 2) session.goaway(0, 2 ** 31 - 1)
    session.goaway(0)
  }

  #send(
    { response }: Exchange,
    provider: FaultProvider,
    reply: GatewayReply,
    fault?: Fault,
    faultRequest?: FaultRequest,
  ): void {
    this.#record(provider, reply, fault, faultRequest)
    if (response.destroyed || response.writableEnded) return
    const length = { 'content-length': String(Buffer.byteLength(reply.body)) }
    response.writeHead(reply.status, { ...reply.headers, ...length })
    response.end(reply.body)
  }

  #record(
    provider: FaultProvider,
    reply: GatewayReply,
    fault: Fault | undefined,
    faultRequest: FaultRequest | undefined,
  ): void {
    const token = reply.token ?? faultRequest?.token
    this.#parts.log.record({
      at: this.#parts.clock(),
      provider,
      status: reply.status,
      ...(token === undefined ? {} : { token }),
      ...(reply.reason === undefined ? {} : { reason: reply.reason }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    })
  }
}

function refusal(fault: Extract<Fault, { kind: 'reason' }>, provider: FaultProvider): GatewayReply {
  const { reason, status, retryAfterSeconds } = fault
  if (provider === 'fcm') {
    return fcmError(reason, {
      ...(status === undefined ? {} : { status }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    })
  }
  const reply = oauthError(reason, 'Simulated refusal.', status ?? 400)
  if (retryAfterSeconds === undefined) return reply
  return { ...reply, headers: { ...reply.headers, 'retry-after': String(retryAfterSeconds) } }
}

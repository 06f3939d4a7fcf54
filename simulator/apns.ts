import { randomUUID } from 'node:crypto'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { ApnsConnection } from './apns-connection.ts'
import {
  checkRequest,
  describePush,
  environmentOf,
  findDevice,
  type RightPush,
  type WireRequest,
} from './apns-push.ts'
import { type ApnsRefusal, isRefusal, refuse } from './apns-reasons.ts'
import { readApnsId } from './apns-request.ts'
import { ProviderTokens } from './apns-token.ts'
import type { ApnsCredentials } from './credentials.ts'
import type { Fault } from './faults.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { type Address, listenForTls, type TlsListener } from './tls-listener.ts'

/** More than any body that Apple accepts; the rest is read and discarded. */
const KEPT_BODY_BYTES = 8192
const UNLIMITED = 1_000_000
const GARBAGE = '<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>'

type Exchange = {
  readonly stream: ServerHttp2Stream
  readonly connection: ApnsConnection
  readonly wire: WireRequest
  /** The request's own `apns-id`, or a generated one. */
  readonly id: string
}

/** Apple's provider API: HTTP/2 over TLS, one request per push. */
export class ApnsGateway {
  readonly #parts: GatewayParts
  readonly #tokens: ProviderTokens
  readonly #bundleIds: ReadonlySet<string>
  readonly #connections = new Map<ServerHttp2Session, ApnsConnection>()
  readonly #server: Http2SecureServer
  #listener: TlsListener | undefined

  constructor(parts: GatewayParts, credentials: ApnsCredentials) {
    this.#parts = parts
    this.#tokens = new ProviderTokens(credentials, parts.clock)
    this.#bundleIds = new Set(credentials.bundleIds)
    this.#server = createSecureServer({
      key: parts.tls.keyPem,
      cert: parts.tls.certificatePem,
      minVersion: 'TLSv1.2',
      allowHTTP1: false,
      settings: { maxConcurrentStreams: 1 },
      maxSessionMemory: 1000,
      maxSessionRejectedStreams: UNLIMITED,
      streamResetBurst: UNLIMITED,
      streamResetRate: UNLIMITED,
    })
    this.#server.on('session', (session) => this.#open(session))
    this.#server.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.#receive(stream, headers, raw),
    )
    this.#server.on('sessionError', () => undefined)
    this.#server.on('tlsClientError', () => undefined)
  }

  /** Starts to listen; port 0 selects a free one. */
  async listen(at: Address): Promise<Address> {
    this.#listener = await listenForTls(this.#server, at, this.#parts.faults, ['apns'])
    return this.#listener.address
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /**
   * Sends every client away, with one GOAWAY or the two of a graceful shutdown; requests in flight
   * are answered.
   */
  goaway(phases: 1 | 2, reason = 'Shutdown'): void {
    for (const connection of this.#connections.values()) void connection.goaway(phases, reason)
  }

  /**
   * Graceful shutdown: two-phase GOAWAY, requests in flight have at most a second for their answer,
   * then everything is closed.
   */
  async close(): Promise<void> {
    this.#listener?.stop()
    await Promise.all([...this.#connections.values()].map((connection) => connection.drain()))
    await this.#listener?.close()
  }

  #open(session: ServerHttp2Session): void {
    this.#connections.set(session, new ApnsConnection(session))
    session.on('error', () => session.destroy())
    session.on('close', () => this.#connections.delete(session))
  }

  #receive(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: string[]): void {
    const session = stream.session as ServerHttp2Session | undefined
    const connection = session && this.#connections.get(session)
    if (!connection) {
      stream.destroy()
      return
    }
    stream.on('error', () => undefined)
    connection.begin(stream)
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      if (size <= KEPT_BODY_BYTES) chunks.push(chunk)
      size += chunk.length
    })
    stream.on('end', () => {
      const wire = { headers, rawHeaders, body: Buffer.concat(chunks) }
      const id = readApnsId(headers) ?? randomUUID().toUpperCase()
      void this.#answer({ stream, connection, wire, id })
    })
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { connection, wire } = exchange
    if (connection.isStalled) return connection.abandon(exchange.stream)
    const push = await checkRequest(wire, connection, this.#tokens, this.#bundleIds)
    if (connection.current) connection.raiseStreamLimit()
    if (isRefusal(push)) return this.#refuse(exchange, push)
    const fault = this.#takeFault(exchange, push)
    if (!fault) return this.#finish(exchange, push)
    if (fault.kind === 'delay') {
      await new Promise((resolve) => setTimeout(resolve, fault.ms).unref())
    }
    if (fault.kind === 'goaway') void connection.goaway(fault.phases, fault.reason ?? 'Shutdown')
    if (fault.kind === 'delay' || fault.kind === 'goaway')
      return this.#finish(exchange, push, fault)
    return this.#fail(exchange, push, fault)
  }

  #takeFault(exchange: Exchange, push: RightPush): Fault | undefined {
    const { faults } = this.#parts
    if (faults.empty) return undefined
    return faults.take({
      provider: 'apns',
      token: push.deviceToken.toLowerCase(),
      ...(push.request.collapseId === undefined ? {} : { collapseId: push.request.collapseId }),
      headers: exchange.wire.headers,
      body: push.payload,
    })
  }

  #finish(exchange: Exchange, push: RightPush, fault?: Fault): void {
    const { stream, id, wire } = exchange
    const refusal = this.#accept(exchange, push)
    if (refusal) {
      this.#refuse(exchange, refusal, {}, fault)
      return
    }
    this.#record(200, push.deviceToken, undefined, fault)
    const sandbox = environmentOf(wire.headers[':authority']) === 'sandbox'
    const unique = sandbox ? { 'apns-unique-id': randomUUID() } : {}
    this.#respond(stream, { ':status': 200, 'apns-id': id, ...unique })
  }

  #accept(exchange: Exchange, push: RightPush): ApnsRefusal | undefined {
    const { phones, log, clock } = this.#parts
    const device = findDevice(phones, push, exchange.wire.headers[':authority'])
    if (isRefusal(device)) return device
    phones.deliver(log.accept(describePush(push, device, exchange.id, clock())))
    return undefined
  }

  #fail(exchange: Exchange, push: RightPush, fault: Fault): void {
    const { stream, connection, id } = exchange
    if (fault.kind === 'reason') {
      this.#refuseOnPurpose(exchange, fault)
      return
    }
    if ('processed' in fault && fault.processed) this.#accept(exchange, push)
    const status =
      fault.kind === 'garbage' || fault.kind === 'empty_body' ? (fault.status ?? 502) : 0
    this.#record(status, push.deviceToken, undefined, fault)
    if (status > 0) {
      const body = fault.kind === 'garbage' ? GARBAGE : undefined
      this.#respond(stream, { ':status': status, 'apns-id': id }, body)
    } else if (fault.kind === 'reset') {
      stream.close(fault.code ?? constants.NGHTTP2_INTERNAL_ERROR)
    } else if (fault.kind === 'close_socket') {
      this.#listener?.cut(connection.remotePort)
    } else {
      connection.stall(stream, fault.kind === 'stall_connection')
    }
  }

  #refuseOnPurpose(exchange: Exchange, fault: Extract<Fault, { kind: 'reason' }>): void {
    // A client then signs a new token immediately, which the 20-minute rule would refuse for a
    // token that had not really expired.
    if (fault.reason === 'ExpiredProviderToken') exchange.connection.current = undefined
    const retry = fault.retryAfterSeconds
    const headers = retry === undefined ? {} : { 'retry-after': String(retry) }
    const pairedReply = refuse(fault.reason, fault.timestamp)
    const status = fault.status ?? pairedReply.status
    const stamp = status === 410 ? { timestamp: fault.timestamp ?? this.#parts.clock() } : {}
    this.#refuse(exchange, { ...pairedReply, ...stamp, status }, headers, fault)
  }

  #refuse(exchange: Exchange, refusal: ApnsRefusal, headers = {}, fault?: Fault): void {
    const { status, ...body } = refusal
    const token = exchange.wire.headers[':path']?.slice('/3/device/'.length)
    this.#record(status, token, refusal.reason, fault)
    const fields = { ':status': status, 'apns-id': exchange.id, ...headers }
    this.#respond(exchange.stream, fields, JSON.stringify(body))
  }

  #respond(
    stream: ServerHttp2Stream,
    headers: Record<string, string | number>,
    body?: string,
  ): void {
    if (stream.destroyed || stream.closed) return
    stream.respond(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
  }

  #record(status: number, token: string | undefined, reason?: string, fault?: Fault): void {
    this.#parts.log.record({
      at: this.#parts.clock(),
      provider: 'apns',
      status,
      ...(token === undefined ? {} : { token }),
      ...(reason === undefined ? {} : { reason }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    })
  }
}

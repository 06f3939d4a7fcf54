// The HTTP client for addresses that somebody else chose: checked, without redirects or proxies,
// with a timeout and a limit on the answer.

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions, request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { rootCertificates } from 'node:tls'
import { Agent as HttpAgent, request } from '../node-http.ts'
import { boundAnswer, outboundTls } from './answer-bounds.ts'
import { type EgressGuard, egressErrorCode } from './egress-guard.ts'

export type GuardedRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** From the DNS lookup to the complete answer. */
  readonly timeoutMs: number
  /**
   * Of the answer's body. With 0 the status is the complete answer: a server that drips its body
   * delays nobody.
   */
  readonly bytesMax: number
  /**
   * What counts is the status: a body that is longer, slow or incomplete is cut off where it is,
   * instead of being an error.
   */
  readonly cutsBody?: true
}

export type GuardedAnswer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type GuardedClient = {
  /**
   * Sends to the address if the guard allows it; redirects are answers like any other. Rejects with
   * `UrlRefusedError` before anything is looked up; else when the connection leads to an address
   * that the guard refuses, and when there is no complete answer in time and within the limit.
   */
  send(request: GuardedRequest): Promise<GuardedAnswer>
  /** Ends all connections. */
  close(): void
}

export type GuardedClientOptions = {
  readonly guard: EgressGuard
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca?: readonly string[]
  /**
   * Reuses connections; a request that met one that the other side had closed is sent again. By
   * default each request is sent once, over a connection of its own.
   */
  readonly keepAlive?: boolean
  /**
   * Opens the connections to the hosts of https URLs, such as through a proxy that the operator
   * chose. What it connects to is the operator's choice, so that the guard checks the URL alone.
   */
  readonly connect?: (target: { readonly host: string; readonly port: number }) => ConnectOptions
}

/** Where a TLS connection goes instead of to the host in the URL, whose name it still checks. */
type ConnectOptions = { readonly host: string; readonly port: number } | { readonly socket: Duplex }

/** The guard refuses the URL, for the reason `fault`. */
export class UrlRefusedError extends Error {
  readonly fault: string
  constructor(fault: string) {
    super(`the address is refused: ${fault}`)
    this.fault = fault
  }
}

class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT'
}

/**
 * A body that is ignored is drained up to this size and time, so that the connection can be reused
 * and the server need not see it break.
 */
const drainedBytesMax = 16 * 1024
const drainMsMax = 1_000
/** Bodies that are drained concurrently; beyond them a connection is closed instead of drained. */
const drainingMax = 64
/** Longer than any request takes; unsolicited data does not keep a connection open. */
const idleMs = 30_000
const pool = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 8, timeout: idleMs } as const

/**
 * Sends the body; resolves to what `take` makes of the answer. `take` is called in the event of the
 * answer: an answer that is refused at its head has no later event.
 */
export function exchange<T>(
  call: ClientRequest,
  body: string | Uint8Array | undefined,
  take: (answer: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call.once('response', (answer) => resolve(take(answer)))
    call.on('error', reject)
    call.end(body)
  })
}

/** The body, up to its limit; a longer or incomplete one is an error. */
export function readBody(answer: IncomingMessage, bytesMax: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > bytesMax) answer.destroy(new Error('the answer is too long'))
      else chunks.push(chunk)
    })
    answer.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    answer.once('error', reject)
    answer.once('close', () => reject(new Error('the answer ended early')))
  })
}

/**
 * The beginning of the body, up to its limit: what is there when the body ends, breaks off, or has
 * lasted for `drainMsMax`.
 */
function readStart(answer: IncomingMessage, bytesMax: number): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const cut = () => answer.destroy()
    const timer = setTimeout(cut, drainMsMax)
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk.subarray(0, bytesMax - bytes))
      bytes += chunk.length
      if (bytes > bytesMax) cut()
    })
    answer.on('error', () => undefined)
    answer.once('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('utf8'))
    })
  })
}

/** Drains bodies that are ignored; limited in bytes, time and number. */
function buildDrain(): (answer: IncomingMessage) => void {
  let drainingCount = 0
  return (answer) => {
    drainingCount += 1
    let bytes = 0
    const giveUp = () => answer.destroy()
    const timer = setTimeout(giveUp, drainMsMax)
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > drainedBytesMax) giveUp()
    })
    answer.on('error', () => undefined)
    answer.once('close', () => {
      drainingCount -= 1
      clearTimeout(timer)
    })
    // A body that arrived together with its head is complete by then.
    if (drainingCount > drainingMax) setImmediate(() => answer.complete || giveUp())
  }
}

/**
 * Ends the request, the connection included, when it connects to an address that the guard refuses.
 * An address in the URL is never looked up, so it is checked here, as is every other connection.
 */
function checkAddress(call: ClientRequest, guard: EgressGuard): void {
  call.once('socket', (socket: Socket) => {
    const check = () => {
      if (guard.allows(socket.remoteAddress ?? '')) return
      call.destroy(Object.assign(new Error('not allowed'), { code: egressErrorCode }))
    }
    // A reused connection was checked when it was new.
    if (socket.connecting) socket.once('connect', check)
  })
}

/** An agent whose connections may go elsewhere than to the host of the URL. */
class SecureAgent extends HttpsAgent {
  readonly #connect: GuardedClientOptions['connect']

  constructor({ ca = [], keepAlive = false, connect }: GuardedClientOptions) {
    const trust = ca.length > 0 && { ca: [...rootCertificates, ...ca] }
    super({ ...(keepAlive && pool), ...outboundTls, ...trust })
    this.#connect = connect
  }

  override createConnection(
    options: RequestOptions,
    callback?: Parameters<HttpsAgent['createConnection']>[1],
  ): ReturnType<HttpsAgent['createConnection']> {
    const servername = options.servername || options.host
    const way = this.#connect?.({ host: options.host ?? '', port: Number(options.port ?? 443) })
    const elsewhere = way && { ...way, lookup: undefined, ...(servername && { servername }) }
    return super.createConnection({ ...options, ...elsewhere } as RequestOptions, callback)
  }
}

/** A client with connections of its own. */
export function buildGuardedClient(options: GuardedClientOptions): GuardedClient {
  const { guard, keepAlive = false, connect } = options
  const plain = new HttpAgent(keepAlive ? pool : {})
  const secure = new SecureAgent(options)
  const drain = buildDrain()

  function open({ method, url, headers, bytesMax, cutsBody }: GuardedRequest, deadline: number) {
    const target = new URL(url)
    const isPlain = target.protocol === 'http:'
    const call = (isPlain ? request : secureRequest)(target, {
      method,
      headers: { ...headers, 'user-agent': 'Countersign' },
      lookup: guard.lookup,
      agent: isPlain ? plain : secure,
    })
    const giveUp = () => call.destroy(new TimeoutError('no answer in time'))
    const timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()))
    call.once('close', () => clearTimeout(timer))
    if (!connect) checkAddress(call, guard)
    boundAnswer(call, cutsBody ? drainedBytesMax : bytesMax || drainedBytesMax)
    return call
  }

  return {
    async send(input) {
      const fault = guard.fault(input.url)
      if (fault !== undefined) throw new UrlRefusedError(fault)
      const deadline = performance.now() + input.timeoutMs
      for (;;) {
        const call = open(input, deadline)
        let isAnswered = false
        try {
          return await exchange(call, input.body, async (answer) => {
            isAnswered = true
            const { statusCode: status = 0, headers } = answer
            if (input.bytesMax === 0) drain(answer)
            const read = input.cutsBody ? readStart : readBody
            const body = input.bytesMax > 0 ? await read(answer, input.bytesMax) : ''
            return { status, headers, body }
          })
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException
          // The other side had closed a kept-alive connection: it read nothing of this request.
          if (isAnswered || !call.reusedSocket || code !== 'ECONNRESET') throw error
        }
      }
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

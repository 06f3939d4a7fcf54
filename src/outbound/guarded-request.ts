// One request to an address that somebody else chose: checked, without redirects or proxies, with a
// timeout and a size limit.

import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { boundAnswer, outboundTls } from './answer-bounds.ts'
import { type EgressGuard, egressErrorCode } from './egress-guard.ts'

export type GuardedRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  /** Of the answer's body; with 0 only the status is awaited. */
  readonly bytesMax: number
}

export type GuardedAnswer = { readonly status: number; readonly body: string }

class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** The limits of a request to a server of others. */
type RequestBounds = {
  readonly guard: Pick<EgressGuard, 'allows'>
  readonly timeoutMs: number
  readonly bodyBytesMax: number
}

/**
 * Applies the limits to a request that was just made, with any agent: it connects to no address
 * that the guard refuses, its answer is limited in size, and it ends after its timeout, the
 * connection included.
 */
export function boundRequest(
  call: ClientRequest,
  { guard, timeoutMs, bodyBytesMax }: RequestBounds,
): void {
  const timer = setTimeout(() => call.destroy(new TimeoutError('no answer in time')), timeoutMs)
  call.once('close', () => clearTimeout(timer))
  call.once('socket', (socket: Socket) => {
    // An address in the URL is never looked up, so it is checked here, as is every other
    // connection.
    const check = () => {
      if (guard.allows(socket.remoteAddress ?? '')) return
      call.destroy(Object.assign(new Error('not allowed'), { code: egressErrorCode }))
    }
    // A reused connection was checked when it was new.
    if (socket.connecting) socket.once('connect', check)
  })
  boundAnswer(call, bodyBytesMax)
}

/** Reads the answer up to its limit; more is an error. */
function read(answer: IncomingMessage, bytesMax: number): Promise<string> {
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
 * Sends once, over a connection of its own. Rejects when the guard refuses, and when there is no
 * complete answer in time; with `bytesMax` 0 the status is the complete answer.
 */
export function sendGuarded(
  { guard, ca }: { readonly guard: EgressGuard; readonly ca: readonly string[] },
  input: GuardedRequest,
): Promise<GuardedAnswer> {
  const fault = guard.fault(input.url)
  if (fault !== undefined) return Promise.reject(new Error(`the address is refused: ${fault}`))
  const { method, body, timeoutMs, bytesMax } = input
  const headers = {
    ...input.headers,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    'user-agent': 'Countersign',
  }
  const options = { method, headers, lookup: guard.lookup, agent: false } as const
  const url = new URL(input.url)
  return new Promise((resolve, reject) => {
    const call =
      url.protocol === 'http:'
        ? request(url, options)
        : secureRequest(url, {
            ...options,
            ...outboundTls,
            ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }),
          })
    boundRequest(call, { guard, timeoutMs, bodyBytesMax: bytesMax })
    let isAnswered = false
    call.once('close', () => {
      // A connection that switches to another protocol ends without an answer and without an error.
      if (!isAnswered) reject(new Error('no answer'))
    })
    call.once('response', (answer) => {
      isAnswered = true
      const status = answer.statusCode ?? 0
      if (bytesMax === 0) {
        resolve({ status, body: '' })
        answer.destroy()
        return
      }
      read(answer, bytesMax).then((text) => resolve({ status, body: text }), reject)
    })
    call.on('error', reject)
    call.end(body)
  })
}

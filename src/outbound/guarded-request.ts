// One request to an address that somebody else chose: checked, without redirects or proxies, within a time, reading a little.

import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { boundAnswer, strangersTls } from './answer-bounds.ts'
import { type EgressGuard, egressRefused } from './egress-guard.ts'

export type GuardedRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  /** Of the answer's body; with 0 the status is all that is waited for. */
  readonly bytesMax: number
}

export type GuardedAnswer = { readonly status: number; readonly body: string }

class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** What a request to a stranger is held to. */
type Hold = {
  readonly guard: Pick<EgressGuard, 'allows'>
  readonly timeoutMs: number
  readonly bodyBytesMax: number
}

/**
 * Holds a request that was just made, over whatever agent, to its bounds: it goes to no address that the guard refuses, says no
 * more than its answer may, and is over after its time, connection included.
 */
export function holdRequest(sent: ClientRequest, { guard, timeoutMs, bodyBytesMax }: Hold): void {
  const timer = setTimeout(() => sent.destroy(new TimeoutError('no answer in time')), timeoutMs)
  sent.once('close', () => clearTimeout(timer))
  sent.once('socket', (socket: Socket) => {
    // An address in the URL is never looked up; and whatever else might lead elsewhere ends here.
    const check = () => {
      if (guard.allows(socket.remoteAddress ?? '')) return
      sent.destroy(Object.assign(new Error('not allowed'), { code: egressRefused }))
    }
    // One that is used again was checked when it was new.
    if (socket.connecting) socket.once('connect', check)
  })
  boundAnswer(sent, bodyBytesMax)
}

/** Reads the answer up to its bound; more is an error. */
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
 * Sends once, over a connection of its own. Rejects when the guard refuses, and when there is no whole answer in time; where no
 * body is wanted, the status is the whole answer.
 */
export function sendGuarded(
  { guard, ca }: { readonly guard: EgressGuard; readonly ca: readonly string[] },
  asked: GuardedRequest,
): Promise<GuardedAnswer> {
  const fault = guard.fault(asked.url)
  if (fault !== undefined) return Promise.reject(new Error(`the address is refused: ${fault}`))
  const { method, body, timeoutMs, bytesMax } = asked
  const headers = {
    ...asked.headers,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    'user-agent': 'Countersign',
  }
  const options = { method, headers, lookup: guard.lookup, agent: false } as const
  const url = new URL(asked.url)
  return new Promise((resolve, reject) => {
    const sent =
      url.protocol === 'http:'
        ? request(url, options)
        : secureRequest(url, {
            ...options,
            ...strangersTls,
            ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }),
          })
    holdRequest(sent, { guard, timeoutMs, bodyBytesMax: bytesMax })
    let isAnswered = false
    sent.once('close', () => {
      // A connection that is switched to another protocol ends without an answer and without an error.
      if (!isAnswered) reject(new Error('no answer'))
    })
    sent.once('response', (answer) => {
      isAnswered = true
      const status = answer.statusCode ?? 0
      if (bytesMax === 0) {
        resolve({ status, body: '' })
        answer.destroy()
        return
      }
      read(answer, bytesMax).then((text) => resolve({ status, body: text }), reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

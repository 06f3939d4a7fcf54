// One request to an address that somebody else chose: checked, without redirects or proxies, within a time, reading a little.

import { type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { type EgressGuard, egressRefused } from './egress-guard.ts'

export type GuardedRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  readonly bytesMax: number
}

export type GuardedAnswer = { readonly status: number; readonly body: string }

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

/** Sends once, over a connection of its own. Rejects when the guard refuses, and when there is no whole answer in time. */
export function sendGuarded(
  { guard, ca }: { readonly guard: EgressGuard; readonly ca: readonly string[] },
  asked: GuardedRequest,
): Promise<GuardedAnswer> {
  const fault = guard.fault(asked.url)
  if (fault !== undefined) return Promise.reject(new Error(`the address is refused: ${fault}`))
  const { method, body } = asked
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
            minVersion: 'TLSv1.2',
            ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }),
          })
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), asked.timeoutMs)
    let isAnswered = false
    sent.once('close', () => {
      clearTimeout(timer)
      // A connection that is switched to another protocol ends without an answer and without an error.
      if (!isAnswered) reject(new Error('no answer'))
    })
    sent.once('socket', (socket: Socket) => {
      // An address in the URL is never looked up; and whatever else might lead elsewhere ends here.
      socket.once('connect', () => {
        if (guard.allows(socket.remoteAddress ?? '')) return
        sent.destroy(Object.assign(new Error('not allowed'), { code: egressRefused }))
      })
    })
    sent.once('response', (answer) => {
      isAnswered = true
      const status = answer.statusCode ?? 0
      read(answer, asked.bytesMax).then((text) => resolve({ status, body: text }), reject)
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

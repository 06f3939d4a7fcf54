// Sends one webhook once: signed, to a checked address, without redirects or proxies, with a
// timeout and a limit on the answer.

import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http'
import { Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import type { WebhookOutcome } from '../domain/webhook-endpoint.ts'
import type { WebhookRequest, WebhookSender } from '../ports/webhook.ts'
import { answerErrorCode, outboundTls, protocolErrorCode } from './answer-bounds.ts'
import { type EgressGuard, egressErrorCode } from './egress-guard.ts'
import { boundRequest } from './guarded-request.ts'
import { parseRetryAfterMs } from './retry-after.ts'
import { webhookHeaders } from './webhook-signature.ts'

export type WebhookSenderOptions = {
  readonly guard: EgressGuard
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca?: readonly string[]
  /** From the DNS lookup to the status. */
  readonly timeoutMs?: number
}

const timeoutMsDefault = 15_000
/**
 * The body is ignored; it is drained up to this size and time, so that the connection can be
 * reused.
 */
const bodyBytesMax = 16 * 1024
const bodyMsMax = 1_000
/** Bodies that are drained concurrently; beyond them a connection is closed instead of drained. */
const unfinishedMax = 64
/** Longer than any attempt takes; unsolicited data does not keep a connection open. */
const idleMs = 30_000
const busyCodes = new Set([429, 502, 503, 504])

const reasons: Readonly<Record<string, string>> = {
  [egressErrorCode]: 'address_not_allowed',
  [answerErrorCode]: 'answer_too_long',
  [protocolErrorCode]: 'connection_lost',
  ETIMEDOUT: 'timeout',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
  ENOTFOUND: 'name_not_found',
  ENODATA: 'name_not_found',
  ESERVFAIL: 'name_not_found',
  ETIMEOUT: 'name_not_found',
}

/** A fixed reason for the failure: text chosen by the other side stays out of logs and answers. */
function reasonOf(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  if (/CERT|TLS|SSL|SIGNATURE/.test(code)) return 'tls_failed'
  return reasons[code] ?? 'connection_failed'
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage, at: Date): WebhookOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'accepted', statusCode }
  if (statusCode === 410) return { kind: 'gone', statusCode, reason: 'gone' }
  const afterMs = busyCodes.has(statusCode)
    ? parseRetryAfterMs(headers['retry-after'], at.getTime())
    : undefined
  const reason = statusCode >= 300 && statusCode < 400 ? 'redirect_refused' : `status_${statusCode}`
  return { kind: 'failed', statusCode, reason, ...(afterMs !== undefined && { afterMs }) }
}

/**
 * Drains answers whose status is known, so that their connections can be reused; limited in bytes,
 * time and number.
 */
function buildLeftovers(): { finish(answer: IncomingMessage): void } {
  let unfinishedCount = 0
  return {
    finish(answer) {
      unfinishedCount += 1
      let bytes = 0
      const giveUp = () => answer.destroy()
      const timer = setTimeout(giveUp, bodyMsMax)
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > bodyBytesMax) giveUp()
      })
      answer.on('error', () => undefined)
      answer.once('close', () => {
        unfinishedCount -= 1
        clearTimeout(timer)
      })
      // A body that arrived together with its head is complete by then.
      if (unfinishedCount > unfinishedMax) setImmediate(() => answer.complete || giveUp())
    },
  }
}

/** Sends over connections of its own. */
export function buildWebhookSender({
  guard,
  ca = [],
  timeoutMs = timeoutMsDefault,
}: WebhookSenderOptions): WebhookSender {
  const pool = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 8, timeout: idleMs } as const
  const plain = new HttpAgent(pool)
  const leftovers = buildLeftovers()
  const secure = new HttpsAgent({
    ...pool,
    ...outboundTls,
    ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }),
  })

  function open(url: URL, headers: Record<string, string>): ClientRequest {
    const options = { method: 'POST', headers, lookup: guard.lookup }
    return url.protocol === 'http:'
      ? request(url, { ...options, agent: plain })
      : secureRequest(url, { ...options, agent: secure })
  }

  function attempt(input: WebhookRequest, deadline: number): Promise<WebhookOutcome | 'again'> {
    const headers = {
      ...webhookHeaders(input),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(input.body)),
      'user-agent': 'Countersign',
    }
    return new Promise((resolve) => {
      const call = open(new URL(input.url), headers)
      const timeoutMs = Math.max(0, deadline - performance.now())
      boundRequest(call, { guard, timeoutMs, bodyBytesMax })
      // The status decides: a server that drips its body delays nobody.
      call.once('response', (answer) => {
        resolve(outcomeOf(answer, input.at))
        leftovers.finish(answer)
      })
      call.on('error', (error: NodeJS.ErrnoException) => {
        // The other side had closed a kept-alive connection: it read nothing of this attempt.
        const stale = call.reusedSocket && error.code === 'ECONNRESET'
        const reason = reasonOf(error)
        resolve(stale ? 'again' : { kind: 'failed', statusCode: null, reason })
      })
      // A connection that switches to another protocol ends without an answer and without an error.
      call.once('close', () => {
        resolve({ kind: 'failed', statusCode: null, reason: 'connection_lost' })
      })
      call.end(input.body)
    })
  }

  return {
    async send(input) {
      const fault = guard.fault(input.url)
      if (fault !== undefined) return { kind: 'failed', statusCode: null, reason: fault }
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const outcome = await attempt(input, deadline)
        if (outcome !== 'again') return outcome
      }
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

// One webhook, once: signed, to a checked address, without redirects or proxies, within a time, listening to a little of the answer.

import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http'
import { Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import type { WebhookOutcome } from '../domain/webhook-endpoint.ts'
import type { WebhookRequest, WebhookSender } from '../ports/webhook.ts'
import { answerRefused, strangersTls } from './answer-bounds.ts'
import { type EgressGuard, egressRefused } from './egress-guard.ts'
import { holdRequest } from './guarded-request.ts'
import { parseRetryAfterMs } from './retry-after.ts'
import { webhookHeaders } from './webhook-signature.ts'

export type WebhookSenderOptions = {
  readonly guard: EgressGuard
  /** Authorities to trust beside the public ones, in PEM. */
  readonly ca?: readonly string[]
  /** From the name to the status. */
  readonly timeoutMs?: number
}

const timeoutMsDefault = 15_000
/** Nobody reads the body; so much of it is taken, and for so long, that the connection can be used again. */
const bodyBytesMax = 16 * 1024
const bodyMsMax = 1_000
/** Bodies that are still coming at a time; beyond them a connection is given up rather than waited for. */
const unfinishedMax = 64
/** Longer than any try takes; nothing that is said to nobody keeps a connection. */
const idleMs = 30_000
const busyCodes = new Set([429, 502, 503, 504])

const reasons: Readonly<Record<string, string>> = {
  [egressRefused]: 'address_not_allowed',
  [answerRefused]: 'answer_too_long',
  ETIMEDOUT: 'timeout',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
  ENOTFOUND: 'name_not_found',
  ENODATA: 'name_not_found',
  ESERVFAIL: 'name_not_found',
  ETIMEOUT: 'name_not_found',
}

/** A word of ours for what went wrong: what the other side chose stays out of logs and answers. */
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

/** Lets answers end whose status is known, so that their connections can be used again; bounded in bytes, time and number. */
function createLeftovers(): { finish(answer: IncomingMessage): void } {
  let unfinished = 0
  return {
    finish(answer) {
      unfinished += 1
      let bytes = 0
      const giveUp = () => answer.destroy()
      const timer = setTimeout(giveUp, bodyMsMax)
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > bodyBytesMax) giveUp()
      })
      answer.on('error', () => undefined)
      answer.once('close', () => {
        unfinished -= 1
        clearTimeout(timer)
      })
      // A body that came together with its head is whole by then.
      if (unfinished > unfinishedMax) setImmediate(() => answer.complete || giveUp())
    },
  }
}

/** Sends over connections of its own. */
export function createWebhookSender({
  guard,
  ca = [],
  timeoutMs = timeoutMsDefault,
}: WebhookSenderOptions): WebhookSender {
  const pool = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 8, timeout: idleMs } as const
  const plain = new HttpAgent(pool)
  const leftovers = createLeftovers()
  const secure = new HttpsAgent({
    ...pool,
    ...strangersTls,
    ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }),
  })

  function open(url: URL, headers: Record<string, string>): ClientRequest {
    const options = { method: 'POST', headers, lookup: guard.lookup }
    return url.protocol === 'http:'
      ? request(url, { ...options, agent: plain })
      : secureRequest(url, { ...options, agent: secure })
  }

  function attempt(asked: WebhookRequest, deadline: number): Promise<WebhookOutcome | 'again'> {
    const headers = {
      ...webhookHeaders(asked),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(asked.body)),
      'user-agent': 'Countersign',
    }
    return new Promise((resolve) => {
      const sent = open(new URL(asked.url), headers)
      const timeoutMs = Math.max(0, deadline - performance.now())
      holdRequest(sent, { guard, timeoutMs, bodyBytesMax })
      // The status decides: whoever drips a body after it holds nobody up.
      sent.once('response', (answer) => {
        resolve(outcomeOf(answer, asked.at))
        leftovers.finish(answer)
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The other side had closed a connection that was kept open: nothing was read of this try.
        const stale = sent.reusedSocket && error.code === 'ECONNRESET'
        const reason = reasonOf(error)
        resolve(stale ? 'again' : { kind: 'failed', statusCode: null, reason })
      })
      // A connection that is switched to another protocol ends without an answer and without an error.
      sent.once('close', () => {
        resolve({ kind: 'failed', statusCode: null, reason: 'connection_lost' })
      })
      sent.end(asked.body)
    })
  }

  return {
    async send(asked) {
      const fault = guard.fault(asked.url)
      if (fault !== undefined) return { kind: 'failed', statusCode: null, reason: fault }
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const outcome = await attempt(asked, deadline)
        if (outcome !== 'again') return outcome
      }
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

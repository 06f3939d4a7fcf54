// Sends one webhook once: signed, over the guarded client.

import type { WebhookOutcome } from '../domain/webhook-endpoint.ts'
import { answerErrorCode, protocolErrorCode } from '../platform/net/answer-bounds.ts'
import { type EgressGuard, egressErrorCode } from '../platform/net/egress-guard.ts'
import {
  buildGuardedClient,
  type GuardedAnswer,
  UrlRefusedError,
} from '../platform/net/guarded-client.ts'
import { parseRetryAfterMs } from '../push/retry-after.ts'
import type { WebhookSender } from './webhook-sending.store.ts'
import { webhookHeaders } from './webhook-signature.adapter.ts'

export type WebhookSenderOptions = {
  readonly guard: EgressGuard
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca?: readonly string[]
  /** From the DNS lookup to the status. */
  readonly timeoutMs?: number
}

const timeoutMsDefault = 15_000
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
  if (error instanceof UrlRefusedError) return error.fault
  const { code = '' } = error as NodeJS.ErrnoException
  if (/CERT|TLS|SSL|SIGNATURE/.test(code)) return 'tls_failed'
  return reasons[code] ?? 'connection_failed'
}

function outcomeOf({ status: statusCode, headers }: GuardedAnswer, at: Date): WebhookOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'accepted', statusCode }
  if (statusCode === 410) return { kind: 'gone', statusCode, reason: 'gone' }
  const afterMs = busyCodes.has(statusCode)
    ? parseRetryAfterMs(headers['retry-after'], at.getTime())
    : undefined
  const reason = statusCode >= 300 && statusCode < 400 ? 'redirect_refused' : `status_${statusCode}`
  return { kind: 'failed', statusCode, reason, ...(afterMs !== undefined && { afterMs }) }
}

/** Sends over connections of its own. */
export function buildWebhookSender({
  guard,
  ca = [],
  timeoutMs = timeoutMsDefault,
}: WebhookSenderOptions): WebhookSender {
  const client = buildGuardedClient({ guard, ca, keepAlive: true })
  return {
    async send(input) {
      const { url, body, at } = input
      const headers = { ...webhookHeaders(input), 'content-type': 'application/json' }
      try {
        // The status decides.
        const request = { method: 'POST', url, headers, body, timeoutMs, bytesMax: 0 } as const
        return outcomeOf(await client.send(request), at)
      } catch (error) {
        return { kind: 'failed', statusCode: null, reason: reasonOf(error) }
      }
    },
    close: client.close,
  }
}

import { answerErrorCode } from '../../platform/net/answer-bounds.ts'
import { egressErrorCode } from '../../platform/net/egress-guard.ts'
import type { PushResult } from '../push.store.ts'
import { plainText } from '../push-log.adapter.ts'

/** What a push service answered (RFC 8030, 5); `detail` is the beginning of its body. */
export type WebPushAnswer = {
  readonly status: number
  readonly detail: string
  readonly retryAfterMs?: number
}

/**
 * Refusals of our signature that come under a status of their own, by the words in the body: Apple
 * answers 400 `VapidPkHashMismatch` and 403 `BadJwtToken`.
 */
const keyReasons = /VapidPkHashMismatch|BadJwtToken|BadAuthorizationHeader|InvalidToken/

const keyAdvice =
  'the VAPID key is not the one that this browser subscribed under, or WEB_PUSH_SUBJECT or the ' +
  'clock of the database is wrong'

/** A part of the body that names the fault: members of JSON, or the text. */
function wordsOf(detail: string): string {
  try {
    const { reason, message, error, errno } = JSON.parse(detail) as Record<string, unknown>
    const words = [errno, reason ?? message ?? error]
    return words.filter((word) => ['string', 'number'].includes(typeof word)).join(' ')
  } catch {
    return detail.trimStart().startsWith('<') ? '' : detail
  }
}

/**
 * What an answer other than an acceptance means.
 * - 404 and 410 mean that the subscription has ended (RFC 8030, 7.3).
 * - 401 and 403 are about our signature (RFC 8292, 4.2). They never remove the subscription, or one
 *   wrong key would remove all of them.
 * - 429 asks for patience (RFC 8030, 8.4), and so does 406 at Windows' push service.
 * - A redirect is not followed: no push service sends one, so something else answered.
 */
export function readWebPushAnswer({ status, detail, retryAfterMs }: WebPushAnswer): PushResult {
  const reason = plainText([status, wordsOf(detail)].filter(Boolean).join(' '))
  const wait = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }
  if (status === 404 || status === 410) return { kind: 'token_gone', reason }
  if (status === 401 || status === 403 || keyReasons.test(reason)) {
    return { kind: 'misconfigured', reason: plainText(`Web Push: ${reason}; ${keyAdvice}`) }
  }
  if (status === 429 || status === 406) return { kind: 'retry', reason, ...wait }
  if (status >= 500 || status === 408) return { kind: 'retry', reason, down: true, ...wait }
  if (status < 400) {
    return { kind: 'retry', reason: `${status}: redirects are not followed`, down: true }
  }
  return { kind: 'rejected', reason }
}

/** What a request without an answer means. Only the code of its error is used, never its text. */
export function readWebPushError(error: unknown): PushResult {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === answerErrorCode) return { kind: 'retry', reason: 'the answer is out of bounds' }
  if (code === egressErrorCode) {
    const reason = 'the name of the push service leads to an address that is not public'
    return { kind: 'retry', reason, down: true }
  }
  if (code === 'ETIMEDOUT') {
    return { kind: 'retry', reason: 'timeout: no answer in time', down: true }
  }
  const name = typeof code === 'string' ? code : 'unknown failure'
  return { kind: 'retry', reason: plainText(`no reply: ${name}`), down: true }
}

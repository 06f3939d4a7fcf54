// What Keycloak's HTTP authentication channel receives, and when it may be called again. Source:
// Keycloak 26, BackchannelAuthenticationCallbackEndpoint: a second callback for a decided request
// removes the request.

import type { Challenge } from './challenge.ts'

export type CallbackStatus = 'SUCCEED' | 'UNAUTHORIZED' | 'CANCELLED'

/** The outcome of one attempt. */
export type CallbackResult =
  | { readonly kind: 'taken' }
  /** 403: the request is unknown, perhaps not stored yet. It has not been processed. */
  | { readonly kind: 'unknown_yet' }
  /** Any other response, or none: the realm may have processed it. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Keycloak stores the request after our 201 and refuses a callback that comes sooner. */
export const callbackDelayMs = 500
const retryMs = 300
/**
 * Within this time after the first attempt a refusal may mean that the request is still being
 * stored.
 */
const storingMs = 3_000

/** What an ended challenge means to the realm; only an answer of the person can be their denial. */
export function callbackStatus(
  { status, reason }: Pick<Challenge, 'status' | 'reason'>,
  stillAllowed: boolean,
): CallbackStatus {
  if (!stillAllowed) return 'CANCELLED'
  if (status === 'approved') return 'SUCCEED'
  return status === 'denied' && reason !== 'no_device_left' ? 'UNAUTHORIZED' : 'CANCELLED'
}

/**
 * What to do after an attempt: nothing more, or a retry after a delay; only a refusal shows that
 * nothing was processed.
 */
export function afterCallback(
  result: CallbackResult,
  firstTriedAt: Date,
  now: Date,
):
  | { readonly kind: 'settled'; readonly reason: string | null }
  | { readonly kind: 'again'; readonly afterMs: number } {
  if (result.kind === 'taken') return { kind: 'settled', reason: null }
  if (result.kind === 'failed') return { kind: 'settled', reason: result.reason }
  const waitedMs = now.getTime() - firstTriedAt.getTime()
  return waitedMs < storingMs
    ? { kind: 'again', afterMs: retryMs }
    : { kind: 'settled', reason: 'request_unknown' }
}

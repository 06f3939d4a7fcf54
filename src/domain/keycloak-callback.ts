// What Keycloak's HTTP authentication channel is told, and when it may be told again. Source: Keycloak 26,
// BackchannelAuthenticationCallbackEndpoint: a second callback for a decided request takes the request away.

import type { Challenge } from './challenge.ts'

export type CallbackStatus = 'SUCCEED' | 'UNAUTHORIZED' | 'CANCELLED'

/** What became of one try. */
export type CallbackResult =
  | { readonly kind: 'taken' }
  /** 403: the request is unknown, perhaps not stored yet. It has not been processed. */
  | { readonly kind: 'unknown_yet' }
  /** Any other answer, or none: the realm may have processed it. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Keycloak stores the request after our 201: a callback that comes sooner is refused. */
export const callbackDelayMs = 500
const retryMs = 300
/** For so long after the first try a refusal may mean that the request is still being stored. */
const storingMs = 3_000

/** What an ended challenge means to the realm; whatever is no answer of the person is no denial of theirs. */
export function callbackStatus(
  { status, reason }: Pick<Challenge, 'status' | 'reason'>,
  stillAllowed: boolean,
): CallbackStatus {
  if (!stillAllowed) return 'CANCELLED'
  if (status === 'approved') return 'SUCCEED'
  return status === 'denied' && reason !== 'no_device_left' ? 'UNAUTHORIZED' : 'CANCELLED'
}

/** What to do after a try: nothing more, or once again after a while; only a refusal says that nothing was processed. */
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

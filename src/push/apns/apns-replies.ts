import type { PushResult } from '../push.store.ts'
import { plainText } from '../push-log.adapter.ts'

/**
 * What node-apn reports about one device that got no 200; its own types lack half of these shapes.
 */
export type ApnsFailure = {
  readonly status?: unknown
  readonly response?: { readonly reason?: unknown; readonly timestamp?: unknown }
  readonly error?: unknown
  readonly code?: unknown
}

/**
 * Apple, "Handling notification responses from APNs": the reasons that mean wrong credentials or
 * configuration, with what to do.
 */
const adviceByReason: Readonly<Record<string, string>> = {
  BadTopic: 'check the bundle id',
  MissingTopic: 'check the bundle id',
  TopicDisallowed: 'this key may not push to this bundle id: check both',
  InvalidProviderToken: 'check the key, its key id and the team id',
  MissingProviderToken: 'check the key, its key id and the team id',
  BadEnvironmentKeyIdInToken: 'this key is not for this environment',
  // The spelling that was seen on the wire; Apple's document has the one above.
  BadEnvironmentKeyInToken: 'this key is not for this environment',
  UnrelatedKeyIdInToken: 'restart the service: the key changed on an open connection',
}

/** Why there is no reply, from an error or a wrapper around one (a failed proxy nests it). */
function describe(failure: ApnsFailure): string {
  const { error } = failure
  if (error instanceof Error) return error.message
  if (typeof error === 'object' && error !== null && 'error' in error) {
    return describe(error as ApnsFailure)
  }
  return typeof failure.code === 'string' ? failure.code : 'no reason given'
}

/**
 * node-apn turns the bodies of two refusals into errors; for all others the reason is in the
 * response.
 */
function reasonOf(failure: ApnsFailure): string {
  const reason = failure.response?.reason
  if (typeof reason === 'string') return plainText(reason)
  return failure.error === undefined ? 'no reason given' : plainText(describe(failure))
}

/**
 * Milliseconds since the epoch, as APNs sends them with a 410; undefined for anything that is no
 * date.
 */
function dateOf(timestamp: unknown): Date | undefined {
  const date = typeof timestamp === 'number' ? new Date(timestamp) : undefined
  return date && !Number.isNaN(date.getTime()) ? date : undefined
}

/** True when APNs answered at all; false for timeouts and broken connections. */
export function hasReply(failure: ApnsFailure): boolean {
  return typeof failure.status === 'number'
}

/** True when APNs found our provider token stale; node-apn has then signed a new one already. */
export function isExpiredProviderToken(failure: ApnsFailure): boolean {
  return failure.status === 403 && reasonOf(failure) === 'ExpiredProviderToken'
}

function readRefusal(status: number, reason: string, environmentProven: boolean): PushResult {
  const text = `${status} ${reason}`
  const advice = adviceByReason[reason]
  if (advice !== undefined) return { kind: 'misconfigured', reason: `APNs: ${text}; ${advice}` }
  if (reason === 'ExpiredProviderToken') {
    const clock = 'a fresh token counts as stale: check the clock of this machine'
    return { kind: 'misconfigured', reason: `APNs: ${text}; ${clock}` }
  }
  if (status === 403) return { kind: 'misconfigured', reason: `APNs: ${text}` }
  if (reason === 'BadDeviceToken' && environmentProven) return { kind: 'token_gone', reason: text }
  return { kind: 'rejected', reason: text }
}

/**
 * What a failed send means.
 * - 410 removes the token, as of Apple's timestamp.
 * - `BadDeviceToken` means a bad token or the wrong environment. Only when APNs has accepted
 *   another push of this provider (`environmentProven`) can it be the token; without that proof one
 *   wrong setting would remove every token. Keeping a bad token has a cost as well: APNs
 *   disconnects providers that send many.
 * - Everything without a status is unclear, so it may be sent again under the same `apns-id` and
 *   collapse id.
 */
export function readApnsFailure(failure: ApnsFailure, environmentProven: boolean): PushResult {
  const { status } = failure
  const reason = reasonOf(failure)
  if (typeof status !== 'number') {
    return { kind: 'retry', reason: `no reply: ${reason}`, down: true }
  }
  if (status === 410) {
    const since = dateOf(failure.response?.timestamp)
    return { kind: 'token_gone', reason: `${status} ${reason}`, ...(since && { since }) }
  }
  const passes = status === 429 || status >= 500 || reason === 'IdleTimeout'
  if (passes)
    return { kind: 'retry', reason: `${status} ${reason}`, ...(status >= 500 && { down: true }) }
  return readRefusal(status, reason, environmentProven)
}

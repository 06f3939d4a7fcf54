import { answerErrorCode } from '../../platform/net/answer-bounds.ts'
import type { PushResult } from '../push.store.ts'
import { plainText } from '../push-log.adapter.ts'
import { parseRetryAfterMs } from '../retry-after.ts'
import { DEADLINE_CODE } from './deadline-agent.ts'

/**
 * FCM's own advice for a 429 without `Retry-After` ("Best practices when sending FCM messages at
 * scale").
 */
const DEFAULT_QUOTA_WAIT_MS = 60_000

/**
 * What may be logged about a failed send. Not its error object: printed, that shows the bearer
 * token and the payload, because it references the whole request.
 */
export type FcmFailure = {
  /** The system's code for a broken connection, for example `ECONNREFUSED`; otherwise the SDK's. */
  readonly code: string
  /** Absent when no reply came. */
  readonly status?: number
  /** False for an HTML page and the like, which FCM itself did not send. */
  readonly isFcmReply: boolean
  /**
   * From the `FcmError` detail; the SDK's own code does not distinguish an unregistered token from
   * a wrong project.
   */
  readonly errorCode?: string
  /** The first field that FCM rejected. */
  readonly field?: string
  readonly retryAfterMs?: number
}

type Unknown = Readonly<Record<string, unknown>>

function asObject(value: unknown): Unknown {
  return typeof value === 'object' && value !== null ? (value as Unknown) : {}
}

function asList(value: unknown): readonly Unknown[] {
  return Array.isArray(value) ? value.map(asObject) : []
}

function parseBody(data: unknown): Unknown {
  if (typeof data !== 'string') return asObject(data)
  try {
    return asObject(JSON.parse(data))
  } catch {
    return {}
  }
}

/** The string under `name` in the first detail that has one there. */
function firstText(details: readonly Unknown[], name: string): string | undefined {
  const value = details.map((detail) => detail[name]).find((text) => typeof text === 'string')
  return typeof value === 'string' ? plainText(value) : undefined
}

/** Extracts from the SDK's error what is safe to keep; never throws itself. */
export function describeFcmError(sdkError: unknown, nowMs: number): FcmFailure {
  const { code: sdkCode, cause, httpResponse } = asObject(sdkError)
  const code = asObject(cause).code ?? sdkCode
  const response = asObject(httpResponse)
  const error = asObject(parseBody(response.data).error)
  const details = asList(error.details)
  const errorCode = firstText(details, 'errorCode')
  const field = firstText(
    details.flatMap((detail) => asList(detail.fieldViolations)),
    'field',
  )
  const retryAfterMs = parseRetryAfterMs(asObject(response.headers)['retry-after'], nowMs)
  return {
    code: typeof code === 'string' ? plainText(code) : 'unknown',
    isFcmReply: typeof error.status === 'string',
    ...(typeof response.status === 'number' && { status: response.status }),
    ...(errorCode !== undefined && { errorCode }),
    ...(field !== undefined && { field }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/**
 * True when Google refused the access token; FCM's complaint about other push services' keys has
 * the same status.
 */
export function isAccessTokenRefused(failure: FcmFailure): boolean {
  return failure.status === 401 && failure.errorCode !== 'THIRD_PARTY_AUTH_ERROR'
}

const advice: Readonly<Record<number, string>> = {
  401: 'Google refuses the access token that it has just given: check the service account',
  403: "check the service account's role and that the Firebase Cloud Messaging API is enabled",
  404: "no such project: check the service account's project_id",
}

/**
 * A refusal by FCM itself. With an error code of its own it is about this message or token, without
 * one about the project.
 */
function readRefusal(status: number, failure: FcmFailure): PushResult {
  const { errorCode, field } = failure
  const reason = [String(status), errorCode ?? failure.code, field].filter(Boolean).join(' ')
  if (errorCode === 'UNREGISTERED') return { kind: 'token_gone', reason }
  const help = advice[status]
  if (help === undefined || errorCode === 'SENDER_ID_MISMATCH') return { kind: 'rejected', reason }
  return { kind: 'misconfigured', reason: `FCM: ${reason}; ${help}` }
}

/**
 * What a failed send means.
 * - Only `UNREGISTERED` removes the token. `INVALID_ARGUMENT` means a bad token or a bad payload,
 *   and `SENDER_ID_MISMATCH` a token from another project: both stop this message and nothing else.
 * - A code of the SDK without a reply means a message that it did not send, unless it is a network
 *   error.
 */
export function readFcmFailure(failure: FcmFailure): PushResult {
  const { status, code, retryAfterMs } = failure
  if (status === undefined) {
    if (code === DEADLINE_CODE) {
      return { kind: 'retry', reason: 'timeout: no answer in time', down: true }
    }
    if (code === answerErrorCode) return { kind: 'retry', reason: 'the answer is out of bounds' }
    if (code.startsWith('messaging/')) return { kind: 'rejected', reason: code }
    return { kind: 'retry', reason: `no reply: ${code}`, down: true }
  }
  if (status === 429) {
    const afterMs = retryAfterMs ?? DEFAULT_QUOTA_WAIT_MS
    return { kind: 'retry', reason: `429 ${failure.errorCode ?? code}`, afterMs }
  }
  const passes = status >= 500 || status < 400 || !failure.isFcmReply
  if (!passes) return readRefusal(status, failure)
  return {
    kind: 'retry',
    reason: `${status} ${failure.errorCode ?? code}`,
    down: true,
    ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }),
  }
}

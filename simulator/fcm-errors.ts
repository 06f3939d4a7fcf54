import { type GatewayReply, jsonReply } from './gateway-reply.ts'

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const QUOTA_FAILURE = 'type.googleapis.com/google.rpc.QuotaFailure'
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'
const UNAUTHENTICATED_TEXT =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'

type Canonical = { readonly http: number; readonly status: string; readonly message: string }

/** FCM's own error codes (REST reference, `ErrorCode`) with the canonical status of each. */
const FCM_CODES: Readonly<Record<string, Canonical>> = {
  INVALID_ARGUMENT: {
    http: 400,
    status: 'INVALID_ARGUMENT',
    message: 'Request contains an invalid argument.',
  },
  UNREGISTERED: { http: 404, status: 'NOT_FOUND', message: 'Requested entity was not found.' },
  SENDER_ID_MISMATCH: { http: 403, status: 'PERMISSION_DENIED', message: 'SenderId mismatch' },
  QUOTA_EXCEEDED: {
    http: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'Quota exceeded for quota metric and limit.',
  },
  UNAVAILABLE: {
    http: 503,
    status: 'UNAVAILABLE',
    message: 'The service is currently unavailable.',
  },
  INTERNAL: { http: 500, status: 'INTERNAL', message: 'Internal error encountered.' },
  THIRD_PARTY_AUTH_ERROR: {
    http: 401,
    status: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
  },
}

/** Canonical errors that come from Google's front end, not from FCM: they carry no `FcmError`. */
const GOOGLE_CODES: Readonly<Record<string, Canonical>> = {
  UNAUTHENTICATED: { http: 401, status: 'UNAUTHENTICATED', message: UNAUTHENTICATED_TEXT },
  PERMISSION_DENIED: {
    http: 403,
    status: 'PERMISSION_DENIED',
    message: 'Request had insufficient authentication scopes.',
  },
  NOT_FOUND: { http: 404, status: 'NOT_FOUND', message: 'Requested entity was not found.' },
  RESOURCE_EXHAUSTED: {
    http: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'Resource has been exhausted (e.g. check quota).',
  },
}

/** Details beyond the code. */
export type ErrorDetails = {
  readonly message?: string
  /** The HTTP status, when it differs from the usual one. */
  readonly status?: number
  readonly retryAfterSeconds?: number
  readonly details?: readonly object[]
}

/**
 * An error answer in Google's shape, by FCM error code or canonical code; an unknown code is sent
 * as FCM's with status 400.
 */
export function fcmError(code: string, extra: ErrorDetails = {}): GatewayReply {
  const google = GOOGLE_CODES[code]
  const canonical = google ?? FCM_CODES[code] ?? FCM_CODES.INVALID_ARGUMENT
  const http = extra.status ?? canonical?.http ?? 400
  const own = google ? [] : [{ '@type': FCM_ERROR, errorCode: code }]
  const details = [...own, ...(extra.details ?? detailsOf(code))]
  const reply = jsonReply(
    http,
    {
      error: {
        code: http,
        message: extra.message ?? canonical?.message,
        status: canonical?.status,
        ...(details.length === 0 ? {} : { details }),
      },
    },
    code,
  )
  const retry = extra.retryAfterSeconds
  const addedHeaders = {
    ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
    ...(code === 'UNAUTHENTICATED'
      ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' }
      : {}),
  }
  return { ...reply, headers: { ...reply.headers, ...addedHeaders } }
}

function detailsOf(code: string): readonly object[] {
  if (code === 'QUOTA_EXCEEDED') {
    const violation = { subject: 'project', description: 'Message rate exceeded' }
    return [{ '@type': QUOTA_FAILURE, violations: [violation] }]
  }
  if (code !== 'UNAUTHENTICATED') return []
  const metadata = {
    service: 'fcm.googleapis.com',
    method: 'google.firebase.fcm.v1.FcmService.SendMessage',
  }
  const domain = 'googleapis.com'
  return [{ '@type': ERROR_INFO, reason: 'ACCESS_TOKEN_EXPIRED', domain, metadata }]
}

/**
 * 400 for one field. `json`: the JSON does not fit the message type, which the front end reports
 * without `FcmError`; otherwise FCM itself checked the value.
 */
export function fieldError(field: string, description: string, from: 'json' | 'fcm'): GatewayReply {
  const violation = { '@type': BAD_REQUEST, fieldViolations: [{ field, description }] }
  if (from === 'fcm') {
    return fcmError('INVALID_ARGUMENT', { message: description, details: [violation] })
  }
  const error = {
    code: 400,
    message: description,
    status: 'INVALID_ARGUMENT',
    details: [violation],
  }
  return jsonReply(400, { error }, 'INVALID_ARGUMENT')
}

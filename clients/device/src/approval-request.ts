// The service's requests, verified before anybody sees them.

import { hasExactly, isObject, openCompact, type SignatureFault } from './compact-jws.ts'
import type { KeySet } from './key-set.ts'

const requestTyp = 'approval-request+jwt'
const lifetimeSecondsMax = 600
/** How far the service's own clock and its database's may differ. */
const aheadSecondsMax = 60

export type UserVerification = 'required' | 'preferred' | 'not_required'

/** Everything to show to the person. */
export type RequestContext = {
  readonly relyingParty: string
  readonly application?: string
  readonly action?: string
  readonly ip?: string
  readonly location?: string
  readonly userAgent?: string
  readonly fields?: readonly { readonly label: string; readonly value: string }[]
}

/**
 * A question of this service to this device about this user, signed by a pinned key, not yet
 * expired.
 */
export type ApprovalRequest = {
  readonly challengeId: string
  readonly context: RequestContext
  /** Digits to type from the sign-in page; null when there is nothing to type. */
  readonly numberDigits: number | null
  readonly userVerification: UserVerification
  readonly createdAt: Date
  readonly expiresAt: Date
  /** To be echoed in the answer. */
  readonly nonce: string
  /** Identifies exactly what was shown; `rqh` of the answer. */
  readonly requestHash: string
}

/** Why a request must not be shown. */
export type RequestFault =
  | SignatureFault
  | 'issuer_wrong'
  | 'tenant_wrong'
  | 'audience_wrong'
  | 'user_wrong'
  | 'challenge_wrong'
  | 'expired'
  | 'not_yet_valid'

/** What a request must be about. */
export type RequestExpectation = {
  readonly keySet: KeySet
  readonly issuer: string
  readonly tenantId: string
  readonly deviceId: string
  readonly userId: string
  /** The id under which the service listed it. */
  readonly challengeId: string
  /** The service's time, as well as the device knows it. */
  readonly now: Date
}

/**
 * Verifies a request: the service's signature by a pinned key, then every claim. Unknown members
 * are refused, because an answer covers everything that was signed and an app cannot show members
 * that it does not know.
 */
export async function readRequest(
  jws: string,
  expectation: RequestExpectation,
): Promise<ApprovalRequest | RequestFault> {
  const openedJws = await openCompact(jws, requestTyp, expectation.keySet.keys)
  if (typeof openedJws === 'string') return openedJws
  const { claims } = openedJws
  if (!isRequest(claims)) return 'malformed'
  if (claims.iss !== expectation.issuer) return 'issuer_wrong'
  if (claims.tid !== expectation.tenantId) return 'tenant_wrong'
  if (claims.aud !== expectation.deviceId) return 'audience_wrong'
  if (claims.sub !== expectation.userId) return 'user_wrong'
  if (claims.cid !== expectation.challengeId) return 'challenge_wrong'
  const nowSeconds = expectation.now.getTime() / 1000
  if (claims.exp <= nowSeconds) return 'expired'
  if (claims.iat > nowSeconds + aheadSecondsMax) return 'not_yet_valid'
  return {
    challengeId: claims.cid,
    context: claims.ctx,
    numberDigits: claims.number?.digits ?? null,
    userVerification: claims.uv,
    createdAt: new Date(claims.iat * 1000),
    expiresAt: new Date(claims.exp * 1000),
    nonce: claims.nonce,
    requestHash: openedJws.signedHash,
  }
}

type RequestClaims = {
  readonly iss: string
  readonly aud: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly cid: string
  readonly tid: string
  readonly sub: string
  readonly nonce: string
  readonly ctx: RequestContext
  readonly number: { readonly digits: number } | null
  readonly uv: UserVerification
}

const texts = ['iss', 'aud', 'jti', 'cid', 'tid', 'sub', 'nonce'] as const
const contextTexts = ['application', 'action', 'ip', 'location', 'userAgent']

function isRequest(claims: Readonly<Record<string, unknown>>): claims is RequestClaims {
  const { iat, exp, uv } = claims
  return (
    hasExactly(claims, [...texts, 'iat', 'exp', 'ctx', 'number', 'uv']) &&
    texts.every((name) => typeof claims[name] === 'string') &&
    isSeconds(iat) &&
    isSeconds(exp) &&
    exp > iat &&
    exp - iat <= lifetimeSecondsMax &&
    (uv === 'required' || uv === 'preferred' || uv === 'not_required') &&
    isNumber(claims.number) &&
    isContext(claims.ctx)
  )
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isNumber(value: unknown): boolean {
  if (value === null) return true
  if (!isObject(value) || !hasExactly(value, ['digits'])) return false
  const { digits } = value
  return isSeconds(digits) && digits >= 1 && digits <= 8
}

function isContext(value: unknown): boolean {
  if (!isObject(value)) return false
  const { relyingParty, fields, ...others } = value
  return (
    hasExactly(value, ['relyingParty'], [...contextTexts, 'fields']) &&
    typeof relyingParty === 'string' &&
    Object.values(others).every((text) => typeof text === 'string') &&
    (fields === undefined || (Array.isArray(fields) && fields.every(isField)))
  )
}

function isField(value: unknown): boolean {
  return (
    isObject(value) &&
    hasExactly(value, ['label', 'value']) &&
    typeof value.label === 'string' &&
    typeof value.value === 'string'
  )
}

// The service's requests, verified before anybody sees them.

import { hasExactly, isObject, openCompact, type SignatureFault } from './compact-jws.ts'
import type { KeySet } from './key-set.ts'
import { protocolVersion } from './protocol-version.ts'

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
  /** A payment: show the amount with its currency, and the payee. */
  readonly transaction?: {
    readonly amount: string
    readonly currency: string
    readonly payee: string
  }
}

/**
 * A question of this service to this device about this user, signed by a pinned key, not yet
 * expired.
 */
export type ApprovalRequest = {
  /** Of the protocol, in which it was asked. */
  readonly protocolVersion: number
  readonly challengeId: string
  readonly context: RequestContext
  /** Digits to type from the sign-in page; null when there is nothing to type. */
  readonly numberDigits: number | null
  readonly userVerification: UserVerification
  /**
   * Where to go after the answer, as it was signed; null where nothing was, which is always so in
   * version 1.
   */
  readonly returnUrl: string | null
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
  /** It must be shown with something that this version cannot show: the app needs an update. */
  | 'update_needed'
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
 * Verifies a request: the service's signature by a pinned key, then every claim. In a request of
 * the first version unknown members are refused, because an answer covers everything that was
 * signed and an app cannot show members that it does not know. From the second on `must` names what
 * has to be shown: unknown paths there are refused, all other unknown members are ignored.
 */
export async function readRequest(
  jws: string,
  expectation: RequestExpectation,
): Promise<ApprovalRequest | RequestFault> {
  const openedJws = await openCompact(jws, requestTyp, expectation.keySet.keys)
  if (typeof openedJws === 'string') return openedJws
  const { claims } = openedJws
  if (!isVersion(claims)) return 'malformed'
  if (mustUpdate(claims)) return 'update_needed'
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
    protocolVersion: claims.ver ?? 1,
    challengeId: claims.cid,
    context: knownContext(claims.ctx),
    numberDigits: claims.number?.digits ?? null,
    userVerification: claims.uv,
    returnUrl: claims.returnUrl ?? null,
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
  readonly ver?: number
  readonly must?: readonly string[]
  readonly returnUrl?: string
}

const texts = ['iss', 'aud', 'jti', 'cid', 'tid', 'sub', 'nonce'] as const
const allMembers = [...texts, 'iat', 'exp', 'ctx', 'number', 'uv']
const contextTexts = ['application', 'action', 'ip', 'location', 'userAgent']
const firstContext = ['relyingParty', ...contextTexts, 'fields']
const shownContext = [...firstContext, 'transaction']
/** All that this client can show, by the paths of `must`. */
const shownPaths = new Set(['number', ...shownContext.map((name) => `ctx.${name}`)])

/** Versions are named from the second on, with `must`. */
function isVersion({ ver, must }: Readonly<Record<string, unknown>>): boolean {
  if (ver === undefined) return must === undefined
  return (
    isSeconds(ver) &&
    ver > 1 &&
    Array.isArray(must) &&
    must.every((path) => typeof path === 'string')
  )
}

function mustUpdate({ ver, must }: Readonly<Record<string, unknown>>): boolean {
  if (ver === undefined) return false
  return Number(ver) > protocolVersion || (must as string[]).some((path) => !shownPaths.has(path))
}

/** Without what this client cannot show and need not. */
function knownContext(context: RequestContext): RequestContext {
  const members = Object.entries(context).filter(([name]) => shownContext.includes(name))
  return Object.fromEntries(members) as RequestContext
}

function isRequest(claims: Readonly<Record<string, unknown>>): claims is RequestClaims {
  const { iat, exp, uv, ver } = claims
  const isFirst = ver === undefined
  return (
    (isFirst ? hasExactly(claims, allMembers) : hasAll(claims, allMembers)) &&
    texts.every((name) => typeof claims[name] === 'string') &&
    isSeconds(iat) &&
    isSeconds(exp) &&
    exp > iat &&
    exp - iat <= lifetimeSecondsMax &&
    (uv === 'required' || uv === 'preferred' || uv === 'not_required') &&
    isNumber(claims.number) &&
    (isFirst || claims.returnUrl === undefined || typeof claims.returnUrl === 'string') &&
    isContext(claims.ctx, isFirst)
  )
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function hasAll(value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => Object.hasOwn(value, name))
}

function isNumber(value: unknown): boolean {
  if (value === null) return true
  if (!isObject(value) || !hasExactly(value, ['digits'])) return false
  const { digits } = value
  return isSeconds(digits) && digits >= 1 && digits <= 8
}

function isContext(value: unknown, isFirst: boolean): boolean {
  if (!isObject(value)) return false
  const { relyingParty, fields, transaction } = value
  const textsIn = contextTexts.filter((name) => Object.hasOwn(value, name))
  return (
    (!isFirst || hasExactly(value, ['relyingParty'], firstContext)) &&
    typeof relyingParty === 'string' &&
    textsIn.every((name) => typeof value[name] === 'string') &&
    (fields === undefined || (Array.isArray(fields) && fields.every(isField))) &&
    (transaction === undefined || isTransaction(transaction))
  )
}

function isTransaction(value: unknown): boolean {
  return (
    isObject(value) &&
    hasExactly(value, ['amount', 'currency', 'payee']) &&
    Object.values(value).every((text) => typeof text === 'string')
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

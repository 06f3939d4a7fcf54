// Results are verified offline: with the tenant's published keys and nothing else
// (docs/protocol.md, section 13).

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose'

/**
 * Why a result is not trusted. Only `keys_unavailable` is transient: the keys could not be fetched.
 */
export type ResultRefusal =
  | 'malformed'
  | 'member_unknown'
  | 'wrong_algorithm'
  | 'wrong_type'
  | 'unknown_key'
  | 'signature_invalid'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'wrong_challenge'
  | 'wrong_user'
  | 'wrong_binding'
  | 'used_before'
  | 'not_approved'
  | 'keys_unavailable'

/** A result token that must not be trusted. */
export class RefusedResult extends Error {
  override readonly name = 'RefusedResult'
  readonly code: ResultRefusal

  constructor(code: ResultRefusal, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** How a challenge can end. */
export const decisions = ['approved', 'denied', 'expired', 'cancelled'] as const

/** Why a challenge can be denied. Later versions of the service may have further reasons. */
export const denyReasons = [
  'user_denied',
  'user_reported',
  'number_mismatch',
  'no_device_left',
] as const

/** The same, and why one can be cancelled: a new question of the same browser took its place. */
export const endReasons = [...denyReasons, 'superseded'] as const

/** The claims of a verified result token. */
export type Result = {
  readonly iss: string
  readonly aud: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly tid: string
  /** The challenge. */
  readonly cid: string
  /** The user. */
  readonly sub: string
  readonly binding: string
  readonly decision: (typeof decisions)[number]
  /** Of a denial; `superseded` of a cancellation. */
  readonly reason?: (typeof endReasons)[number]
  /** The device that decided. */
  readonly did?: string
  /** Where the typed number came from; `none`: nothing was typed. */
  readonly number: 'service' | 'caller' | 'none'
  /** RFC 8176; `user` when the person was verified by the device. */
  readonly amr?: readonly string[]
  /** When it was approved, in seconds since the epoch. */
  readonly auth_time?: number
  /** The device became active less than 24 hours before. */
  readonly new_device?: boolean
  /** Version of the device protocol in which the device was asked; absent for the first. */
  readonly ver?: number
}

/** A result that allows a sign-in. */
export type Approval = Result & { readonly decision: 'approved' }

/** Which results to trust. */
export type ResultTrust = {
  /** `{origin}/t/{tenantId}` of your tenant. */
  readonly issuer: string
  /** The id of your relying party, `rp_...`. */
  readonly audience: string
  /** The tenant's keys, where they should not be fetched from the issuer. */
  readonly jwks?: JSONWebKeySet
  /**
   * Uses up a `jti` and returns whether this was its first use, in one step: in a store that all
   * your processes share. It may be deleted after `keepUntil` (seconds since the epoch): a minute
   * after the token's end, which is how long a clock that is off may accept it. Without `useOnce` a
   * copied token can be presented again until then.
   */
  readonly useOnce?: (jti: string, keepUntil: number) => boolean | Promise<boolean>
  /** Another `fetch`, for proxies and tests. */
  readonly fetch?: typeof fetch
  /** Another clock, for tests. */
  readonly now?: () => Date
}

/** The challenge that was created, as remembered by the browser session that waits for it. */
export type ResultExpectation = {
  /** The challenge that this browser session started. */
  readonly challengeId: string
  /** The user who was asked, `usr_...`. */
  readonly userId: string
  /** The hash of this browser session that the challenge was created with. */
  readonly binding: string
}

const typ = 'approval-result+jwt'
/** Members that this version knows, for `must` of later ones. */
const knownMembers = [
  ...['iss', 'aud', 'jti', 'iat', 'exp', 'tid', 'cid', 'sub', 'binding', 'decision', 'reason'],
  ...['did', 'platform', 'number', 'amr', 'auth_time', 'new_device', 'ver', 'must'],
]
const algorithm = 'ES256'
const lengthMax = 8192
/** How far the clock of this machine may be off, either way; results live for a minute. */
const clockToleranceSeconds = 60
/**
 * For an unknown key the keys are fetched again, but invented keys must not cause fetches without
 * end.
 */
const cooldownMs = 2000
/** jose accepts further spellings of the same bytes. */
const compact = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/

/**
 * Verifies the results of one tenant for one relying party. Keep it: it caches the keys, and
 * fetches them anew when they rotate.
 */
export class ResultVerifier {
  readonly #trust: ResultTrust
  readonly #keys: JWTVerifyGetKey

  constructor(trust: ResultTrust) {
    for (const name of ['issuer', 'audience'] as const) requireText(trust[name], name)
    this.#trust = trust
    this.#keys = trust.jwks ? createLocalJWKSet(trust.jwks) : publishedKeys(trust)
  }

  /**
   * Accepts a result only when all of it is right: signed by a key of the tenant, of this kind, for
   * this relying party, not expired, about this challenge and this user, with this session's
   * binding. The decision may be any; use `verifyApproval` to let somebody sign in. Rejects with
   * RefusedResult, or TypeError when `expectation` is incomplete.
   */
  async verifyResult(token: string, expectation: ResultExpectation): Promise<Result> {
    for (const name of ['challengeId', 'userId', 'binding'] as const)
      requireText(expectation[name], name)
    const result = await this.#read(token)
    if (result.cid !== expectation.challengeId) {
      throw new RefusedResult('wrong_challenge', 'The result is about another challenge.')
    }
    if (result.sub !== expectation.userId) {
      throw new RefusedResult('wrong_user', 'The result is about another user.')
    }
    if (result.binding !== expectation.binding) {
      throw new RefusedResult(
        'wrong_binding',
        'The result belongs to no session or to another one.',
      )
    }
    const keepUntil = result.exp + clockToleranceSeconds
    const isFirst = (await this.#trust.useOnce?.(result.jti, keepUntil)) ?? true
    if (isFirst !== true) throw new RefusedResult('used_before', 'The result was used before.')
    return result
  }

  /** `verifyResult`, and `not_approved` for every decision but `approved`. */
  async verifyApproval(token: string, expectation: ResultExpectation): Promise<Approval> {
    const result = await this.verifyResult(token, expectation)
    if (!isApproval(result)) {
      throw new RefusedResult('not_approved', `The challenge ended as ${result.decision}.`)
    }
    return result
  }

  async #read(token: string): Promise<Result> {
    if (typeof token !== 'string' || token.length > lengthMax || !compact.test(token)) {
      throw new RefusedResult('malformed', 'This is not a result token.')
    }
    const { issuer, audience, now } = this.#trust
    const jwt = await jwtVerify(token, this.#keys, {
      algorithms: [algorithm],
      issuer,
      audience,
      requiredClaims: ['iss', 'aud', 'sub', 'jti', 'iat', 'exp', 'cid', 'decision'],
      clockTolerance: clockToleranceSeconds,
      ...(now && { currentDate: now() }),
    }).catch((error: unknown) => {
      throw refusalFor(error)
    })
    return resultIn(jwt)
  }
}

function publishedKeys({ issuer, fetch: fetchOption }: ResultTrust): JWTVerifyGetKey {
  const url = new URL(`${issuer}/.well-known/jwks.json`)
  return createRemoteJWKSet(url, {
    cooldownDuration: cooldownMs,
    ...(fetchOption && { [customFetch]: fetchOption }),
  })
}

/**
 * Callers of plain JavaScript can forget a member: an empty expectation would match an empty claim.
 */
function requireText(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} is missing`)
}

function isApproval(result: Result): result is Approval {
  return result.decision === 'approved'
}

/**
 * Stricter than jose, which accepts other spellings of `typ`, tokens without `kid`, and lists of
 * audiences.
 */
function resultIn({ protectedHeader, payload }: JWTVerifyResult): Result {
  if (protectedHeader.typ !== typ) {
    throw new RefusedResult('wrong_type', `The type of the token is not ${typ}.`)
  }
  const texts = [protectedHeader.kid, payload.jti, payload.sub, payload.cid, payload.aud]
  if (
    texts.some((text) => typeof text !== 'string') ||
    !decisions.some((one) => one === payload.decision)
  ) {
    throw new RefusedResult('malformed', 'Parts of the result have the wrong type.')
  }
  const { must = [] } = payload
  if (!Array.isArray(must)) {
    throw new RefusedResult('malformed', 'Parts of the result have the wrong type.')
  }
  const unknown = must.find((name) => !knownMembers.includes(name))
  if (unknown !== undefined) {
    throw new RefusedResult(
      'member_unknown',
      `The result must be understood with its member ${unknown}: update this package.`,
    )
  }
  return payload as unknown as Result
}

const claimRefusals: Readonly<Record<string, ResultRefusal>> = {
  iss: 'wrong_issuer',
  aud: 'wrong_audience',
}

function refusalFor(error: unknown): RefusedResult {
  const refuse = (code: ResultRefusal) => new RefusedResult(code, messageOf(error), error)
  if (error instanceof errors.JWTExpired) return refuse('expired')
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refuse(
      error.reason === 'missing' ? 'malformed' : (claimRefusals[error.claim] ?? 'malformed'),
    )
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return refuse('wrong_algorithm')
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return refuse('unknown_key')
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('signature_invalid')
  const isAboutToken =
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  return refuse(isAboutToken ? 'malformed' : 'keys_unavailable')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

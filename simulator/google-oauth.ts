import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { compactVerify, decodeProtectedHeader } from 'jose'
import type { ServiceAccount } from './credentials.ts'
import { type GatewayReply, type GatewayRequest, jsonReply } from './gateway-reply.ts'

/** The only audience of a service account assertion. */
const TOKEN_AUDIENCE = 'https://oauth2.googleapis.com/token'
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Scopes of FCM; a token without one of them has no access here. */
const MESSAGING_SCOPES: readonly string[] = [
  'https://www.googleapis.com/auth/firebase.messaging',
  'https://www.googleapis.com/auth/cloud-platform',
]
const ASSERTION_LIFE_SECONDS = 3600
const CLOCK_SKEW_SECONDS = 300

type Grant = { readonly expiresAt: number; readonly scopes: readonly string[] }
type Claims = Readonly<Record<string, unknown>>

/** The token endpoint's refusal (RFC 6749, 5.2), 400 by default. */
export function oauthError(error: string, description: string, status = 400): GatewayReply {
  return jsonReply(status, { error, error_description: description }, error)
}

/** Access tokens that were issued. */
export class AccessTokens {
  readonly #grants = new Map<string, Grant>()
  readonly #clock: () => number
  readonly #lifeSeconds: number

  constructor(clock: () => number, lifeSeconds: number) {
    this.#clock = clock
    this.#lifeSeconds = lifeSeconds
  }

  /** A new token, and its guaranteed lifetime in seconds. */
  issue(scopes: readonly string[]): { accessToken: string; expiresInSeconds: number } {
    const accessToken = `ya29.c.${randomBytes(96).toString('base64url')}`
    const expiresAt = this.#clock() + this.#lifeSeconds * 1000
    this.#grants.set(accessToken, { expiresAt, scopes })
    return { accessToken, expiresInSeconds: this.#lifeSeconds }
  }

  /** The validity of a bearer token. */
  validate(accessToken: string): 'messaging' | 'other_scope' | 'unknown' {
    const grant = this.#grants.get(accessToken)
    if (!grant) return 'unknown'
    if (grant.expiresAt <= this.#clock()) {
      this.#grants.delete(accessToken)
      return 'unknown'
    }
    return grant.scopes.some((scope) => MESSAGING_SCOPES.includes(scope))
      ? 'messaging'
      : 'other_scope'
  }

  /** Revokes one token, or all of them, immediately. */
  revoke(accessToken?: string): void {
    if (accessToken === undefined) this.#grants.clear()
    else this.#grants.delete(accessToken)
  }
}

/**
 * `oauth2.googleapis.com/token` for service accounts (RFC 7523): checks the signed assertion and
 * issues access tokens.
 */
export class TokenEndpoint {
  readonly #account: ServiceAccount
  readonly #key: KeyObject
  readonly #tokens: AccessTokens
  readonly #clock: () => number

  constructor(account: ServiceAccount, tokens: AccessTokens, clock: () => number) {
    this.#account = account
    this.#key = createPublicKey(account.private_key)
    this.#tokens = tokens
    this.#clock = clock
  }

  /** The form fields, or the refusal of a malformed request. */
  read(request: GatewayRequest): GatewayReply | URLSearchParams {
    if (request.method !== 'POST') return oauthError('invalid_request', 'Method not allowed.', 405)
    const fields = new URLSearchParams(request.body)
    const grantType = fields.get('grant_type')
    if (grantType !== GRANT_TYPE) {
      return oauthError('unsupported_grant_type', `Invalid grant_type: ${grantType ?? ''}`)
    }
    if (!fields.get('assertion')) {
      return oauthError('invalid_request', 'Missing required parameter: assertion')
    }
    return fields
  }

  /** The answer to a request that `read` let through. */
  async answer(fields: URLSearchParams): Promise<GatewayReply> {
    const claims = await this.#verify(fields.get('assertion') ?? '')
    if (!claims) return oauthError('invalid_grant', 'Invalid JWT Signature.')
    const refusal = this.#check(claims)
    if (refusal) return refusal
    const scopes = String(claims.scope).split(' ')
    const { accessToken, expiresInSeconds } = this.#tokens.issue(scopes)
    return jsonReply(200, {
      access_token: accessToken,
      expires_in: expiresInSeconds,
      token_type: 'Bearer',
    })
  }

  async #verify(assertion: string): Promise<Claims | undefined> {
    try {
      const { payload } = await compactVerify(assertion, this.#key, { algorithms: ['RS256'] })
      const { kid } = decodeProtectedHeader(assertion)
      if (kid !== undefined && kid !== this.#account.private_key_id) return undefined
      return JSON.parse(new TextDecoder().decode(payload)) as Claims
    } catch {
      return undefined
    }
  }

  #check(claims: Claims): GatewayReply | undefined {
    const { iss, aud, scope, iat, exp } = claims
    const now = this.#clock() / 1000
    if (iss !== this.#account.client_email) {
      return oauthError('invalid_grant', 'Invalid grant: account not found')
    }
    if (aud !== TOKEN_AUDIENCE) {
      return oauthError('invalid_grant', 'Invalid JWT: Failed audience check.')
    }
    const timely =
      typeof iat === 'number' &&
      typeof exp === 'number' &&
      exp - iat <= ASSERTION_LIFE_SECONDS &&
      exp > now - CLOCK_SKEW_SECONDS &&
      iat < now + CLOCK_SKEW_SECONDS
    if (!timely) {
      return oauthError(
        'invalid_grant',
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      )
    }
    if (typeof scope !== 'string' || scope === '') {
      return oauthError('invalid_scope', 'Invalid OAuth scope or ID token audience provided.')
    }
    return undefined
  }
}

import { createPublicKey, type KeyObject } from 'node:crypto'
import { compactVerify, decodeProtectedHeader } from 'jose'
import { type ApnsRefusal, refuse } from './apns-reasons.ts'
import type { ApnsCredentials } from './credentials.ts'

/** A provider token is refused once it is older than this. */
const PROVIDER_TOKEN_MAX_AGE_MS = 60 * 60 * 1000
/**
 * On one connection a newer provider token must be issued at least this much later than the one
 * before.
 */
const PROVIDER_TOKEN_MIN_UPDATE_MS = 20 * 60 * 1000
const FUTURE_TOLERANCE_MS = 5 * 60 * 1000
const CACHE_LIMIT = 1000

/** A provider token with a good signature; `issuedAt` in milliseconds since the epoch. */
export type ProviderToken = { readonly issuedAt: number }

/** The state of a connection: the last provider token that was accepted on it. */
export type ConnectionTokens = { current: ProviderToken | undefined }

function readClaims(payload: Uint8Array): { iss?: unknown; iat?: unknown } {
  const claims: unknown = JSON.parse(new TextDecoder().decode(payload))
  return typeof claims === 'object' && claims !== null ? claims : {}
}

/**
 * Validates provider tokens as "Establishing a token-based connection to APNs" describes them. A
 * signature is verified once per token text, its age each time; the 20-minute rule compares times
 * of issue, so signing one again for the same time is no update, and it applies per connection, so
 * that several servers may share a key.
 */
export class ProviderTokens {
  readonly #key: KeyObject
  readonly #credentials: ApnsCredentials
  readonly #clock: () => number
  readonly #verified = new Map<string, ProviderToken>()

  constructor(credentials: ApnsCredentials, clock: () => number) {
    this.#key = createPublicKey(credentials.keyPem)
    this.#credentials = credentials
    this.#clock = clock
  }

  /**
   * The reason to refuse, or undefined; a token that passes becomes the connection's current one.
   */
  async validate(
    connection: ConnectionTokens,
    authorization: string | undefined,
  ): Promise<ApnsRefusal | undefined> {
    const text = /^bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (text === undefined) return refuse('MissingProviderToken')
    const token = this.#verified.get(text) ?? (await this.#verify(text))
    if (!token) return refuse('InvalidProviderToken')
    const now = this.#clock()
    if (now - token.issuedAt > PROVIDER_TOKEN_MAX_AGE_MS) return refuse('ExpiredProviderToken')
    if (token.issuedAt - now > FUTURE_TOLERANCE_MS) return refuse('InvalidProviderToken')
    const ageDifference = Math.abs(token.issuedAt - (connection.current ?? token).issuedAt)
    if (ageDifference > 0 && ageDifference < PROVIDER_TOKEN_MIN_UPDATE_MS) {
      return refuse('TooManyProviderTokenUpdates')
    }
    connection.current = token
    return undefined
  }

  async #verify(text: string): Promise<ProviderToken | undefined> {
    try {
      const { payload } = await compactVerify(text, this.#key, { algorithms: ['ES256'] })
      const { kid } = decodeProtectedHeader(text)
      const { iss, iat } = readClaims(payload)
      if (kid !== this.#credentials.keyId || iss !== this.#credentials.teamId) return undefined
      if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined
      const token = { issuedAt: iat * 1000 }
      if (this.#verified.size >= CACHE_LIMIT) this.#verified.clear()
      this.#verified.set(text, token)
      return token
    } catch {
      return undefined
    }
  }
}

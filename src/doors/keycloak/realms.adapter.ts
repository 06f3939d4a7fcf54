// Realms of Keycloak: their tokens, and the callback to them. Source: Keycloak 26,
// HttpAuthenticationChannelProvider and BackchannelAuthenticationCallbackEndpoint.

import * as errors from 'jose/errors'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import type { CallbackResult } from '../../domain/keycloak-callback.ts'
import type { EgressGuard } from '../../platform/net/egress-guard.ts'
import { buildGuardedClient } from '../../platform/net/guarded-client.ts'
import type { Clock } from '../../platform/world.ts'
import type { KeysFault, Realms, RealmToken } from './realms.store.ts'

export type RealmOptions = {
  readonly guard: EgressGuard
  readonly clock: Clock
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca: readonly string[]
  readonly timeoutMs?: number
  /** Warned once per realm whose keys cannot be used, until they can be used again. */
  readonly log?: { warn(facts: object, message: string): void }
}

const tokenLengthMax = 8_192
const timeoutMsDefault = 5_000
/**
 * How far the clock of a realm may be off, either way. The challenge of a token keeps its `jti` for
 * days, so that the token cannot be replayed.
 */
const clockToleranceSeconds = 60
const keysBytesMax = 256 * 1024
const realmsMax = 1_000
/** Public-key signatures only: a shared secret does not identify the signer (RFC 8725, 3.1). */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

class UnreachableError extends Error {}

type Keys = ReturnType<typeof createRemoteJWKSet>

/**
 * The claims of a token that are used; `refused` when one is missing or is not that of a channel
 * token.
 */
function readClaims(
  claims: Readonly<Record<string, unknown>>,
  issuer: string,
): RealmToken | 'refused' {
  const { aud, azp, exp, jti, typ } = claims
  const sole = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  // Any other token of the realm, such as one for a login, has another audience.
  if (typ !== 'Bearer' || sole !== issuer || typeof exp !== 'number') return 'refused'
  if (typeof jti !== 'string' || jti === '' || typeof azp !== 'string') return 'refused'
  const expiresAt = new Date(exp * 1000)
  // Numbers in JSON may exceed every date.
  return Number.isNaN(expiresAt.getTime()) ? 'refused' : { issuer, jti, clientId: azp, expiresAt }
}

/**
 * The realms that the guard allows. Keys are cached and fetched again at most every half minute for
 * each realm.
 */
export function buildRealms({
  guard,
  clock,
  ca,
  timeoutMs = timeoutMsDefault,
  log,
}: RealmOptions): Realms {
  // A callback is never sent again, so that it must not meet a connection that has been closed.
  const client = buildGuardedClient({ guard, ca })
  const keySets = new Map<string, Keys>()
  const warnedIssuers = new Set<string>()

  function warnOnce(issuer: string, fault: ReturnType<typeof readFault>): void {
    if (typeof fault === 'string' || warnedIssuers.has(issuer)) return
    warnedIssuers.add(issuer)
    log?.warn({ issuer, ...fault }, 'keys of a realm refused')
  }

  function keysOf(issuer: string): Keys {
    const keys =
      keySets.get(issuer) ??
      createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`), {
        timeoutDuration: timeoutMs,
        cooldownDuration: 30_000,
        cacheMaxAge: 600_000,
        [customFetch]: async (url) => {
          const keysRequest = { method: 'GET', url, timeoutMs, bytesMax: keysBytesMax } as const
          const { status, body } = await client.send(keysRequest).catch((error) => {
            throw new UnreachableError('no answer', { cause: error })
          })
          return new Response(body, { status, headers: { 'content-type': 'application/json' } })
        },
      })
    if (keySets.size >= realmsMax) keySets.clear()
    keySets.set(issuer, keys)
    return keys
  }

  return {
    fault: (issuer) => guard.fault(`${issuer}/`),

    async verify(token, issuers) {
      const issuer = token.length > tokenLengthMax ? undefined : issuerIn(token)
      if (issuer === undefined || !issuers.includes(issuer)) return 'refused'
      try {
        const { payload } = await jwtVerify(token, keysOf(issuer), {
          algorithms,
          issuer,
          audience: issuer,
          clockTolerance: clockToleranceSeconds,
          currentDate: clock.now(),
          requiredClaims: ['exp', 'iat', 'jti', 'sub'],
        })
        warnedIssuers.delete(issuer)
        return readClaims(payload, issuer)
      } catch (error) {
        const fault = readFault(error)
        warnOnce(issuer, fault)
        return fault
      }
    },

    async callBack(issuer, token, status): Promise<CallbackResult> {
      try {
        const answer = await client.send({
          method: 'POST',
          url: `${issuer}/protocol/openid-connect/ext/ciba/auth/callback`,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ status }),
          timeoutMs,
          bytesMax: 0,
        })
        if (answer.status === 200) return { kind: 'taken' }
        if (answer.status === 403) return { kind: 'unknown_yet' }
        return { kind: 'failed', reason: `status_${answer.status}` }
      } catch {
        // Whether it arrived cannot be known.
        return { kind: 'failed', reason: 'no_answer' }
      }
    },
  }
}

/** The issuer that an unverified token names. */
function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** What a verification error is about: the token, fetching the keys, or the keys. */
function readFault(error: unknown): 'refused' | 'unreachable' | { readonly keys: KeysFault } {
  if (error instanceof UnreachableError || error instanceof errors.JWKSTimeout) return 'unreachable'
  if (error instanceof errors.JWKSMultipleMatchingKeys) return { keys: 'ambiguous' }
  if (error instanceof errors.JWKSInvalid) {
    return { keys: /must be public/.test(error.message) ? 'not_public' : 'malformed' }
  }
  // Another status than 200, or no JSON.
  if (error instanceof errors.JOSEError) {
    return error.code === 'ERR_JOSE_GENERIC' ? 'unreachable' : 'refused'
  }
  const text = error instanceof Error ? error.message : ''
  return { keys: /modulusLength/.test(text) ? 'weak' : 'malformed' }
}

// The `Device-Proof` of every device call: proof of possession in the shape of DPoP (RFC 9449),
// bound to one request.

import type { Assertion } from './assertion.ts'
import { isFresh, isJti, readClaims, readHeader } from './claims.ts'
import { type DeviceId, isId, type TenantId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'

/**
 * Clocks of the service's machines may differ by minutes before a spent proof could be used again.
 */
const jtiKeptSeconds = 600

export const proofTyp = 'device-proof+jwt'

/** A parsed JWS; nothing in it is verified yet. */
export type UnverifiedJws = {
  readonly text: string
  readonly header: unknown
  readonly payload: unknown
  /** base64url SHA-256 of `header.payload`, the part that is signed. */
  readonly signedHash: string
}

/** The request that a proof must be about. */
export type ProvenRequest = {
  readonly method: string
  /** Public origin, path and query as the client sent them. */
  readonly uri: string
  /** base64url SHA-256 of the body; null when there is none. */
  readonly bodyHash: string | null
}

/** The claims of a well-formed proof; they count only once the signature is verified. */
export type DeviceProof = {
  readonly jws: UnverifiedJws
  readonly kid: string
  readonly tenantId: TenantId
  readonly deviceId: DeviceId
  readonly jti: string
  /**
   * Until this time its `jti` is kept, long after the proof is stale: the purge uses the database's
   * clock, freshness uses ours.
   */
  readonly expiresAt: Date
  /** By how much its `iat` is ahead of our time; negative when behind. */
  readonly clockSkewMs: number
  /** By the device's passkey over this proof, not verified yet; null where none came with it. */
  readonly assertion: Assertion | null
}

/**
 * Reads a proof and checks it against the request. Everything is checked here except the signature,
 * whose key has yet to be looked up by tenant and device. A stale `iat` gets a refusal of its own,
 * with the service's time, so that a phone can correct its clock.
 */
export function readProof(
  jws: UnverifiedJws,
  request: ProvenRequest,
  now: Date,
  assertion: Assertion | null = null,
): DeviceProof | Refusal<'clock_skew' | 'proof_malformed' | 'proof_invalid'> {
  const header = readHeader(proofTyp, jws.header)
  const claims = readClaims(
    {
      tid: 'string',
      did: 'string',
      htm: 'string',
      htu: 'string',
      iat: 'integer',
      jti: 'string',
      bh: 'string?',
    },
    jws.payload,
  )
  if (!header || !claims || !isJti(claims.jti)) return refuse('proof_malformed')
  if (!isId('tenant', claims.tid) || !isId('device', claims.did)) return refuse('proof_malformed')
  if (claims.htm !== request.method) return refuse('proof_invalid', { facts: { claim: 'htm' } })
  if (claims.htu !== request.uri) return refuse('proof_invalid', { facts: { claim: 'htu' } })
  if ((claims.bh ?? null) !== request.bodyHash) {
    return refuse('proof_invalid', { facts: { claim: 'bh' } })
  }
  if (!isFresh(claims.iat, now)) {
    return refuse('clock_skew', { facts: { serverTime: now.toISOString() } })
  }
  return {
    jws,
    kid: header.kid,
    tenantId: claims.tid,
    deviceId: claims.did,
    jti: claims.jti,
    expiresAt: new Date((claims.iat + jtiKeptSeconds) * 1000),
    clockSkewMs: claims.iat * 1000 - now.getTime(),
    assertion,
  }
}

// Rotation of a device's keys: a new key takes the place of one, by the device's own decision.

import { isFresh, isJti, readClaims, readHeader } from './claims.ts'
import type { DeviceKey, KeyRole } from './device.ts'
import type { UnverifiedJws } from './device-proof.ts'
import type { DeviceId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'

const deviceKeyTyp = 'device-key+jwt'

/** Rotations of one device within `rotationWindowSeconds`: each of its keys twice. */
export const keyRotationsMax = 4
/** Replaced keys are kept as long as their device, so that their number has to be bounded. */
export const rotationWindowSeconds = 86_400

/** What the proof of a new key must contain. */
export type RotationFacts = {
  readonly issuer: string
  readonly deviceId: DeviceId
  readonly role: KeyRole
  /** Thumbprint of the new key. */
  readonly kid: string
  /**
   * Thumbprint of the key whose place it takes; null once it has taken it: a repeated call changes
   * nothing.
   */
  readonly replacedKid: string | null
}

/**
 * A passkey is not replaced: its platform makes, copies and deletes it, and the new one would need
 * two prompts of which neither says what it is for. Its device enrolls anew.
 */
export function checkRotatable(
  oldKey: Pick<DeviceKey, 'passkey'>,
): Refusal<'invalid_request'> | undefined {
  if (!oldKey.passkey) return undefined
  return refuse('invalid_request', {
    hint: 'A passkey is not replaced. Enroll the browser anew in the place of this device.',
  })
}

/**
 * Checks the claims of a new key's proof; its signature is verified with the key that it
 * introduces. It names the device, the role and the key that it replaces, so that it is worth
 * nothing anywhere else.
 */
export function checkRotationProof(
  jws: UnverifiedJws,
  { issuer, deviceId, role, kid, replacedKid }: RotationFacts,
  now: Date,
): Refusal<'clock_skew' | 'proof_malformed' | 'proof_invalid'> | undefined {
  const header = readHeader(deviceKeyTyp, jws.header)
  const claims = readClaims(
    {
      aud: 'string',
      did: 'string',
      role: 'string',
      pk: 'string',
      replaces: 'string',
      iat: 'integer',
      jti: 'string',
    },
    jws.payload,
  )
  if (!header || !claims || !isJti(claims.jti)) return refuse('proof_malformed')
  const comparisons: readonly (readonly [claim: string, actual: string, reference: string])[] = [
    ['kid', header.kid, kid],
    ['aud', claims.aud, issuer],
    ['did', claims.did, deviceId],
    ['role', claims.role, role],
    ['pk', claims.pk, kid],
    ['replaces', claims.replaces, replacedKid ?? claims.replaces],
  ]
  const wrong = comparisons.find(([, actual, reference]) => actual !== reference)
  if (wrong) return refuse('proof_invalid', { facts: { claim: wrong[0] } })
  if (!isFresh(claims.iat, now)) {
    return refuse('clock_skew', { facts: { serverTime: now.toISOString() } })
  }
  return undefined
}

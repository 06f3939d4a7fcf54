import {
  type AttestationMode,
  attestationMessage,
  type DeviceAttestation,
  decideAttestation,
} from '../domain/attestation.ts'
import type { DeviceKey } from '../domain/device.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { Hashing } from '../platform/world.ts'
import type { AttestationStatement, AttestationVerifier } from './attestation.store.ts'

export type Dependencies = {
  readonly attestations: AttestationVerifier
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
}

/** A claim whose keys and code are proven. */
export type ProvenClaim = {
  readonly issuer: string
  /** `ch` of the claim's proofs. */
  readonly codeHash: string
  readonly appId: string
  readonly keys: readonly DeviceKey[]
  readonly attestation: AttestationStatement | undefined
  /** The database's time. */
  readonly at: Date
}

/**
 * Verifies the attestation of a claim as far as the tenant requires it, and decides what to record
 * or whether to refuse.
 */
export async function attestKeys(
  { attestations, hashing }: Dependencies,
  mode: AttestationMode,
  { issuer, codeHash, appId, keys, attestation, at }: ProvenClaim,
): Promise<DeviceAttestation | Refusal<'attestation_missing' | 'attestation_invalid'>> {
  if (mode === 'off' || attestation === undefined) return decideAttestation(mode, null)
  const challenge = hashing.sha256Base64Url(attestationMessage(issuer, codeHash))
  const finding = await attestations.verify(attestation, { appId, keys, challenge, at })
  return decideAttestation(mode, finding)
}

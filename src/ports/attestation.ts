import type { AttestationFinding } from '../domain/attestation.ts'
import type { DeviceKey } from '../domain/device.ts'

/** What a claim brings to show where its keys are; binary values in base64url. */
export type AttestationStatement =
  | {
      readonly format: 'android_key'
      /** Certificates of the key's chain in DER, the key's own first, the root last. */
      readonly possession: readonly string[]
      readonly verification?: readonly string[]
    }
  | {
      readonly format: 'apple_app_attest'
      /** The attestation object of `DCAppAttestService.attestKey`. */
      readonly object: string
    }

/** What an attestation must be about. */
export type AttestedClaim = {
  readonly appId: string
  readonly keys: readonly DeviceKey[]
  /** 32 bytes in base64url: SHA-256 of `attestationMessage`. */
  readonly challenge: string
  /** Certificates are judged as of this moment. */
  readonly at: Date
}

/** Verifies attestations against the makers' roots. Whatever cannot be read is a fault, never an exception and never a pass. */
export interface AttestationVerifier {
  verify(statement: AttestationStatement, claim: AttestedClaim): Promise<AttestationFinding>
}

/** Certificates that their maker has withdrawn. */
export interface RevokedCertificates {
  /** Whether the certificate with this serial number (lower-case hex, no leading zeros) is on the list; throws when nobody can say. */
  isRevoked(serial: string): Promise<boolean>
}

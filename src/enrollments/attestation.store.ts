import type { AttestationFinding } from '../domain/attestation.ts'
import type { DeviceKey } from '../domain/device.ts'

/** A claim's evidence of where its keys are; binary values in base64url. */
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
  /** Certificates are validated as of this time. */
  readonly at: Date
}

/**
 * Verifies attestations against the makers' roots. An unreadable attestation is a fault, never an
 * exception and never a pass.
 */
export interface AttestationVerifier {
  verify(statement: AttestationStatement, claim: AttestedClaim): Promise<AttestationFinding>
}

/** Certificates that their issuer has revoked. */
export interface RevokedCertificates {
  /**
   * Whether the certificate with this serial number (lower-case hex, no leading zeros) is on the
   * list; throws when that cannot be determined.
   */
  isRevoked(serial: string): Promise<boolean>
}

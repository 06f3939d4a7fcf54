// What Android's secure hardware attests about a key, and what we require (extension
// 1.3.6.1.4.1.11129.2.1.17; the numbers are those of Android's KeyDescription, versions 1 to 500).

import type { AttestationFinding } from './attestation.ts'
import type { KeyRole } from './device.ts'

/** In the order of Android's own numbers. */
export const securityLevels = ['software', 'tee', 'strongbox'] as const
export type SecurityLevel = (typeof securityLevels)[number]

/**
 * A parsed attestation extension. Everything but the app is enforced by the hardware, not merely
 * claimed by the system.
 */
export type KeyDescription = {
  /** Which environment made the statement. */
  readonly attestationLevel: SecurityLevel
  /** Where the key is. */
  readonly keyLevel: SecurityLevel
  /** base64url. */
  readonly challenge: string
  readonly purposes: readonly number[]
  readonly algorithm: number | null
  readonly curve: number | null
  readonly origin: number | null
  /**
   * Whether the person must be present; `each_use` is the result of
   * `setUserAuthenticationParameters(0, …)`.
   */
  readonly authentication: 'none' | 'for_a_time' | 'each_use'
  /** Usable by every app of the phone. */
  readonly allApplications: boolean
  readonly rootOfTrust: { readonly isLocked: boolean; readonly bootState: number } | null
  /** Package names that share the key. */
  readonly packages: readonly string[]
  /** SHA-256 of the certificates that signed the app, lower-case hex. */
  readonly signers: readonly string[]
}

/** An Android app that may enroll: its package name and its signers. */
export type AndroidApp = {
  readonly packageName: string
  /** SHA-256 of the signing certificates that are accepted, lower-case hex. */
  readonly signers: readonly string[]
}

const sign = 2
const verify = 3
const ellipticCurve = 3
const p256 = 1
const generatedOrigin = 0
const bootVerified = 0

/**
 * Checks the statement about one key; the chain and the key itself were verified before. Names the
 * first fault.
 */
export function checkKeyDescription(
  description: KeyDescription,
  requirements: { readonly role: KeyRole; readonly challenge: string; readonly app: AndroidApp },
): AttestationFinding {
  const { rootOfTrust, purposes } = description
  if (description.challenge !== requirements.challenge)
    return { level: 'none', why: 'challenge_mismatch' }
  if (description.attestationLevel === 'software' || description.keyLevel === 'software') {
    return { level: 'software', why: 'level_software' }
  }
  if (rootOfTrust === null) return { level: 'none', why: 'boot_not_verified' }
  if (!rootOfTrust.isLocked) return { level: 'none', why: 'bootloader_unlocked' }
  if (rootOfTrust.bootState !== bootVerified) return { level: 'none', why: 'boot_not_verified' }
  if (!isApp(description, requirements.app)) return { level: 'none', why: 'app_mismatch' }
  if (description.algorithm !== ellipticCurve || description.curve !== p256) {
    return { level: 'none', why: 'key_not_p256' }
  }
  if (description.origin !== generatedOrigin) return { level: 'none', why: 'key_not_generated' }
  // A key that does anything else might be made to sign attestations of its own.
  if (!purposes.includes(sign) || !purposes.every((one) => one === sign || one === verify)) {
    return { level: 'none', why: 'key_purpose' }
  }
  if (requirements.role === 'verification' && description.authentication !== 'each_use') {
    return { level: 'none', why: 'user_not_authenticated' }
  }
  const strongbox =
    description.attestationLevel === 'strongbox' && description.keyLevel === 'strongbox'
  return { level: strongbox ? 'strongbox' : 'tee', why: null }
}

function isApp({ allApplications, packages, signers }: KeyDescription, app: AndroidApp): boolean {
  return (
    !allApplications &&
    packages.includes(app.packageName) &&
    signers.some((one) => app.signers.includes(one))
  )
}

// What a platform's maker attests about a new device's keys, and what a tenant requires.

import { type Refusal, refuse } from './refusal.ts'

/**
 * `off` reads no attestation, `log` records the verdict, `require` refuses a device whose keys are
 * not verified.
 */
export const attestationModes = ['off', 'log', 'require'] as const
export type AttestationMode = (typeof attestationModes)[number]

/**
 * Where the keys are, as far as the maker attests it. `tee` and `strongbox` are about the keys
 * themselves (Android key attestation); `app_attest` is about the genuine app on genuine Apple
 * hardware that generated and named the keys.
 */
export const attestationLevels = ['none', 'software', 'tee', 'strongbox', 'app_attest'] as const
export type AttestationLevel = (typeof attestationLevels)[number]

export const attestationVerdicts = ['not_asked', 'missing', 'invalid', 'verified'] as const
export type AttestationVerdict = (typeof attestationVerdicts)[number]

/** The first thing that was wrong. Part of the API. */
export const attestationFaults = [
  'malformed',
  'chain_invalid',
  'certificate_expired',
  'certificate_not_authority',
  'certificate_revoked',
  'revocations_unreadable',
  'root_unknown',
  'attestation_not_at_leaf',
  'challenge_mismatch',
  'key_mismatch',
  'key_not_attested',
  'app_not_listed',
  'app_mismatch',
  'level_software',
  'key_not_generated',
  'key_purpose',
  'key_not_p256',
  'user_not_authenticated',
  'boot_not_verified',
  'bootloader_unlocked',
  'counter_used',
  'environment_not_allowed',
] as const
export type AttestationFault = (typeof attestationFaults)[number]

/** The result of a verifier. */
export type AttestationFinding =
  | { readonly level: 'tee' | 'strongbox' | 'app_attest'; readonly why: null }
  | { readonly level: 'none' | 'software'; readonly why: AttestationFault }

/**
 * What is recorded about a device permanently. `verified` never goes with `none` or `software`: it
 * makes a result say `hwk`.
 */
export type DeviceAttestation = {
  readonly level: AttestationLevel
  readonly verdict: AttestationVerdict
  readonly why: AttestationFault | null
}

export const notAttested: DeviceAttestation = { level: 'none', verdict: 'not_asked', why: null }

/**
 * The text whose SHA-256 an attestation must contain. It names the tenant and, by the hash in the
 * claim's proofs (`ch`), the one enrollment; the label keeps it from being valid anywhere else.
 */
export function attestationMessage(issuer: string, codeHash: string): string {
  return `countersign-attestation\n${issuer}\n${codeHash}`
}

/**
 * Decides a claim: what to record, or the refusal. `finding` is null when the claim has no
 * attestation.
 */
export function decideAttestation(
  mode: AttestationMode,
  finding: AttestationFinding | null,
): DeviceAttestation | Refusal<'attestation_missing' | 'attestation_invalid'> {
  if (mode === 'off') return notAttested
  if (finding === null) {
    return mode === 'require'
      ? refuse('attestation_missing')
      : { level: 'none', verdict: 'missing', why: null }
  }
  if (finding.why === null) return { level: finding.level, verdict: 'verified', why: null }
  return mode === 'require'
    ? refuse('attestation_invalid', { facts: { why: finding.why } })
    : { level: finding.level, verdict: 'invalid', why: finding.why }
}

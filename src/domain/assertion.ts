// An assertion: a passkey's signature over the hash of a text that the possession key has signed
// (Web Authentication Level 3, section 7.2).

import { isBackupConsistent, readAuthenticatorData } from './authenticator-data.ts'
import type { PasskeyFacts } from './device.ts'

/** An assertion as a browser sends it; all in base64url. */
export type Assertion = {
  /** Of the passkey that made it. */
  readonly id: string
  readonly authenticatorData: string
  readonly clientDataJSON: string
  readonly signature: string
}

/** Longest assertion that is read, in bytes of its JSON, or of that in base64url in a header. */
export const assertionBytesMax = 2048

/** An assertion in its parts; its signature is still to be verified. */
export type UnverifiedAssertion = {
  readonly credentialId: string
  readonly clientData: Readonly<Record<string, unknown>>
  readonly authenticatorData: Uint8Array
  /** What is signed: the authenticator data, then the SHA-256 of the client data. */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
}

/** Where the authenticator lives: whose passkeys count. */
export type AuthenticatorSite = {
  /** Scheme, host and port of its pages. */
  readonly origin: string
  /** base64url SHA-256 of the RP ID, its host or a parent domain of it (section 5.1.2). */
  readonly rpIdHash: string
}

/** The first thing that was wrong with an assertion. Part of the API. */
export const assertionFaults = [
  'malformed',
  'credential',
  'type',
  'challenge',
  'origin',
  'cross_origin',
  'rp_id',
  'user_presence',
  'user_verification',
  'backup_eligibility',
  'extra_data',
  'signature',
] as const
export type AssertionFault = (typeof assertionFaults)[number]

/** What an assertion must be about. */
export type ExpectedAssertion = AuthenticatorSite & {
  readonly passkey: Pick<PasskeyFacts, 'credentialId' | 'backupEligible'>
  /** base64url SHA-256 of the signed text: `header.payload`. */
  readonly challenge: string
}

/**
 * Checks everything but the signature, in the order of section 7.2. The signature counter is not
 * compared on purpose: synced passkeys leave it at zero, and an assertion covers one text, which
 * counts once, so that a copy of it is worth nothing.
 */
export function checkAssertion(
  { credentialId, clientData, authenticatorData }: UnverifiedAssertion,
  { origin, rpIdHash, passkey, challenge }: ExpectedAssertion,
): Exclude<AssertionFault, 'signature'> | undefined {
  if (credentialId !== passkey.credentialId) return 'credential'
  if (clientData.type !== 'webauthn.get') return 'type'
  if (clientData.challenge !== challenge) return 'challenge'
  if (clientData.origin !== origin) return 'origin'
  // Left out by older browsers, which embed in no other site.
  const { crossOrigin = false, topOrigin } = clientData
  if (crossOrigin !== false || topOrigin !== undefined) return 'cross_origin'
  const data = readAuthenticatorData(authenticatorData)
  if (!data) return 'malformed'
  if (data.rpIdHash !== rpIdHash) return 'rp_id'
  if (!data.userPresent) return 'user_presence'
  if (!data.userVerified) return 'user_verification'
  if (!isBackupConsistent(data) || data.backupEligible !== passkey.backupEligible) {
    return 'backup_eligibility'
  }
  // No extension is asked for, and an assertion introduces no credential.
  return data.hasExtensions || data.credential !== null ? 'extra_data' : undefined
}

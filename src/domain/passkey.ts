// A verification key that lives in a browser's authenticator: a passkey (Web Authentication Level
// 3). It signs no JWS, but assertions over the hash of one.

import { isBackupConsistent, readAuthenticatorData } from './authenticator-data.ts'
import { fromBase64url, toBase64url } from './base64url.ts'
import {
  browserAppId,
  type Device,
  type DeviceKey,
  type PasskeyFacts,
  type PublicJwk,
} from './device.ts'
import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'

/** A new passkey as a browser sends it; all in base64url. */
export type NewPasskey = {
  readonly id: string
  /** SubjectPublicKeyInfo, as `getPublicKey()` returns it (section 5.2.1). */
  readonly publicKey: string
  /** As `getAuthenticatorData()` returns it at registration. */
  readonly authenticatorData: string
}

/** A new passkey that fits together; that somebody holds it is proven by its first assertion. */
export type ReadPasskey = { readonly publicJwk: PublicJwk; readonly facts: PasskeyFacts }

/** SubjectPublicKeyInfo of P-256, uncompressed (RFC 5480, section 2), up to the point. */
const spkiHead = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'

const onlyEs256 =
  'A passkey must be an ES256 key on P-256 (COSE algorithm -7): other algorithms, such as RS256, ' +
  'are not accepted. Ask for it alone in `pubKeyCredParams`.'
const inconsistent = 'id, publicKey and authenticatorData must be those of one new passkey.'

/**
 * Reads a new passkey (section 7.1, as far as attestation `none` says anything): the id and the key
 * must be those in its authenticator data. Whether the point is on the curve is not decided here.
 */
export function readNewPasskey({
  id,
  publicKey,
  authenticatorData,
}: NewPasskey): ReadPasskey | Refusal<'invalid_request'> {
  const publicJwk = readPublicKey(publicKey)
  if (!publicJwk) return refuse('invalid_request', { hint: onlyEs256 })
  const bytes = fromBase64url(authenticatorData)
  const data = bytes && readAuthenticatorData(bytes)
  const credential = data?.credential
  if (!data || !credential || !isBackupConsistent(data)) {
    return refuse('invalid_request', { hint: inconsistent })
  }
  const { backupEligible, backedUp } = data
  const isSame =
    credential.id === id && credential.x === publicJwk.x && credential.y === publicJwk.y
  if (!isSame) return refuse('invalid_request', { hint: inconsistent })
  return { publicJwk, facts: { credentialId: id, backupEligible, backedUp } }
}

function readPublicKey(spki: string): PublicJwk | undefined {
  if (!spki.startsWith(spkiHead)) return undefined
  const point = fromBase64url(spki.slice(spkiHead.length))
  if (point?.length !== 64) return undefined
  const [x, y] = [toBase64url(point.subarray(0, 32)), toBase64url(point.subarray(32))]
  return { kty: 'EC', crv: 'P-256', x, y }
}

/**
 * Refuses what contradicts itself: the app in a browser says so, and only a browser has a passkey
 * here, because the origin of an assertion is that of a page.
 */
export function checkBrowser(
  { platform, appId }: Pick<Device, 'platform' | 'appId'>,
  hasPasskey: boolean,
): Refusal<'invalid_request'> | undefined {
  if (platform === 'web' || (appId !== browserAppId && !hasPasskey)) return undefined
  return refuse('invalid_request', {
    hint: `The app ${browserAppId} and passkeys are for the platform web alone.`,
  })
}

/** Whether the tenant accepts the passkey among these keys, if there is one. */
export function checkPasskey(
  keys: readonly DeviceKey[],
  policy: Pick<Policy, 'syncedPasskeys'>,
): Refusal<'passkey_synced'> | undefined {
  const passkey = keys.find((key) => key.passkey)?.passkey
  return passkey && checkSynced(passkey, policy)
}

/**
 * Whether the tenant accepts a passkey that the platform may copy to other devices
 * (`syncedPasskeys` of the policy).
 */
export function checkSynced(
  { backupEligible }: Pick<PasskeyFacts, 'backupEligible'>,
  { syncedPasskeys }: Pick<Policy, 'syncedPasskeys'>,
): Refusal<'passkey_synced'> | undefined {
  return backupEligible && syncedPasskeys === 'refused' ? refuse('passkey_synced') : undefined
}

/** Whether the device's verification key is a passkey that the tenant does not accept any more. */
export function isRefusedPasskey(
  { passkey }: Pick<Device, 'passkey'>,
  policy: Pick<Policy, 'syncedPasskeys'>,
): boolean {
  return passkey !== null && checkSynced(passkey, policy) !== undefined
}

// What an authenticator states about itself and a person (Web Authentication Level 3, section 6.1).

import { toBase64url } from './base64url.ts'

const rpIdHashLength = 32
/** The hash, a byte of flags, four bytes of the signature counter. */
const headLength = 37
/** The AAGUID, which says nothing under attestation `none`. */
const aaguidLength = 16
const credentialIdLengthMax = 1023

const flag = { up: 0x01, uv: 0x04, be: 0x08, bs: 0x10, at: 0x40, ed: 0x80 } as const

/**
 * COSE_Key of ES256 in its one canonical spelling (section 6.5.1.1; CTAP2, section 6): a map of
 * kty EC2, alg -7, crv P-256, then x and y of 32 bytes each.
 */
const coseHead = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]
const coseBeforeY = [0x22, 0x58, 0x20]
const coordinateLength = 32

/** A new credential, as its authenticator names it. */
type AttestedCredential = { readonly id: string; readonly x: string; readonly y: string }

/** Authenticator data in its parts; nothing in it is verified yet. */
export type AuthenticatorData = {
  /** base64url. */
  readonly rpIdHash: string
  /** UP: somebody touched it. */
  readonly userPresent: boolean
  /** UV: by biometrics or PIN it was this person. */
  readonly userVerified: boolean
  /** BE: the platform may copy the credential to other devices. */
  readonly backupEligible: boolean
  /** BS: it has done so. */
  readonly backedUp: boolean
  /** Null where it introduces no credential. */
  readonly credential: AttestedCredential | null
  /** Whether outputs of extensions follow, which are not read. */
  readonly hasExtensions: boolean
}

/**
 * Reads authenticator data; undefined when it is cut, has bytes that its flags do not announce, or
 * introduces a credential that is not ES256. The signature counter is not read: one that is copied
 * to several devices stays at zero, and each assertion covers a text that counts once.
 */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorData | undefined {
  if (bytes.length < headLength) return undefined
  const flags = Number(bytes[rpIdHashLength])
  const has = (bit: number) => (flags & bit) !== 0
  const attestedData = has(flag.at) ? readCredential(bytes.subarray(headLength)) : null
  if (attestedData === undefined) return undefined
  const rest = bytes.length - headLength - (attestedData?.length ?? 0)
  if (rest > 0 !== has(flag.ed)) return undefined
  return {
    rpIdHash: toBase64url(bytes.subarray(0, rpIdHashLength)),
    userPresent: has(flag.up),
    userVerified: has(flag.uv),
    backupEligible: has(flag.be),
    backedUp: has(flag.bs),
    credential: attestedData?.credential ?? null,
    hasExtensions: has(flag.ed),
  }
}

/** Attested credential data (section 6.5.1), and how many bytes it takes. */
function readCredential(
  bytes: Uint8Array,
): { readonly credential: AttestedCredential; readonly length: number } | undefined {
  const idAt = aaguidLength + 2
  const idLength = Number(bytes[aaguidLength]) * 256 + Number(bytes[aaguidLength + 1])
  const xAt = idAt + idLength + coseHead.length
  const yAt = xAt + coordinateLength + coseBeforeY.length
  const length = yAt + coordinateLength
  // Also for a length that is missing, which is no number.
  if (!(bytes.length >= length) || idLength === 0 || idLength > credentialIdLengthMax)
    return undefined
  if (!isAt(bytes, idAt + idLength, coseHead)) return undefined
  if (!isAt(bytes, xAt + coordinateLength, coseBeforeY)) return undefined
  const part = (at: number, size: number) => toBase64url(bytes.subarray(at, at + size))
  const credential = {
    id: part(idAt, idLength),
    x: part(xAt, coordinateLength),
    y: part(yAt, coordinateLength),
  }
  return { credential, length }
}

function isAt(bytes: Uint8Array, at: number, expectedBytes: readonly number[]): boolean {
  return expectedBytes.every((byte, index) => bytes[at + index] === byte)
}

/** A credential that was copied must be one that may be (section 6.1.3). */
export function isBackupConsistent({
  backupEligible,
  backedUp,
}: Pick<AuthenticatorData, 'backupEligible' | 'backedUp'>): boolean {
  return backupEligible || !backedUp
}

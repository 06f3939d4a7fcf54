// Signing as a device and reading signed text of the service: compact JWS (RFC 7515), ES256, each
// kind with its own `typ`.

import { base64url, CompactSign, compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { sha256 } from './hash.ts'
import type { DeviceKey, PublicJwk } from './keys.ts'

export { sha256 }

const algorithm = 'ES256'
const strict = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/
/** Longest signed text that is read. */
const lengthMax = 65_536

/** A key of the service; `kid` is its RFC 7638 thumbprint. */
export type ServiceKey = PublicJwk & { readonly kid: string }

/** A fresh `jti`: 16 random bytes, base64url. */
export function newJti(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(16)))
}

/** Signs these claims with a header of exactly `alg`, `typ` and `kid`. */
export function signCompact(
  { kid, privateKey }: DeviceKey,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: algorithm, typ, kid })
    .sign(privateKey)
}

/** Why a signed text is not from the service. */
export type SignatureFault = 'malformed' | 'key_unknown' | 'signature_wrong'

/** A verified text of the service. */
export type OpenedJws = {
  readonly claims: Readonly<Record<string, unknown>>
  /** base64url SHA-256 of `header.payload`: what an answer names as `rqh`. */
  readonly signedHash: string
}

/**
 * Reads a signed text of the service: the strict spelling, exactly this kind of header, a pinned
 * key, a valid signature.
 */
export async function openCompact(
  jws: string,
  typ: string,
  keys: readonly ServiceKey[],
): Promise<OpenedJws | SignatureFault> {
  if (jws.length > lengthMax || !strict.test(jws)) return 'malformed'
  const kid = kidOf(jws, typ)
  if (kid === undefined) return 'malformed'
  const pinnedKey = keys.find((key) => key.kid === kid)
  if (!pinnedKey) return 'key_unknown'
  const { kty, crv, x, y } = pinnedKey
  const payload = await importJWK({ kty, crv, x, y }, algorithm)
    .then((key) => compactVerify(jws, key, { algorithms: [algorithm] }))
    .then((result) => result.payload)
    .catch(() => undefined)
  if (!payload) return 'signature_wrong'
  const claims = objectOf(payload)
  if (!claims) return 'malformed'
  return { claims, signedHash: await sha256(jws.slice(0, jws.lastIndexOf('.'))) }
}

function kidOf(jws: string, typ: string): string | undefined {
  try {
    const header = decodeProtectedHeader(jws)
    const isExact = hasExactly(header, ['alg', 'typ', 'kid'])
    return isExact && header.alg === algorithm && header.typ === typ ? header.kid : undefined
  } catch {
    return undefined
  }
}

function objectOf(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True when the object has all of these members, perhaps the optional ones, and no others. */
export function hasExactly(
  object: object,
  members: readonly string[],
  optional: readonly string[] = [],
): boolean {
  const names = Object.keys(object)
  return (
    members.every((name) => names.includes(name)) &&
    names.every((name) => members.includes(name) || optional.includes(name))
  )
}

import { hash, type KeyObject, sign, verify } from 'node:crypto'

/** Base64url of a text. */
export function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Base64url of a text's SHA-256. */
export function digest(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** Signs in compact form (RFC 7515) with ES256; the header comes encoded. */
export function signJws(key: KeyObject, header: string, payload: string): string {
  const input = `${header}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** Whether the compact form was signed by this key with ES256. */
export function isSignedBy(key: KeyObject, jws: string): boolean {
  const end = jws.lastIndexOf('.')
  const signature = Buffer.from(jws.slice(end + 1), 'base64url')
  const verifying = { key, dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(jws.slice(0, end)), verifying, signature)
}

/** The claims of a compact form, not verified. */
export function claimsOf(jws: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = jws.split('.', 2)
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}

/** Seconds since the epoch. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

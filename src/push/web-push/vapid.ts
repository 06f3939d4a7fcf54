// Voluntary identification of the sender to push services (VAPID, RFC 8292).

import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A VAPID key: the public half as browsers take it, and the private one. */
export type VapidKey = {
  /** The uncompressed point in base64url: `applicationServerKey` of `pushManager.subscribe`. */
  readonly publicKey: string
  readonly privateKey: KeyObject
}

/** A new VAPID key; the private half as PKCS #8 in base64. */
export function createVapidKey(): { readonly publicKey: string; readonly privateText: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const coordinates = [x, y].map((text) => Buffer.from(text, 'base64url'))
  return {
    publicKey: Buffer.concat([Buffer.from([4]), ...coordinates]).toString('base64url'),
    privateText: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
  }
}

/** A stored private half, ready to sign; throws when it is none. */
export function readVapidKey(publicKey: string, privateText: string): VapidKey {
  const key = Buffer.from(privateText, 'base64')
  return { publicKey, privateKey: createPrivateKey({ key, type: 'pkcs8', format: 'der' }) }
}

/** RFC 8292, 2: at most 24 hours. Half of it leaves room for clocks that are wrong by hours. */
const lifetimeSeconds = 12 * 60 * 60
/** A token is replaced this long before it ends. */
const renewSeconds = 60 * 60

const partOf = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signVapid(key: VapidKey, claims: object): string {
  const input = `${partOf({ typ: 'JWT', alg: 'ES256' })}.${partOf(claims)}`
  const signature = sign('sha256', Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `vapid t=${input}.${signature.toString('base64url')}, k=${key.publicKey}`
}

export type VapidHeaders = {
  /**
   * The `Authorization` for pushes to this origin under this key, the same for hours: push services
   * cache what they have verified.
   */
  of(key: VapidKey, origin: string): string
  /** A push service refused the header of this origin: the next push gets a new one. */
  forget(key: VapidKey, origin: string): void
}

/** Enough for every push service; a wildcard in their list makes their number unlimited. */
const headersMax = 256

/**
 * The headers of one sender. `subject` is how a push service reaches the operator (`sub`: a
 * `mailto:` or an https address); null leaves it out.
 */
export function buildVapidHeaders(subject: string | null, nowMs: () => number): VapidHeaders {
  // Least recently created first.
  const headers = new Map<string, { readonly text: string; readonly until: number }>()
  const nameOf = (key: VapidKey, origin: string) => `${origin} ${key.publicKey}`
  return {
    of(key, origin) {
      const name = nameOf(key, origin)
      const now = Math.floor(nowMs() / 1000)
      const storedHeader = headers.get(name)
      if (storedHeader && now < storedHeader.until) return storedHeader.text
      const exp = now + lifetimeSeconds
      const text = signVapid(key, { aud: origin, exp, ...(subject && { sub: subject }) })
      headers.delete(name)
      headers.set(name, { text, until: exp - renewSeconds })
      for (const oldest of [...headers.keys()].slice(0, -headersMax)) headers.delete(oldest)
      return text
    },
    forget: (key, origin) => void headers.delete(nameOf(key, origin)),
  }
}

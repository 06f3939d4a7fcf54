import { createDecipheriv, createPublicKey, hkdfSync, verify } from 'node:crypto'
import type { BrowserKeys } from './browsers.ts'

/** A refusal: the status and the words for it. */
export type WebPushRefusal = { readonly status: number; readonly reason: string }
type Headers = Readonly<Record<string, string | string[] | undefined>>

const BODY_BYTES_MAX = 4096
const DAY_SECONDS = 86_400
const TTL_SECONDS_MAX = 28 * DAY_SECONDS

/** What a push service reads of a valid request. */
export type WebPushHeaders = {
  readonly ttlSeconds: number
  readonly urgency: string
  readonly topic: string | undefined
}

const refuse = (status: number, reason: string): WebPushRefusal => ({ status, reason })

/** The headers of RFC 8030, 5, and the body's size. */
export function readHeaders(headers: Headers, body: Buffer): WebPushHeaders | WebPushRefusal {
  const { ttl, urgency = 'normal', topic } = headers
  if (typeof ttl !== 'string' || !/^\d{1,10}$/.test(ttl)) return refuse(400, 'MissingTTL')
  const isUrgency = typeof urgency === 'string' && /^(very-low|low|normal|high)$/.test(urgency)
  if (!isUrgency) return refuse(400, 'InvalidUrgency')
  const isTopic = topic === undefined || /^[A-Za-z0-9_-]{1,32}$/.test(String(topic))
  if (!isTopic) return refuse(400, 'InvalidTopic')
  if (headers['content-encoding'] !== 'aes128gcm') return refuse(400, 'InvalidEncoding')
  if (body.length > BODY_BYTES_MAX) return refuse(413, 'PayloadTooLarge')
  return {
    ttlSeconds: Math.min(TTL_SECONDS_MAX, Number(ttl)),
    urgency,
    topic: topic === undefined ? undefined : String(topic),
  }
}

type Expectation = {
  /** The origin of the endpoint. */
  readonly origin: string
  /** The key that the browser subscribed under. */
  readonly vapidKey: string
  /** Apple requires a `sub`. */
  readonly needsSubject: boolean
  readonly nowSeconds: number
}

function keyOf(point: string) {
  const bytes = Buffer.from(point, 'base64url')
  const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)]
  const coordinates = { x: x.toString('base64url'), y: y.toString('base64url') }
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', ...coordinates }, format: 'jwk' })
}

function isSigned(token: string, point: string): boolean {
  const at = token.lastIndexOf('.')
  try {
    return verify(
      'sha256',
      Buffer.from(token.slice(0, at)),
      { key: keyOf(point), dsaEncoding: 'ieee-p1363' },
      Buffer.from(token.slice(at + 1), 'base64url'),
    )
  } catch {
    return false
  }
}

type Claims = { readonly aud?: unknown; readonly exp?: unknown; readonly sub?: unknown }

/** The sender's identification (RFC 8292): scheme, key, signature, audience, expiry, subject. */
export function readVapid(
  headers: Headers,
  { origin, vapidKey, needsSubject, nowSeconds }: Expectation,
): { readonly subject: string | undefined } | WebPushRefusal {
  const header = /^vapid t=([\w.-]+), ?k=([\w-]+)$/i.exec(headers.authorization?.toString() ?? '')
  const [, token = '', point = ''] = header ?? []
  if (!header) return refuse(401, 'MissingAuthorization')
  if (point !== vapidKey) return refuse(403, 'VapidKeyMismatch')
  if (!isSigned(token, point)) return refuse(403, 'BadJwtToken')
  const [head = '', payload = ''] = token.split('.')
  const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString())
  const { aud, exp, sub }: Claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  if (alg !== 'ES256' || aud !== origin) return refuse(403, 'BadJwtToken')
  const isInTime = typeof exp === 'number' && exp > nowSeconds && exp <= nowSeconds + DAY_SECONDS
  if (!isInTime) return refuse(403, 'BadJwtToken')
  const isSubject = typeof sub === 'string' && /^(mailto:[^\s<>]+@[^\s<>]+|https:\/\/)/.test(sub)
  if (!isSubject && (needsSubject || sub !== undefined)) return refuse(403, 'BadJwtToken')
  return { subject: isSubject ? sub : undefined }
}

function derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes))
}

/** Decrypts as a browser does (RFC 8188, RFC 8291); undefined for a body that it cannot read. */
export function decrypt({ pair, auth }: BrowserKeys, body: Buffer): string | undefined {
  try {
    const [salt, theirs, sealed] = [
      body.subarray(0, 16),
      body.subarray(21, 21 + (body[20] ?? 0)),
      body.subarray(21 + (body[20] ?? 0)),
    ]
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), theirs])
    const secret = derive(pair.computeSecret(theirs), auth, info, 32)
    const key = derive(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
    const nonce = derive(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
    const opening = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 })
    opening.setAuthTag(sealed.subarray(-16))
    const paddedText = Buffer.concat([opening.update(sealed.subarray(0, -16)), opening.final()])
    const end = paddedText.lastIndexOf(2)
    return paddedText.subarray(end + 1).every((byte) => byte === 0)
      ? paddedText.subarray(0, end).toString('utf8')
      : undefined
  } catch {
    return undefined
  }
}

// Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), the receiver's side, symmetric
// signatures (v1).

import type { CryptoKey } from 'jose'

/** Why a webhook is not trusted. */
export type WebhookRefusal =
  | 'headers_missing'
  | 'headers_malformed'
  | 'too_old'
  | 'too_new'
  | 'signature_invalid'
  | 'body_malformed'

/** A webhook that must not be trusted. Respond with 400. */
export class RefusedWebhook extends Error {
  override readonly name = 'RefusedWebhook'
  readonly code: WebhookRefusal

  constructor(code: WebhookRefusal, message: string) {
    super(message)
    this.code = code
  }
}

/** A webhook that the holder of the secret sent. */
export type VerifiedWebhook = {
  /**
   * The same for every delivery attempt: respond with 2xx to one that was handled already, and do
   * nothing.
   */
  readonly id: string
  /** When this attempt was made. */
  readonly sentAt: Date
  /** The body, parsed. */
  readonly payload: unknown
}

/** Headers as `fetch` has them, or as Node's `http` does. */
export type WebhookHeaders =
  | Headers
  | Readonly<Record<string, string | readonly string[] | undefined>>

const toleranceSeconds = 5 * 60
const signaturesMax = 16
const secretBytesMin = 24
const secretBytesMax = 64
const hmac = { name: 'HMAC', hash: 'SHA-256' } as const
const encoder = new TextEncoder()

/**
 * Accepts a webhook only when one of its signatures was made with one of the secrets over exactly
 * this body, at most five minutes from now. `body` is the raw body, before any parsing. While a
 * secret is rotated, give the old and the new one. Signatures are compared in constant time.
 * Rejects with RefusedWebhook, or with TypeError when a secret is malformed (`whsec_` and base64 of
 * 24 to 64 bytes).
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  { now = () => new Date() }: { readonly now?: () => Date } = {},
): Promise<VerifiedWebhook> {
  const keys = await Promise.all([secrets].flat().map(keyOf))
  if (keys.length === 0) throw new TypeError('give at least one secret')
  const [id, timestamp, signature] = (
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const
  ).map((name) => headerIn(headers, name)) as [string, string, string]
  const sentAt = checkTime(timestamp, now())
  const bytes = bytesOf(body)
  const signedContent = concat(encoder.encode(`${id}.${timestamp}.`), bytes)
  if (!(await isSigned(signedContent, signaturesIn(signature), keys))) {
    throw new RefusedWebhook(
      'signature_invalid',
      'No signature matches this body and these secrets.',
    )
  }
  return { id, sentAt, payload: parse(bytes) }
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)
    ? fromBase64(secret.slice('whsec_'.length))
    : undefined
  if (!bytes || bytes.length < secretBytesMin || bytes.length > secretBytesMax) {
    throw new TypeError('a secret is whsec_ and the base64 of 24 to 64 bytes')
  }
  return crypto.subtle.importKey('raw', bytes, hmac, false, ['verify'])
}

/**
 * A header that appears twice is refused like a missing one: other software may have checked the
 * other one.
 */
function headerIn(headers: WebhookHeaders, name: string): string {
  const values =
    headers instanceof Headers
      ? [headers.get(name) ?? undefined]
      : Object.entries(headers)
          .filter(([key]) => key.toLowerCase() === name)
          .flatMap(([, value]) => value)
  const [value, ...more] = values
  if (value === undefined || value === '' || more.length > 0) {
    throw new RefusedWebhook('headers_missing', `The header ${name} must appear exactly once.`)
  }
  return value
}

function checkTime(timestamp: string, now: Date): Date {
  if (!/^\d{1,11}$/.test(timestamp)) {
    throw new RefusedWebhook(
      'headers_malformed',
      'webhook-timestamp must be seconds since the epoch.',
    )
  }
  const ageSeconds = now.getTime() / 1000 - Number(timestamp)
  if (ageSeconds > toleranceSeconds) throw new RefusedWebhook('too_old', 'The webhook is old.')
  if (ageSeconds < -toleranceSeconds) {
    throw new RefusedWebhook('too_new', 'The webhook is from the future: check the clocks.')
  }
  return new Date(Number(timestamp) * 1000)
}

/** Other versions (`v1a`) are not supported. */
function signaturesIn(header: string): readonly Uint8Array<ArrayBuffer>[] {
  return header
    .split(' ')
    .slice(0, signaturesMax)
    .flatMap((part) => (part.startsWith('v1,') ? (fromBase64(part.slice(3)) ?? []) : []))
}

/** WebCrypto compares in constant time. */
async function isSigned(
  content: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array<ArrayBuffer>[],
  keys: readonly CryptoKey[],
): Promise<boolean> {
  for (const key of keys) {
    for (const signature of signatures) {
      if (await crypto.subtle.verify(hmac, key, signature, content)) return true
    }
  }
  return false
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return encoder.encode(body)
  if (body instanceof Uint8Array) return body
  throw new TypeError(
    'give the raw body: one that was parsed and serialized again is a different text',
  )
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new RefusedWebhook('body_malformed', 'The body is not JSON.')
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

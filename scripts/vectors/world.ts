// The users, keys and times of the test vectors. Nothing here is secret: the keys are for tests
// alone.

import { createECDH, createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'

/** The service's time at which every vector is verified. */
export const time = new Date('2027-01-01T00:00:30.000Z')
export const iat = time.getTime() / 1000

export const origin = 'https://push.example.com'
export const tenantId = 'tnt_01kzw5qv8heg4tt2f8xj1c7m9a'
export const relyingPartyId = 'rp_01kzw5qv8heg4tt2f8xj1c7m9b'
export const userId = 'usr_01kzw5qv8heg4tt2f8xj1c7m9c'
export const deviceId = 'dev_01kzw5qv8heg4tt2f8xj1c7m9d'
export const challengeId = 'chl_01kzw5qv8heg4tt2f8xj1c7m9e'
export const other = '01kzw5qv8heg4tt2f8xj1c7m9z'
export const issuer = `${origin}/t/${tenantId}`

/**
 * The expected outcome of a vector: accepted, or the code (and claim) that names the first fault.
 */
export type Expected =
  | { readonly ok: true; readonly [fact: string]: unknown }
  | { readonly refused: string; readonly claim?: string; readonly [fact: string]: unknown }

export const ok = { ok: true } as const

export function refusal(code: string, claim?: string): Expected {
  return claim === undefined ? { refused: code } : { refused: code, claim }
}

type Json = Readonly<Record<string, unknown>>

export function base64url(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64url')
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

export type TestKey = {
  readonly privateKey: KeyObject
  readonly jwk: {
    readonly kty: 'EC'
    readonly crv: 'P-256'
    readonly x: string
    readonly y: string
  }
  readonly d: string
  readonly kid: string
}

/** A key that can be derived again from its name. */
function keyNamed(name: string): TestKey {
  const secret = createHash('sha256').update(`countersign test vectors: ${name}`).digest()
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(secret)
  const point = ecdh.getPublicKey()
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: base64url(point.subarray(1, 33)),
    y: base64url(point.subarray(33)),
  } as const
  const d = base64url(secret)
  // RFC 7638: required members only, in lexicographic order, no spaces.
  const kid = sha256(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
  const privateKey = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' })
  return { privateKey, jwk, d, kid }
}

export const keys = {
  possession: keyNamed('possession'),
  verification: keyNamed('verification'),
  service1: keyNamed('service1'),
  service2: keyNamed('service2'),
  stranger: keyNamed('stranger'),
  replacement: keyNamed('replacement'),
  passkey: keyNamed('passkey'),
}

/** The 64 bytes r || s over exactly this input. */
export function signature({ privateKey }: TestKey, input: string): Buffer {
  return sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

/** Signs exactly these texts. */
export function signTexts(key: TestKey, header: string, payload: string): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${base64url(signature(key, input))}`
}

/** Signs this header and payload; members that are undefined are left out. */
export function signJson(key: TestKey, header: Json, payload: Json): string {
  return signTexts(key, JSON.stringify(header), JSON.stringify(payload))
}

/** The required header of a text of this kind. */
export function headerOf(typ: string, { kid }: Pick<TestKey, 'kid'>) {
  return { alg: 'ES256', typ, kid }
}

/** The same bytes in another encoding: the last character's unused bits set. */
export function withTailBits(segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.slice(-1)) + 1]
}

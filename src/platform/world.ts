import type { Assertion, UnverifiedAssertion } from '../domain/assertion.ts'
import type { PublicJwk } from '../domain/device.ts'
import type { UnverifiedJws } from '../domain/device-proof.ts'
import type { Id, IdKind, TenantId } from '../domain/ids.ts'

/**
 * The database's time, as this process estimates it: the same in all processes, whatever their
 * machines' clocks say. Decisions about a challenge use the database's own time. Durations are
 * measured with `performance.now()`.
 */
export interface Clock {
  now(): Date
}

/** The only source of randomness. */
export interface Random {
  id<K extends IdKind>(kind: K): Id<K>
  /** `length` random bytes as base64url. */
  token(length: number): string
  /** Uniform decimal digits, leading zeros kept. */
  digits(length: number): string
  /** Uniform characters of an alphabet whose length divides 256. */
  characters(alphabet: string, length: number): string
}

/** One-way functions and comparison in constant time. */
export interface Hashing {
  /** SHA-256. */
  sha256(text: string | Uint8Array): Uint8Array
  sha256Base64Url(text: string | Uint8Array): string
  /** HMAC-SHA-256 under a key of the installation, for secrets too short for a plain hash. */
  hmac(text: string): Uint8Array
  /** The same as base64url. */
  hmacBase64Url(text: string): string
  equal(a: string | Uint8Array, b: string | Uint8Array): boolean
  /** SHA-512 in lower-case hex, as clients of the Auth API send it. */
  sha512Hex(text: string | Uint8Array): string
  /** HMAC in lower-case hex, under the secret of such a client. */
  hmacHex(algorithm: 'sha1' | 'sha512', key: string, text: string): string
}

/** Internet addresses and ranges of them (CIDR, RFC 4632). */
export interface Addresses {
  /** True for an address or range in its plain spelling. */
  isRange(text: string): boolean
  /** True when the address lies in one of the ranges; false for what is no address. */
  isWithin(address: string, ranges: readonly string[]): boolean
}

/** MACs that prove that this installation wrote a row, under a key that is not in the database. */
export interface Macs {
  mac(text: string): Uint8Array
  /**
   * True for the MAC of this text under the current or a previous master key; compared in constant
   * time.
   */
  fits(text: string, mac: Uint8Array): boolean
}

/**
 * Authenticated encryption under the installation's master key; `binding` names the row, so that a
 * sealed value cannot be moved.
 */
export interface Sealing {
  seal(text: string, binding: string): Uint8Array
  /** Throws when the value was tampered with, moved, or sealed under another master key. */
  open(sealedText: Uint8Array, binding: string): string
}

/** A tenant's signing key as stored. */
export type SigningKey = {
  readonly tenantId: TenantId
  readonly kid: string
  readonly privateSealed: Uint8Array
}

/** A fresh ES256 key pair for a tenant. */
export type NewSigningKey = {
  readonly kid: string
  readonly publicJwk: PublicJwk
  readonly privateSealed: Uint8Array
}

/** Assertions of passkeys, ES256 only (Web Authentication Level 3). */
interface Assertions {
  /**
   * The assertion in a header: base64url of a JSON object of exactly its four texts, at most
   * `assertionBytesMax` long; undefined for anything else.
   */
  decodeAssertion(header: string): Assertion | undefined
  /** Its parts; undefined unless each is in canonical base64url, and the client data JSON. */
  readAssertion(assertion: Assertion): UnverifiedAssertion | undefined
  verifyAssertion(assertion: UnverifiedAssertion, key: PublicJwk): boolean
}

/** JSON Web Signatures, ES256 only (RFC 7515, RFC 8725), and assertions by such keys. */
export interface Signatures extends Assertions {
  /**
   * Parses a compact JWS; undefined unless it is at most `bytesMax` long, has the strict spelling
   * (`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$`), and holds JSON objects without
   * repeated members.
   */
  read(text: string, bytesMax: number): UnverifiedJws | undefined
  verify(jws: UnverifiedJws, key: PublicJwk): Promise<boolean>
  /** The RFC 7638 thumbprint of a key, or undefined when it is no valid P-256 public key. */
  thumbprint(key: PublicJwk): Promise<string | undefined>
  /** base64url SHA-256 of the signing input that this header and payload will have. */
  signedHash(header: string, payload: string): string
  /** Signs exactly this header and payload. */
  sign(key: SigningKey, header: string, payload: string): Promise<string>
  createKey(tenantId: TenantId): Promise<NewSigningKey>
}

/** Time-based one-time passwords (RFC 6238), HMAC-SHA-256. */
export interface OneTimePasswords {
  /** A new random secret in base32 (RFC 4648), without padding. */
  createSecret(): string
  /** The code of a time step: the Unix time divided by the period. */
  at(secret: string, digits: number, step: number): string
}

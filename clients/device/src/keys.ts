import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose'
import type { Passkey } from './passkey.ts'

const algorithm = 'ES256'

/** A P-256 public key. */
export type PublicJwk = {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** What a key is for: `possession` signs without a prompt, `verification` with one on each use. */
export type KeyRole = 'possession' | 'verification'

/** One of a device's own keys; `kid` is its RFC 7638 thumbprint. */
export type DeviceKey = {
  readonly kid: string
  readonly publicJwk: PublicJwk
  readonly privateKey: CryptoKey
}

/**
 * A device's keys. The possession key signs without a prompt; the app asks for biometrics or PIN
 * before each use of the verification key. IndexedDB can hold them as they are, non-extractable.
 */
export type DeviceKeys = {
  readonly possession: DeviceKey
  readonly verification: DeviceKey | null
  /** Of a browser, in the place of the verification key. */
  readonly passkey?: Passkey
}

/** Keys as JSON, private parts included. */
export type ExportedDeviceKeys = {
  readonly possession: JWK
  readonly verification: JWK | null
  readonly passkey?: Passkey
}

/**
 * Creates the keys of a new device. Extractable only for a store that cannot hold a CryptoKey, such
 * as a file.
 */
export async function createDeviceKeys({
  verification,
  extractable = false,
}: {
  readonly verification: boolean
  readonly extractable?: boolean
}): Promise<DeviceKeys> {
  return {
    possession: await createDeviceKey({ extractable }),
    verification: verification ? await createDeviceKey({ extractable }) : null,
  }
}

/** The keys as JSON. Throws unless they were created extractable. */
export async function exportDeviceKeys(keys: DeviceKeys): Promise<ExportedDeviceKeys> {
  return {
    possession: await exportJWK(keys.possession.privateKey),
    verification: keys.verification && (await exportJWK(keys.verification.privateKey)),
    ...(keys.passkey && { passkey: keys.passkey }),
  }
}

/** The keys from JSON, non-extractable by default. Throws when they are not P-256 private keys. */
export async function importDeviceKeys(
  exportedKeys: ExportedDeviceKeys,
  { extractable = false }: { readonly extractable?: boolean } = {},
): Promise<DeviceKeys> {
  return {
    possession: await importKey(exportedKeys.possession, extractable),
    verification:
      exportedKeys.verification && (await importKey(exportedKeys.verification, extractable)),
    ...(exportedKeys.passkey && { passkey: exportedKeys.passkey }),
  }
}

/** Creates one key, to take the place of another (`DeviceClient.rotateKey`). */
export async function createDeviceKey({
  extractable = false,
}: {
  readonly extractable?: boolean
} = {}): Promise<DeviceKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable })
  return withThumbprint(privateKey, await exportJWK(publicKey))
}

async function importKey(jwk: JWK, extractable: boolean): Promise<DeviceKey> {
  const privateKey = await importJWK(jwk, algorithm, { extractable })
  if (!('type' in privateKey) || privateKey.type !== 'private') {
    throw new Error('a device key must be a P-256 private key as a JWK')
  }
  return withThumbprint(privateKey, jwk)
}

async function withThumbprint(privateKey: CryptoKey, jwk: JWK): Promise<DeviceKey> {
  const { kty, crv, x, y } = jwk
  const publicJwk = { kty, crv, x, y } as PublicJwk
  return { kid: await calculateJwkThumbprint(publicJwk), publicJwk, privateKey }
}

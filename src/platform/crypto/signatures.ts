import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import type { PublicJwk } from '../../domain/device.ts'
import type { UnverifiedJws } from '../../domain/device-proof.ts'
import type { TenantId } from '../../domain/ids.ts'
import type { Sealing, Signatures, SigningKey } from '../world.ts'
import { buildAssertions } from './assertions.ts'
import { KeyCache } from './key-cache.ts'
import { readJsonObject } from './strict-json.ts'

const algorithm = 'ES256'
const digest = 'sha256'
/** R and S one after the other, 32 bytes each (RFC 7518, section 3.4). */
const dsaEncoding = 'ieee-p1363'
const rememberedKeysMax = 10_000

const compact = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/
const coordinate = /^[A-Za-z0-9_-]{43}$/

/**
 * The bytes, or undefined when the text is not their one canonical base64url (RFC 4648, 3.5: tail
 * bits are zero).
 */
function decodeCanonical(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function read(text: string, bytesMax: number): UnverifiedJws | undefined {
  if (text.length > bytesMax || !compact.test(text)) return undefined
  const [headerText = '', payloadText = '', signatureText = ''] = text.split('.')
  const headerBytes = decodeCanonical(headerText)
  const payloadBytes = decodeCanonical(payloadText)
  if (!headerBytes || !payloadBytes || !decodeCanonical(signatureText)) return undefined
  const header = readJsonObject(headerBytes)
  const payload = readJsonObject(payloadBytes)
  if (!header || !payload) return undefined
  return { text, header, payload, signedHash: hash(`${headerText}.${payloadText}`) }
}

/**
 * A public key of P-256 with both coordinates in canonical form; undefined when the point is not on
 * the curve.
 */
function importPublic({ kty, crv, x, y }: PublicJwk): KeyObject | undefined {
  if (kty !== 'EC' || crv !== 'P-256' || !isCoordinate(x) || !isCoordinate(y)) return undefined
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
  } catch {
    return undefined
  }
}

function isCoordinate(text: unknown): text is string {
  return typeof text === 'string' && coordinate.test(text) && decodeCanonical(text) !== undefined
}

function signingKeyBinding(tenantId: TenantId, kid: string): string {
  return `signing-key:${tenantId}:${kid}`
}

/**
 * ES256 by Node's one-shot operations, on the thread that asks: handing one to another thread and
 * back, as WebCrypto does, costs about as much as the operation (decision 37). jose's own verify
 * and sign parse and serialise the header again, and what is signed here must be the given text
 * byte for byte (`rqh` covers it).
 *
 * The algorithm is always ES256, independent of the header; that the header says so as well is
 * checked by the reader (domain/claims.ts). A signature (r, n-s) verifies where (r, s) does
 * (malleability): a token's text is not used as an identifier.
 */
export function buildSignatures(sealing: Sealing): Signatures {
  const publicKeys = new KeyCache(rememberedKeysMax)
  const privateKeys = new KeyCache(rememberedKeysMax)

  function publicKey(jwk: PublicJwk): KeyObject | undefined {
    const name = `${jwk.x}.${jwk.y}`
    const cachedKey = publicKeys.get(name)
    if (cachedKey) return cachedKey
    const key = importPublic(jwk)
    if (key) publicKeys.set(name, key)
    return key
  }

  async function privateKey({ tenantId, kid, privateSealed }: SigningKey): Promise<KeyObject> {
    const name = signingKeyBinding(tenantId, kid)
    const cachedKey = privateKeys.get(name)
    if (cachedKey) return cachedKey
    const jwk = JSON.parse(sealing.open(privateSealed, name)) as JWK & JsonWebKey
    if ((await calculateJwkThumbprint(jwk)) !== kid) {
      throw new Error(`the value sealed as signing key ${kid} is another key`)
    }
    const key = createPrivateKey({ key: jwk, format: 'jwk' })
    privateKeys.set(name, key)
    return key
  }

  return {
    ...buildAssertions(publicKey),
    read,
    async verify({ text }, jwk) {
      const key = publicKey(jwk)
      if (!key) return false
      const dot = text.lastIndexOf('.')
      const signature = Buffer.from(text.slice(dot + 1), 'base64url')
      return verify(digest, Buffer.from(text.slice(0, dot)), { key, dsaEncoding }, signature)
    },
    async thumbprint(jwk) {
      const { kty, crv, x, y } = jwk
      return importPublic(jwk) && calculateJwkThumbprint({ kty, crv, x, y })
    },
    signedHash: (header, payload) => hash(signingInput(header, payload)),
    async sign(key, header, payload) {
      const input = signingInput(header, payload)
      const own = { key: await privateKey(key), dsaEncoding } as const
      return `${input}.${sign(digest, Buffer.from(input), own).toString('base64url')}`
    },
    async createKey(tenantId) {
      const pair = await generateKeyPair(algorithm, { extractable: true })
      const { kty, crv, x, y, d } = await exportJWK(pair.privateKey)
      const publicJwk = { kty, crv, x, y } as PublicJwk
      const kid = await calculateJwkThumbprint(publicJwk)
      const privateSealed = sealing.seal(
        JSON.stringify({ ...publicJwk, d }),
        signingKeyBinding(tenantId, kid),
      )
      return { kid, publicJwk, privateSealed }
    },
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function signingInput(header: string, payload: string): string {
  return `${encode(header)}.${encode(payload)}`
}

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { Sealing } from '../world.ts'

// A sealed value: version (1), key id (4), nonce (12), ciphertext, tag (16).
const version = 1
const keyIdBytes = 4
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + keyIdBytes + nonceBytes
const masterKeyBytes = 32
const cipher = 'aes-256-gcm'

/** Throws unless the key is 32 bytes, with what to do about it. */
export function assertMasterKey(key: Uint8Array): void {
  if (key.length === masterKeyBytes) return
  throw new Error(
    `a master key is ${masterKeyBytes} random bytes, not ${key.length}; ` +
      'make one with: openssl rand -base64 32',
  )
}

/** The current master key, and previous ones, which still open what they sealed. */
export type MasterKeys = { readonly current: Uint8Array; readonly previous?: readonly Uint8Array[] }

/**
 * Derived from a master key: the id that sealed values carry, and the key from which the keys of
 * bindings are derived (HKDF, RFC 5869).
 */
type DerivedKey = { readonly id: string; readonly key: KeyObject }

function derive(masterKey: Uint8Array): DerivedKey {
  assertMasterKey(masterKey)
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', `countersign/seal/${version}`, 32))
  const id = createHash('sha256')
    .update(masterKey)
    .digest('hex')
    .slice(0, keyIdBytes * 2)
  return { id, key: createSecretKey(key) }
}

/**
 * The key of one binding. Under a single key random nonces would be used up after 2^32 values (NIST
 * SP 800-38D, 8.3), which an installation that seals a number per challenge could reach.
 * Deliberate: a KeyObject; Node's ciphers take four times as long when the same key is passed as
 * bytes.
 */
function keyOfBinding({ key }: DerivedKey, binding: string): KeyObject {
  return createSecretKey(createHmac('sha256', key).update(binding).digest())
}

function seal(key: DerivedKey, text: string, binding: string): Uint8Array {
  const mark = Buffer.concat([Buffer.of(version), Buffer.from(key.id, 'hex')])
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, keyOfBinding(key, binding), nonce)
  sealing.setAAD(Buffer.concat([mark, Buffer.from(binding)]))
  const ciphertext = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()])
  return Buffer.concat([mark, nonce, ciphertext, sealing.getAuthTag()])
}

function open(
  keys: ReadonlyMap<string, DerivedKey>,
  sealedValue: Uint8Array,
  binding: string,
): string {
  const bytes = Buffer.from(sealedValue.buffer, sealedValue.byteOffset, sealedValue.byteLength)
  if (bytes.length < headBytes + tagBytes || bytes[0] !== version) {
    throw new Error(`the sealed value of ${binding} is damaged`)
  }
  const mark = bytes.subarray(0, 1 + keyIdBytes)
  const key = keys.get(mark.toString('hex', 1))
  if (!key) {
    throw new Error(
      `the sealed value of ${binding} needs another master key: ` +
        'give the one it was sealed under as a previous key',
    )
  }
  const nonce = bytes.subarray(mark.length, headBytes)
  const opening = createDecipheriv(cipher, keyOfBinding(key, binding), nonce, {
    authTagLength: tagBytes,
  })
  opening.setAAD(Buffer.concat([mark, Buffer.from(binding)]))
  opening.setAuthTag(bytes.subarray(-tagBytes))
  try {
    const text = opening.update(bytes.subarray(headBytes, -tagBytes))
    return Buffer.concat([text, opening.final()]).toString('utf8')
  } catch (cause) {
    throw new Error(`the sealed value of ${binding} was changed or moved from another row`, {
      cause,
    })
  }
}

/**
 * AES-256-GCM. A value carries the id of its master key, so that it can be rotated while the
 * previous ones still open what they sealed. Throws unless every key is 32 bytes.
 */
export function buildSealing({ current, previous = [] }: MasterKeys): Sealing {
  const sealingKey = derive(current)
  const keys = new Map([sealingKey, ...previous.map(derive)].map((key) => [key.id, key]))
  return {
    seal: (text, binding) => seal(sealingKey, text, binding),
    open: (sealedValue, binding) => open(keys, sealedValue, binding),
  }
}

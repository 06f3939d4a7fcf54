import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Hashing } from '../world.ts'
import { assertMasterKey } from './sealing.ts'

const keyedInfo = 'countersign/keyed-hash/1'

function sha256(text: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(text).digest()
}

/**
 * Hashes under the installation's master key. The HMAC key is derived (HKDF, RFC 5869), so that no
 * hash reveals anything about sealed values. With another master key keyed hashes no longer match:
 * only typed enrollment codes are affected, which live ten minutes. Throws unless the key is 32
 * bytes.
 */
export function buildHashing(masterKey: Uint8Array): Hashing {
  assertMasterKey(masterKey)
  const hmacKey = Buffer.from(hkdfSync('sha256', masterKey, '', keyedInfo, 32))
  return {
    sha256,
    sha256Base64Url: (text) => createHash('sha256').update(text).digest('base64url'),
    hmacBase64Url: (text) => createHmac('sha256', hmacKey).update(text).digest('base64url'),
    hmac: (text) => createHmac('sha256', hmacKey).update(text).digest(),
    equal(a, b) {
      const first = Buffer.from(a)
      const second = Buffer.from(b)
      // Lengths are not secret: hashes have a fixed one, and a number's digits are shown to
      // everybody.
      return first.length === second.length && timingSafeEqual(first, second)
    },
    sha512Hex: (text) => createHash('sha512').update(text).digest('hex'),
    hmacHex: (algorithm, key, text) => createHmac(algorithm, key).update(text).digest('hex'),
  }
}

import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Macs } from '../world.ts'
import { assertMasterKey, type MasterKeys } from './sealing.ts'

const info = 'countersign/mac/1'

function derive(masterKey: Uint8Array): KeyObject {
  assertMasterKey(masterKey)
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, '', info, 32)))
}

/**
 * HMAC-SHA-256 (RFC 2104) under a key derived from the master key (HKDF, RFC 5869). A MAC under a
 * previous master key stays valid, because rows are never rewritten. Throws unless every key is 32
 * bytes.
 */
export function buildMacs({ current, previous = [] }: MasterKeys): Macs {
  const key = derive(current)
  const keys = [key, ...previous.map(derive)]
  const macOf = (under: KeyObject, text: string) =>
    createHmac('sha256', under).update(text).digest()
  return {
    mac: (text) => macOf(key, text),
    fits(text, mac) {
      return keys.some((under) => {
        const own = macOf(under, text)
        return own.length === mac.length && timingSafeEqual(own, mac)
      })
    },
  }
}

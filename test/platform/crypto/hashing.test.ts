import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { buildHashing } from '../../../src/platform/crypto/hashing.ts'

const masterKey = Buffer.alloc(32, 3)
const hashing = buildHashing(masterKey)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('hashing', () => {
  test('SHA-256 of text and of the same bytes agree with FIPS 180-4', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(hex(hashing.sha256('abc'))).toBe(abc)
    expect(hex(hashing.sha256(new TextEncoder().encode('abc')))).toBe(abc)
    expect(hashing.sha256Base64Url('abc')).toBe(Buffer.from(abc, 'hex').toString('base64url'))
  })

  test('a keyed hash is the same in every process of one installation, and differs in another', () => {
    const message = 'typed-code:tnt_a:0123456789'
    expect(hashing.hmac(message)).toHaveLength(32)
    expect(buildHashing(masterKey).hmac(message)).toEqual(hashing.hmac(message))
    expect(buildHashing(Buffer.alloc(32, 4)).hmac(message)).not.toEqual(hashing.hmac(message))
  })

  test('the master key itself is not the key of keyed hashes', () => {
    const direct = createHmac('sha256', masterKey).update('x').digest()
    expect(hashing.hmac('x')).not.toEqual(direct)
  })

  test('equal compares contents, whatever their type, and never throws over lengths', () => {
    expect(hashing.equal('483920', '483920')).toBe(true)
    expect(hashing.equal('483920', new TextEncoder().encode('483920'))).toBe(true)
    expect(hashing.equal('483920', '483921')).toBe(false)
    expect(hashing.equal('483920', '48392')).toBe(false)
    expect(hashing.equal('', '')).toBe(true)
    expect(hashing.equal(hashing.sha256('a'), hashing.sha256('b'))).toBe(false)
  })

  test('a master key that is not 32 bytes is refused', () => {
    expect(() => buildHashing(Buffer.alloc(31))).toThrow('32 random bytes')
  })
})

import { describe, expect, test } from 'vitest'
import { buildSealing } from '../../src/outbound/sealing.ts'

const old = Buffer.alloc(32, 1)
const current = Buffer.alloc(32, 2)
const sealing = buildSealing({ current })
const binding = 'number:tnt_a:chl_b'

describe('sealing', () => {
  test.each(['483920', '', 'é 漢字 \u0000', 'x'.repeat(10_000)])(
    'what was sealed opens: %j',
    (text) => {
      expect(sealing.open(sealing.seal(text, binding), binding)).toBe(text)
    },
  )

  test('the same text sealed twice shows nothing in common, and nothing of itself', () => {
    const [one, two] = [sealing.seal('483920', binding), sealing.seal('483920', binding)].map(
      (sealed) => Buffer.from(sealed),
    )
    expect(one?.subarray(5)).not.toEqual(two?.subarray(5))
    expect(one?.toString('latin1')).not.toContain('483920')
  })

  test('a value moved to another row does not open', () => {
    const sealed = sealing.seal('483920', binding)
    expect(() => sealing.open(sealed, 'number:tnt_a:chl_c')).toThrow('moved from another row')
  })

  test('every single flipped bit is noticed', () => {
    const sealed = Buffer.from(sealing.seal('483920', binding))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const broken = Buffer.from(sealed)
      broken.writeUInt8(broken.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(() => sealing.open(broken, binding), `bit ${bit}`).toThrow()
    }
  })

  test('no shortened value opens', () => {
    const sealed = sealing.seal('483920', binding)
    for (let length = 0; length < sealed.length; length++) {
      expect(() => sealing.open(sealed.subarray(0, length), binding), `${length} bytes`).toThrow()
    }
  })

  test('after a change of the master key, old values open and new ones are sealed under the new key alone', () => {
    const sealedBefore = buildSealing({ current: old }).seal('before', binding)
    const rotated = buildSealing({ current, previous: [old] })
    expect(rotated.open(sealedBefore, binding)).toBe('before')
    expect(sealing.open(rotated.seal('after', binding), binding)).toBe('after')
  })

  test('a value under a key that is not there says which key is missing, not what it holds', () => {
    const sealed = buildSealing({ current: old }).seal('483920', binding)
    expect(() => sealing.open(sealed, binding)).toThrow('as a previous key')
  })

  test('a value opens also as a view into a larger buffer, as a database driver gives it', () => {
    const sealed = sealing.seal('483920', binding)
    const larger = new Uint8Array(sealed.length + 20)
    larger.set(sealed, 7)
    expect(sealing.open(larger.subarray(7, 7 + sealed.length), binding)).toBe('483920')
  })

  test.each([0, 16, 31, 33, 64])('a master key of %i bytes is refused', (length) => {
    expect(() => buildSealing({ current: Buffer.alloc(length) })).toThrow('32 random bytes')
    expect(() => buildSealing({ current, previous: [Buffer.alloc(length)] })).toThrow()
  })
})

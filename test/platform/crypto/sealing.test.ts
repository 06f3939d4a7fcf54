import { describe, expect, test } from 'vitest'
import { buildSealing } from '../../../src/platform/crypto/sealing.ts'

const old = Buffer.alloc(32, 1)
const current = Buffer.alloc(32, 2)
const sealing = buildSealing({ current })
const binding = 'number:tnt_a:chl_b'

describe('sealing', () => {
  test.each(['483920', '', 'é 漢字 \u0000', 'x'.repeat(10_000)])(
    'a sealed text opens: %j',
    (text) => {
      expect(sealing.open(sealing.seal(text, binding), binding)).toBe(text)
    },
  )

  test('the same text sealed twice has nothing in common, and shows nothing of itself', () => {
    const [one, two] = [sealing.seal('483920', binding), sealing.seal('483920', binding)].map(
      (value) => Buffer.from(value),
    )
    expect(one?.subarray(5)).not.toEqual(two?.subarray(5))
    expect(one?.toString('latin1')).not.toContain('483920')
  })

  test('a value moved to another row does not open', () => {
    const sealedValue = sealing.seal('483920', binding)
    expect(() => sealing.open(sealedValue, 'number:tnt_a:chl_c')).toThrow('moved from another row')
  })

  test('every single flipped bit is detected', () => {
    const sealedValue = Buffer.from(sealing.seal('483920', binding))
    for (let bit = 0; bit < sealedValue.length * 8; bit++) {
      const brokenValue = Buffer.from(sealedValue)
      brokenValue.writeUInt8(brokenValue.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(() => sealing.open(brokenValue, binding), `bit ${bit}`).toThrow()
    }
  })

  test('no shortened value opens', () => {
    const sealedValue = sealing.seal('483920', binding)
    for (let length = 0; length < sealedValue.length; length++) {
      expect(
        () => sealing.open(sealedValue.subarray(0, length), binding),
        `${length} bytes`,
      ).toThrow()
    }
  })

  test('after a change of master key, old values open and new ones are sealed under the new key only', () => {
    const sealedBefore = buildSealing({ current: old }).seal('before', binding)
    const rotatedSealing = buildSealing({ current, previous: [old] })
    expect(rotatedSealing.open(sealedBefore, binding)).toBe('before')
    expect(sealing.open(rotatedSealing.seal('after', binding), binding)).toBe('after')
  })

  test('a value under an unavailable key names the missing key, not its content', () => {
    const sealedValue = buildSealing({ current: old }).seal('483920', binding)
    expect(() => sealing.open(sealedValue, binding)).toThrow('as a previous key')
  })

  test('a value opens also as a view into a larger buffer, as a database driver returns it', () => {
    const sealedValue = sealing.seal('483920', binding)
    const larger = new Uint8Array(sealedValue.length + 20)
    larger.set(sealedValue, 7)
    expect(sealing.open(larger.subarray(7, 7 + sealedValue.length), binding)).toBe('483920')
  })

  test.each([0, 16, 31, 33, 64])('a master key of %i bytes is refused', (length) => {
    expect(() => buildSealing({ current: Buffer.alloc(length) })).toThrow('32 random bytes')
    expect(() => buildSealing({ current, previous: [Buffer.alloc(length)] })).toThrow()
  })
})

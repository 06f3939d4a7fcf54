import { describe, expect, test } from 'vitest'
import { typedCodeAlphabet } from '../../../src/domain/enrollment.ts'
import { type IdKind, idPrefixes, isId } from '../../../src/domain/ids.ts'
import { systemRandom } from '../../../src/platform/crypto/random.ts'

/**
 * Chi-squared over the counts; the bound is exceeded by chance less than once in 10^9 runs (Wilson
 * and Hilferty's approximation, z = 6).
 */
function isUniform(counts: readonly number[]): boolean {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const expectedCount = total / counts.length
  const chi = counts.reduce((sum, count) => sum + (count - expectedCount) ** 2 / expectedCount, 0)
  const k = counts.length - 1
  return chi < k * (1 - 2 / (9 * k) + 6 * Math.sqrt(2 / (9 * k))) ** 3
}

function countEach(alphabet: string, texts: readonly string[]): number[] {
  const counts = new Map(Array.from(alphabet, (character) => [character, 0]))
  for (const character of texts.join('')) counts.set(character, (counts.get(character) ?? 0) + 1)
  expect([...counts.keys()].join('')).toBe(alphabet)
  return [...counts.values()]
}

describe('ids', () => {
  test('are well-formed for every kind', () => {
    for (const kind of Object.keys(idPrefixes) as IdKind[]) {
      expect(isId(kind, systemRandom.id(kind)), kind).toBe(true)
    }
  })

  test('never repeat, and ascend in the order of their creation', () => {
    const ids = Array.from({ length: 10_000 }, () => systemRandom.id('challenge'))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(ids.toSorted())
  })
})

describe('tokens', () => {
  test.each([1, 16, 32])('%i bytes come as canonical base64url', (length) => {
    const token = systemRandom.token(length)
    const bytes = Buffer.from(token, 'base64url')
    expect(bytes).toHaveLength(length)
    expect(bytes.toString('base64url')).toBe(token)
  })

  test('never repeat', () => {
    const tokens = Array.from({ length: 10_000 }, () => systemRandom.token(16))
    expect(new Set(tokens).size).toBe(tokens.length)
  })
})

describe('digits', () => {
  test.each([1, 2, 6, 8, 14])('%i digits are exactly that many, leading zeros kept', (length) => {
    const pattern = new RegExp(`^[0-9]{${length}}$`)
    for (let i = 0; i < 1000; i++) expect(systemRandom.digits(length)).toMatch(pattern)
  })

  test('every digit is as likely as any other, over all and at every place', () => {
    const numbers = Array.from({ length: 60_000 }, () => systemRandom.digits(6))
    expect(isUniform(countEach('0123456789', numbers))).toBe(true)
    for (let place = 0; place < 6; place++) {
      const digits = numbers.map((number) => number.charAt(place))
      expect(isUniform(countEach('0123456789', digits))).toBe(true)
    }
  })

  test.each([0, -1, 15, Number.NaN])('%f digits are refused', (length) => {
    expect(() => systemRandom.digits(length)).toThrow(RangeError)
  })
})

describe('characters', () => {
  test('every character of the alphabet is as likely as any other', () => {
    const codes = Array.from({ length: 10_000 }, () =>
      systemRandom.characters(typedCodeAlphabet, 10),
    )
    expect(codes.every((code) => code.length === 10)).toBe(true)
    expect(isUniform(countEach(typedCodeAlphabet, codes))).toBe(true)
  })

  test.each(['', 'abc', '0123456789'])(
    'an alphabet that would favor some is refused: %j',
    (alphabet) => {
      expect(() => systemRandom.characters(alphabet, 10)).toThrow(RangeError)
    },
  )

  test('this measure detects even the bias of a byte taken modulo ten', () => {
    const draws = 360_000
    const counts = Array.from({ length: 10 }, (_, digit) => (draws * (digit < 6 ? 26 : 25)) / 256)
    expect(isUniform(counts)).toBe(false)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainTypedText as plainOnDevice } from '../../clients/device/src/typed-text.ts'
import { plainTypedText, withAsciiDigits } from '../../src/domain/typed-text.ts'
import { repetitions } from '../support/endurance.ts'

/** Ten digits of each script that the runtime can write numbers in. */
const digitsOf = Intl.supportedValuesOf('numberingSystem').flatMap((system) => {
  const { format } = new Intl.NumberFormat('en', { numberingSystem: system, useGrouping: false })
  const digits = Array.from({ length: 10 }, (_, value) => format(value))
  return digits.every((digit) => /^\p{Nd}$/u.test(digit)) ? [digits] : []
})

/** Every decimal digit of Unicode. */
const every: string[] = []
for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
  const character = String.fromCodePoint(codePoint)
  if (/^\p{Nd}$/u.test(character)) every.push(character)
}

describe('digits', () => {
  test('of every script are read by their value', () => {
    expect(digitsOf.length).toBeGreaterThan(50)
    for (const digits of digitsOf) expect(withAsciiDigits(digits.join(''))).toBe('0123456789')
  })

  test('are all read, each as one digit, in runs of ten', () => {
    expect(every.length).toBeGreaterThan(600)
    expect(every.length % 10).toBe(0)
    for (let at = 0; at < every.length; at += 10) {
      expect(withAsciiDigits(every.slice(at, at + 10).join(''))).toBe('0123456789')
    }
  })

  test.each(['½', '²', '①', '五', 'Ⅷ', 'x', ''])(
    'are not characters that only mean a number: %j',
    (text) => {
      expect(withAsciiDigits(text)).toBe(text)
    },
  )
})

describe('a typed text', () => {
  test.each([
    ['spaces', '483 920', '483\u00a0920', '483\u2009920', ' 483\u3000920\n', '483\t920'],
    ['dashes', '483-920', '483\u2010920', '483\u2011920', '483\u2013920', '483\u2014920'],
    ['minus signs and dashes of other keyboards', '483\u2212920', '483\uff0d920', '483\u301c920'],
    ['marks of word processors', '483\u00ad920', '“483920”', '‘483920’', '«483 920»', "'483920'"],
    ['dots and commas', '483.920', '483,920.', '483·920', '4•8•3•9•2•0', '483_920'],
    ['marks of direction and joiners', '\u200e483920\u200f', '\u2068483920\u2069', '483\u200b920'],
    ['a byte order mark', '\ufeff483920'],
    [
      'keys of emoji',
      '4\ufe0f\u20e38\ufe0f\u20e33\ufe0f\u20e39\ufe0f\u20e32\ufe0f\u20e30\ufe0f\u20e3',
    ],
    ['digits of other scripts', '٤٨٣٩٢٠', '۴۸۳۹۲۰', '४८३९२०', '４８３９２０', '𝟒𝟖𝟑𝟗𝟐𝟎', '483९२०'],
  ])('means its digits with %s', (_, ...texts) => {
    for (const text of texts) expect(plainTypedText(text), JSON.stringify(text)).toBe('483920')
  })

  test.each(['+483920', '483920!', '4839e0', '48392O', '483920\0', '483/920', '#483920'])(
    'keeps characters with a meaning: %j',
    (text) => {
      expect(plainTypedText(text)).toBe(text)
    },
  )

  const apart = fc.constantFrom(...' -–—.,’\u00a0\u00ad\u200e\u2212\ufe0f')
  const noise = fc.string({ unit: apart, maxLength: 3 })
  const scripts = fc.constantFrom(...digitsOf)
  const inputs = fc
    .array(fc.tuple(fc.nat(9), scripts, noise), { minLength: 4, maxLength: 10 })
    .map((parts) => ({
      number: parts.map(([value]) => value).join(''),
      text: parts.map(([value, digits, between]) => `${between}${digits[value]}`).join(''),
    }))

  test('is its digits in ASCII, of any script and with any separators', () => {
    const numRuns = repetitions({ usual: 100, nightly: 5_000 })
    const counts = { foreign: 0, apart: 0 }
    fc.assert(
      fc.property(inputs, ({ number, text }) => {
        if (/[^\0-\x7f]/.test(text.replaceAll(/[^\p{Nd}]/gu, ''))) counts.foreign++
        if (/[^\p{Nd}]/u.test(text)) counts.apart++
        expect(plainTypedText(text)).toBe(number)
      }),
      { numRuns },
    )
    expect(Math.min(counts.foreign, counts.apart)).toBeGreaterThan(numRuns / 5)
  })

  test('is read alike by service and device, or signatures of devices would be refused', () => {
    const numRuns = repetitions({ usual: 200, nightly: 10_000 })
    let changeCount = 0
    const unit = fc.oneof(
      apart,
      fc.constantFrom(...every),
      fc.string({ unit: 'binary', maxLength: 1 }),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 20 }), (characters) => {
        const text = characters.join('')
        const plain = plainTypedText(text)
        if (plain !== text) changeCount++
        expect(plainOnDevice(text)).toBe(plain)
        expect(plainTypedText(plain)).toBe(plain)
      }),
      { numRuns },
    )
    expect(changeCount).toBeGreaterThan(numRuns / 2)
  })
})

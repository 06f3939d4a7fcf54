import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  areShowableLines,
  cleanText,
  isIdentifier,
  isShowable,
  showablePart,
  spellOutHidden,
} from '../../src/domain/text.ts'
import { repetitions } from '../support/endurance.ts'

const textRuns = repetitions({ usual: 300, nightly: 20_000 })

const ch = String.fromCodePoint

/** Characters that are not allowed in a text that people decide on, and their names. */
const hiddenCharacters: [name: string, ...codePoints: number[]][] = [
  ['the braille blank', 0x2800],
  ['a null', 0x00],
  ['a line feed', 0x0a],
  ['a carriage return', 0x0d],
  ['a tab', 0x09],
  ['an escape', 0x1b],
  ['delete', 0x7f],
  ['a C1 control', 0x85, 0x9b],
  ['a soft hyphen', 0xad],
  ['a combining grapheme joiner', 0x34f],
  ['an Arabic letter mark', 0x61c],
  ['a Hangul filler, which is a letter without a shape', 0x115f, 0x1160, 0x3164, 0xffa0],
  ['a Khmer inherent vowel, which has no shape', 0x17b4, 0x17b5],
  ['a Mongolian vowel separator', 0x180e],
  ['zero width', 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff],
  ['a direction mark', 0x200e, 0x200f],
  ['a bidirectional embedding or override', 0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ['a bidirectional isolate', 0x2066, 0x2067, 0x2068, 0x2069],
  ['a line or paragraph separator', 0x2028, 0x2029],
  ['an invisible operator', 0x2061, 0x2062, 0x2063, 0x2064],
  ['an interlinear annotation', 0xfff9, 0xfffa, 0xfffb],
  ['private use', 0xe000, 0xf8ff, 0xf0000, 0x10fffd],
  ['a lone surrogate', 0xd800, 0xdfff],
  ['a tag character', 0xe0001, 0xe0041, 0xe007f],
]

describe('a text may be shown', () => {
  test.each([
    ['Latin', 'Sign in to Payroll'],
    ['accents', 'Zürich, Genève, Łódź'],
    ['Greek', 'Αθήνα'],
    ['Cyrillic', 'Москва'],
    ['Arabic, right to left by its own letters', 'الرياض'],
    ['Hebrew', 'תל אביב'],
    ['Hindi', 'नई दिल्ली'],
    ['Thai', 'กรุงเทพมหานคร'],
    ['Japanese', '東京タワー'],
    ['a Japanese name with an ideographic variant', `葛${ch(0xe0100)}城`],
    ['Korean', '서울특별시'],
    ['an emoji with its variation selector', `Caf${ch(0xe9)} ${ch(0x2764, 0xfe0f)}`],
    ['mathematics and money', 'CHF 1’234.50 ≤ €2.000'],
    ['an address', 'https://example.com/a?b=c'],
    ['look-alike letters of one script each: similarity of letters is not checked here', 'раураl'],
  ])('in %s', (_, text) => {
    expect(isShowable(text, 140)).toBe(true)
  })

  test('up to its length in UTF-16 units and no longer', () => {
    expect(isShowable('a'.repeat(64), 64)).toBe(true)
    expect(isShowable('a'.repeat(65), 64)).toBe(false)
    expect(isShowable('😀'.repeat(32), 64)).toBe(true)
    expect(isShowable('😀'.repeat(33), 64)).toBe(false)
  })
})

/** Words that are spelled with a joiner, and emoji that are made of several. */
const joinedWords: [name: string, text: string][] = [
  ['Persian, with a non-joiner', `می${ch(0x200c)}خواهم`],
  ['Urdu after a vowel mark', `آبِ${ch(0x200c)}حیات`],
  ['Sinhala, with a joiner', `ශ්${ch(0x200d)}රී ලංකා`],
  ['Bengali, with a joiner before a virama', `র${ch(0x200d)}্যাব`],
  ['Marathi, with a joiner after a virama', `गर्${ch(0x200d)}हाड`],
  ['Hindi, with a non-joiner after a virama', `क्${ch(0x200c)}ष`],
  ['Malayalam, ending in a joiner', `അവന്${ch(0x200d)}`],
  ['Malayalam, with a joiner at the end of a word', `അവന്${ch(0x200d)} വന്നു`],
  ['Mongolian, with a joiner', `ᠮ${ch(0x200d)}ᠣ`],
  ['a family', ch(0x1f468, 0x200d, 0x1f469, 0x200d, 0x1f467)],
  ['a profession with a tone of skin', `Ada ${ch(0x1f469, 0x1f3fd, 0x200d, 0x1f4bb)}`],
  ['a rainbow flag', ch(0x1f3f3, 0xfe0f, 0x200d, 0x1f308)],
  [
    'the flag of Scotland, made of tags',
    ch(0x1f3f4, 0xe0067, 0xe0062, 0xe0073, 0xe0063, 0xe0074, 0xe007f),
  ],
]

describe('a text that is spelled with joiners', () => {
  test.each(joinedWords)('may be shown: %s', (_, text) => {
    expect(isShowable(text, 140)).toBe(true)
    expect(cleanText(text)).toBe(text)
    expect(showablePart(`${text}.`, 140)).toBe(`${text}.`)
    expect(areShowableLines(`one\n${text}`)).toBe(true)
  })

  test.each(joinedWords)('is no valid name: %s', (_, text) => {
    expect(isIdentifier(text, 140)).toBe(false)
  })

  test.each([
    ['a flag', ch(0x1f1e8, 0x1f1ed)],
    ['a keycap', ch(0x31, 0xfe0f, 0x20e3)],
    ['a heart', ch(0x2764, 0xfe0f)],
  ])('is not %s, which needs none', (_, text) => {
    expect([isShowable(text, 140), isIdentifier(text, 140)]).toEqual([true, true])
  })

  test.each([
    ['between letters of a script that does not join', `pay${ch(0x200d)}roll`],
    ['between such a letter and one that does', `a${ch(0x200c)}خ`],
    ['between digits', `12${ch(0x200d)}34`],
    ['twice', `می${ch(0x200c, 0x200c)}خواهم`],
    ['before a space', `می${ch(0x200c)} خواهم`],
    ['after a space', `می ${ch(0x200c)}خواهم`],
    ['between emoji that are none together', ch(0x1f468, 0x200d, 0x1f468)],
    ['behind an emoji', `${ch(0x1f468, 0x200d)} x`],
    ['that are tags without an end', ch(0x1f3f4, 0xe0067, 0xe0062)],
    ['that are tags on something else', `x${ch(0xe0067, 0xe0062, 0xe007f)}`],
    ['that are of another kind', `می${ch(0x2060)}خواهم`],
  ])('may not be shown with joiners %s', (_, text) => {
    expect(isShowable(text, 140)).toBe(false)
    expect(isShowable(cleanText(text), 140)).toBe(false)
    expect(areShowableLines(text)).toBe(false)
  })
})

describe('a text is cleaned', () => {
  test.each([
    ['of soft hyphens', `pay${ch(0xad)}roll${ch(0xad)}`, 'payroll'],
    ['of a byte order mark in front', `${ch(0xfeff)}Sign in`, 'Sign in'],
    ['of direction marks at its ends', ch(0x200e, 0x61, 0x200f), 'a'],
    ['of an Arabic letter mark behind', `الرياض${ch(0x61c)}`, 'الرياض'],
    ['of zero width at its ends', ch(0x200b, 0x61, 0x2060, 0x200b), 'a'],
    ['of a joiner that joins nothing any more', `می${ch(0x200c)}`, 'می'],
    [
      'of spaces at its ends, between its marks too',
      ` ${ch(0x200e)} a b ${ch(0xa0, 0x200f)} `,
      'a b',
    ],
    ['to NFC', 'Zürich'.normalize('NFD'), 'Zürich'],
    ['to NFC of what a soft hyphen set apart', `e${ch(0xad, 0x301)}`, 'é'],
    [
      'of a joiner that composing parts from its virama',
      ch(0x915, 0x301, 0x94d, 0x200c),
      ch(0x915, 0x94d, 0x301),
    ],
    ['of all that there is', ch(0x20, 0x200b, 0xad, 0xfeff), ''],
  ])('%s', (_, text, result) => {
    expect(cleanText(text)).toBe(result)
  })

  test.each([
    ['a line feed behind', 'payroll\n'],
    ['a tab in front', '\tpayroll'],
    ['a line separator behind', `payroll${ch(0x2028)}`],
    ['a direction mark within', `pay${ch(0x200e)}roll`],
    ['an override behind', `payroll${ch(0x202e)}`],
    ['an isolate in front', `${ch(0x2066)}payroll`],
    ['zero width within', `pay${ch(0x200b)}roll`],
    ['a byte order mark within', `pay${ch(0xfeff)}roll`],
    ['a NUL behind', 'payroll\0'],
  ])('but not of %s: that is refused', (_, text) => {
    expect(cleanText(text)).toBe(text)
    expect(isShowable(cleanText(text), 140)).toBe(false)
  })

  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(...joinedWords.map(([, text]) => text)),
      fc.constantFrom(
        ...[0x200c, 0x200d, 0xad, 0xfeff, 0x200e, 0x20, 0x301, 0x94d, 0x202e].map((c) => ch(c)),
      ),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    ),
    { maxLength: 8 },
  )

  test('idempotently, and is showable afterwards unless it hides or reorders', () => {
    const counts = { changed: 0, showable: 0, joined: 0, refused: 0 }
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('')
        const result = cleanText(text)
        expect(cleanText(result)).toBe(result)
        if (result !== text) {
          counts.changed++
          expect(isShowable(text, 1_000)).toBe(false)
        }
        if (!isShowable(result, 1_000)) {
          counts.refused++
          return
        }
        counts.showable++
        if (/[\u200C\u200D]/.test(result)) counts.joined++
        expect(result).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u)
        expect(JSON.parse(JSON.stringify(result))).toBe(result)
      }),
      { numRuns: textRuns },
    )
    for (const times of Object.values(counts))
      expect(times, JSON.stringify(counts)).toBeGreaterThan(textRuns / 20)
  })
})

describe('a text may not be shown', () => {
  test.each(hiddenCharacters)('with %s', (_, ...codePoints) => {
    for (const code of codePoints) {
      for (const text of [`pay${ch(code)}roll`, `${ch(code)}payroll`, `payroll${ch(code)}`]) {
        expect(isShowable(text, 140), code.toString(16)).toBe(false)
      }
    }
  })

  test.each(['', ' ', '   ', ch(0xa0), ch(0x3000), ` ${ch(0x2003)} `])(
    'when it is blank: %j',
    (text) => {
      expect(isShowable(text, 140)).toBe(false)
    },
  )

  test('with more marks on one letter than any script stacks', () => {
    expect(isShowable(`x${ch(0x324, 0x325, 0x326, 0x32d)}`, 140)).toBe(true)
    expect(isShowable(`x${ch(0x324, 0x325, 0x326, 0x32d, 0x32e)}`, 140)).toBe(false)
  })

  test('in another spelling than NFC, so that what looks equal is equal', () => {
    expect(isShowable('Zürich'.normalize('NFD'), 140)).toBe(false)
    expect(isShowable(ch(0x212b), 140)).toBe(false)
    expect(isShowable('Å', 140)).toBe(true)
  })

  test('with any control, format, private, surrogate or separator character, at any place', () => {
    const code = fc.integer({ min: 0, max: 0x10ffff }).map((value) => ch(value))
    const bad = code.filter((one) => /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u.test(one))
    fc.assert(
      fc.property(fc.string(), bad, fc.string(), (before, one, behind) => {
        expect(isShowable(`${before}x${one}${behind}`, 10_000)).toBe(false)
      }),
    )
  })
})

test('any showable text survives a round trip through JSON and UTF-8 unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      fc.pre(isShowable(text, 100))
      expect(JSON.parse(Buffer.from(JSON.stringify(text)).toString('utf8'))).toBe(text)
    }),
  )
})

describe('the part of a text that can be shown', () => {
  test.each([
    ['Log in', 'Log in'],
    ['\u001b[2J\u0007root', '[2J root'],
    ['a\u202eb\u200bc', 'a b c'],
    ['Cafe\u0301', 'Café'],
    ['  two\n lines ', 'two lines'],
    ['\ud800x', '\ufffdx'],
    ['abcdefghijk', 'abcdefghij'],
    ['123456789😀', '123456789'],
    ['\u0000\u200b', undefined],
    ['', undefined],
  ])('of %j is %j', (text, part) => {
    expect(showablePart(text, 10)).toBe(part)
  })

  test('is showable, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const part = showablePart(text, 40)
        expect(part === undefined || isShowable(part, 40)).toBe(true)
      }),
      { numRuns: textRuns },
    )
  })
})

test('terminal control characters are escaped, and ordinary text stays as it is', () => {
  expect(spellOutHidden('Zoë Müller, नमस्ते')).toBe('Zoë Müller, नमस्ते')
  expect(spellOutHidden('a\u001B[31mb\nc\u202Ed')).toBe('a\\u001b[31mb\\u000ac\\u202ed')
  const family = '👩\u200D👧'
  expect(spellOutHidden(`${family}\u0000`)).toBe(`${family}\\u0000`)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  acceptedLanguages,
  isLanguageTag,
  languageTagLengthMax,
  languageTagOf,
  lookUpLanguage,
  pageLanguage,
} from '../../src/domain/language.ts'

describe('a language tag', () => {
  // The examples of RFC 5646, appendix A, and two of its grandfathered tags.
  test.each([
    'de',
    'i-enochian',
    'en-GB-oed',
    'zh-Hant',
    'sr-Latn-RS',
    'zh-cmn-Hans-CN',
    'sl-rozaj-biske',
    'de-CH-1901',
    'hy-Latn-IT-arevela',
    'es-419',
    'de-CH-x-phonebk',
    'x-whatever',
    'qaa-Qaaa-QM-x-southern',
    'en-US-u-islamcal',
    'zh-CN-a-myext-x-private',
    'en-a-myext-b-another',
    'tlh',
  ])('is well-formed as RFC 5646 has it: %s', (tag) => {
    expect(isLanguageTag(tag)).toBe(true)
  })

  test.each([
    '',
    'n',
    'nl_NL',
    'nl-',
    '-nl',
    'nl--BE',
    'nl BE',
    'nl,en',
    'de-419-DE',
    'a-DE',
    'nl-x',
    'en-u',
    'nl\n',
    'dutch-with-more-than-eight',
    'nl-BE\u0000',
    '*',
  ])('is refused where it is malformed: %j', (tag) => {
    expect(isLanguageTag(tag)).toBe(false)
  })

  test('has a bound on its length', () => {
    const longest = `en-x-${'abcdefgh-'.repeat(6)}abcde`
    expect(longest).toHaveLength(languageTagLengthMax)
    expect(isLanguageTag(longest)).toBe(true)
    expect(isLanguageTag(`${longest}f`)).toBe(false)
  })

  test.each([
    ['NL-be', 'nl-BE'],
    ['zh-hans-cn', 'zh-Hans-CN'],
    ['EN-ca-X-CA', 'en-CA-x-ca'],
    ['sgn-be-fr', 'sgn-BE-FR'],
    ['az-latn-x-LATN', 'az-Latn-x-latn'],
    ['es-419', 'es-419'],
  ])('is stored in the case that RFC 5646 recommends: %s as %s', (tag, spelling) => {
    expect(languageTagOf(tag)).toBe(spelling)
  })

  test('stays the same tag when it is stored', () => {
    const subtag = fc.oneof(
      fc.constantFrom('nl', 'be', 'zh', 'hant', 'CN', 'x', 'u', '1996'),
      fc.stringMatching(/^[A-Za-z0-9]{1,8}$/),
    )
    const counts = { tags: 0, others: 0 }
    fc.assert(
      fc.property(fc.array(subtag, { minLength: 1, maxLength: 5 }), (subtags) => {
        const tag = subtags.join('-')
        counts[isLanguageTag(tag) ? 'tags' : 'others']++
        const spelling = languageTagOf(tag)
        expect(spelling.toLowerCase()).toBe(tag.toLowerCase())
        expect(languageTagOf(spelling)).toBe(spelling)
        expect(isLanguageTag(spelling)).toBe(isLanguageTag(tag))
      }),
    )
    expect(Math.min(counts.tags, counts.others)).toBeGreaterThan(5)
  })
})

describe('the lookup of a language', () => {
  const available = ['en', 'nl', 'zh-Hant'] as const

  test.each([
    [['nl-BE'], 'nl'],
    [['NL'], 'nl'],
    [['fr', 'nl'], 'nl'],
    [['fr-BE', 'nl-BE', 'en'], 'nl'],
    // RFC 4647, 3.4: the example of that section.
    [['zh-Hant-CN-x-private1-private2'], 'zh-Hant'],
    [['zh-Hans'], undefined],
    [['*', 'nl'], 'nl'],
    [['n'], undefined],
    [['nl_BE'], undefined],
    [['nl-'], undefined],
    [[`nl-x${'-a'.repeat(31)}`], undefined],
    [[''], undefined],
    [[], undefined],
  ])('of %j finds %s', (ranges, result) => {
    expect(lookUpLanguage(ranges, available)).toBe(result)
  })

  test('removes a subtag of one character together with the one after it', () => {
    expect(lookUpLanguage(['en-a-bbb'], ['en-a', 'en'])).toBe('en')
  })

  test('answers with one of the available languages, whatever is asked', () => {
    const range = fc.oneof(
      fc.string(),
      fc.constantFrom('NL-be', 'en-GB', 'zh-hant-cn', 'fr', '*', 'zh'),
    )
    const answers = new Set<string | undefined>()
    fc.assert(
      fc.property(fc.array(range, { maxLength: 3 }), (ranges) => {
        const answer = lookUpLanguage(ranges, available)
        expect([undefined, ...available]).toContain(answer)
        answers.add(answer)
      }),
    )
    expect(answers.size).toBe(available.length + 1)
  })
})

describe('an Accept-Language', () => {
  test.each([
    ['nl', ['nl']],
    ['da, en-gb;q=0.8, en;q=0.7', ['da', 'en-gb', 'en']],
    ['en;q=0.2, nl;q=0.9, fr;q=0.9', ['nl', 'fr', 'en']],
    ['en ; q=0.5 ,nl\t;Q=1.000', ['nl', 'en']],
    ['nl;q=0, en', ['en']],
    ['nl;q=0.000', []],
    ['nl;q=2, en;q=0.1', ['en']],
    ['nl;q=0.1234, en', ['en']],
    ['nl_NL, en', ['en']],
    ['*;q=0.5, nl', ['nl']],
    ['', []],
    [undefined, []],
  ])('of %j names %j', (header, ranges) => {
    expect(acceptedLanguages(header)).toEqual(ranges)
  })

  test('is read up to a bound', () => {
    expect(acceptedLanguages(`${'fr,'.repeat(100)}nl`)).toHaveLength(20)
    expect(acceptedLanguages(`${' '.repeat(2000)},nl`)).toEqual([])
  })

  test('is never an error', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('nl', 'en;q=0.5', ';q=', 'q=1;nl', 'nl;q=0', ' '),
    )
    const counts = { some: 0, none: 0 }
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const ranges = acceptedLanguages(parts.join(','))
        expect(ranges).toBeInstanceOf(Array)
        counts[ranges.length > 0 ? 'some' : 'none']++
      }),
    )
    expect(Math.min(counts.some, counts.none)).toBeGreaterThan(5)
  })
})

describe('the language of a page', () => {
  const choose = (hints: Parameters<typeof pageLanguage>[0]) => pageLanguage(hints, ['en', 'nl'])

  test('is that of ui_locales, then of the cookie, then of Accept-Language', () => {
    const all = { uiLocales: 'nl', cookie: 'en', acceptLanguage: 'en' }
    expect(choose(all)).toBe('nl')
    expect(choose({ ...all, uiLocales: undefined, cookie: 'nl' })).toBe('nl')
    expect(choose({ acceptLanguage: 'nl' })).toBe('nl')
  })

  test('comes from the next source where one names no language that there is', () => {
    expect(choose({ uiLocales: 'fr de-CH', cookie: 'nl', acceptLanguage: 'en' })).toBe('nl')
    expect(choose({ uiLocales: 'fr', cookie: '<script>', acceptLanguage: 'nl-BE' })).toBe('nl')
    expect(choose({ uiLocales: 'fr', acceptLanguage: 'fr' })).toBeUndefined()
    expect(choose({})).toBeUndefined()
  })

  test('is read from a bounded part of ui_locales', () => {
    expect(choose({ uiLocales: `${'fr '.repeat(20)}nl` })).toBeUndefined()
    expect(choose({ uiLocales: `${'f'.repeat(1000)} nl` })).toBeUndefined()
    expect(choose({ uiLocales: `${'fr '.repeat(19)}nl` })).toBe('nl')
  })

  test('is the first of several ui_locales that there is', () => {
    expect(choose({ uiLocales: 'fr-BE nl-BE en' })).toBe('nl')
  })
})

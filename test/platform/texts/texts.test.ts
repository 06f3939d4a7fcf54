// Every language has every text: what the compiler cannot hold, and what it does, in one place.

import { describe, expect, expectTypeOf, test } from 'vitest'
import { isLanguageTag } from '../../../src/domain/language.ts'
import { problems } from '../../../src/platform/http/problem-table.ts'
import { en } from '../../../src/platform/texts/en.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import {
  dateIn,
  fallbackLanguage,
  type Language,
  languageFor,
  languages,
  pluralOf,
  textsIn,
  timeIn,
  translations,
} from '../../../src/platform/texts/texts.ts'
import type { Translation } from '../../../src/platform/texts/translation.ts'

/** Categories that a language distinguishes, with a count of each, as far as whole numbers do. */
const categoriesOf = (language: string) => [
  ...new Set(
    Array.from({ length: 200 }, (_, count) => new Intl.PluralRules(language).select(count)),
  ),
]

const isPlural = (part: object) => 'other' in part && Object.values(part).every(isText)
const isText = (part: unknown): part is string => typeof part === 'string'

/** Every text by its path, the forms of a plural together. */
function textsOf(part: unknown, path = ''): [path: string, text: string | object][] {
  if (isText(part)) return [[path, part]]
  if (typeof part !== 'object' || part === null) return []
  if (isPlural(part)) return [[path, part]]
  return Object.entries(part).flatMap(([name, member]) => textsOf(member, `${path}/${name}`))
}

const namesIn = (text: string) => [...text.matchAll(/\{[^}]*\}/g)].map(([name]) => name).sort()
const others = languages.filter((language) => language !== 'en')
const english = new Map(textsOf(en))

test('English is the fallback and there is a further language', () => {
  expect(fallbackLanguage).toBe('en')
  expect(others).toContain('nl')
})

test.each(languages)('%s is a tag of BCP 47 with a direction and a locale', (language) => {
  expect(isLanguageTag(language)).toBe(true)
  const { direction, locale } = textsIn(language)
  expect(Intl.DateTimeFormat.supportedLocalesOf([locale])).toEqual([locale])
  expect(locale.split('-')[0]).toBe(language)
  expect(['ltr', 'rtl']).toContain(direction)
})

describe.each(languages)('the texts in %s', (language) => {
  const texts = new Map(textsOf(translations[language]))

  test('are those of English, none missing and none left over', () => {
    expect([...texts.keys()].sort()).toEqual([...english.keys()].sort())
    expect(texts.size).toBeGreaterThan(150)
  })

  test('are never empty, nor markup', () => {
    for (const text of texts.values()) {
      for (const form of isText(text) ? [text] : Object.values(text)) {
        expect(form.trim()).toBe(form)
        expect(form).toMatch(/^[^<>&]+$/)
      }
    }
  })

  test('have one title for each problem code, all different', () => {
    const { problems: titles } = textsIn(language)
    expect(Object.keys(titles).sort()).toEqual(Object.keys(problems).sort())
    expect(new Set(Object.values(titles)).size).toBe(Object.keys(problems).length)
  })

  test('have the placeholders of English', () => {
    for (const [path, text] of texts) {
      const source = english.get(path)
      const model = isText(source) ? source : (source as Translation['pushes']['digest']).other
      for (const form of isText(text) ? [text] : Object.values(text)) {
        expect([path, namesIn(form)]).toEqual([path, namesIn(model)])
      }
    }
  })

  test('have each plural form of the language, and no other', () => {
    const plurals = [...texts].filter(([, text]) => !isText(text))
    expect(plurals.length).toBeGreaterThan(0)
    for (const [path, forms] of plurals) {
      expect([path, Object.keys(forms).sort()]).toEqual([path, categoriesOf(language).sort()])
    }
  })
})

test('no translation still has the English sentence', () => {
  for (const language of others) {
    const same = textsOf(translations[language]).filter(
      ([path, text]) => isText(text) && text.includes(' ') && english.get(path) === text,
    )
    expect(same).toEqual([])
  }
})

test('a translation that lacks a text, or a placeholder, does not compile', () => {
  const { link: _link, ...withoutLink } = translations.nl
  expectTypeOf(withoutLink).not.toMatchTypeOf<Translation>()
  expectTypeOf<'Afmelden'>().not.toMatchTypeOf<Translation['devices']['unregister']>()
  expectTypeOf<'{name} afmelden'>().toMatchTypeOf<Translation['devices']['unregister']>()
  expectTypeOf<'{user} {tenant}'>().not.toMatchTypeOf<Translation['devices']['signedInAs']>()
})

describe('a text', () => {
  test('is filled in, each value as it is', () => {
    expect(fill('{a} and {b}: {a}', { a: '{b}', b: '$&' })).toBe('{b} and $&: {b}')
  })

  test('for which a value is missing is an error, and never shown', () => {
    expect(() => fill('{a} {b}', { a: 1 })).toThrow('{b}')
  })

  test.each([
    ['en', 1, 'one'],
    ['en', 2, 'other'],
    ['nl', 1, 'one'],
    ['nl', 0, 'other'],
  ] as const)('has the form of its count: %s, %i', (language, count, form) => {
    expect(pluralOf(language, { one: 'one', other: 'other' }, count)).toBe(form)
    expect(pluralOf(language, { other: 'other' }, count)).toBe('other')
  })

  test('has dates as the language writes them, in UTC', () => {
    const at = new Date('2027-03-01T23:05:00Z')
    const writtenBy = (language: Language) => [dateIn(language, at), timeIn(language, at)]
    expect(writtenBy('en')).toEqual(['1 March 2027', '23:05 UTC'])
    expect(writtenBy('nl')).toEqual(['1 maart 2027', '23:05 UTC'])
  })
})

test('people get the first language of theirs that there is, else the fallback', () => {
  expect(languageFor(['fr', 'nl-BE', 'en'])).toBe('nl')
  expect(languageFor(['fr'])).toBe('en')
  expect(languageFor([])).toBe('en')
})

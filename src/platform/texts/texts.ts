// The languages of the service, and how a text is filled in.

import { lookUpLanguage } from '../../domain/language.ts'
import { en } from './en.ts'
import { nl } from './nl.ts'
import type { Plural, Translation } from './translation.ts'

/** Every language by its tag, the fallback first. A further one is a file, named here. */
export const translations = { en, nl } as const satisfies Readonly<Record<string, Translation>>

export type Language = keyof typeof translations
export const languages = Object.keys(translations) as readonly Language[]
/** What people get whose language is unknown. */
export const fallbackLanguage: Language = 'en'

/** The texts in a language. */
export const textsIn = (language: Language): Translation => translations[language]

/** The language for somebody who prefers these, in this order. */
export function languageFor(preferences: readonly string[]): Language {
  return lookUpLanguage(preferences, languages) ?? fallbackLanguage
}

// Built when a first text needs them: the rules of a language take 30 ms.
const pluralRules = new Map<Language, Intl.PluralRules>()
const dateFormats = new Map<Language, Record<'date' | 'time', Intl.DateTimeFormat>>()

/** The form of a text for a count. */
export function pluralOf(language: Language, forms: Plural, count: number): string {
  const rules = pluralRules.get(language) ?? new Intl.PluralRules(language)
  pluralRules.set(language, rules)
  return forms[rules.select(count)] ?? forms.other
}

function formatsOf(language: Language) {
  const { locale } = translations[language]
  const formats = dateFormats.get(language) ?? {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }),
    time: new Intl.DateTimeFormat(locale, {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone: 'UTC',
    }),
  }
  dateFormats.set(language, formats)
  return formats
}

/** A day, in UTC. */
export const dateIn = (language: Language, at: Date) => formatsOf(language).date.format(at)
/** A time of day, in UTC, and marked as such. */
export const timeIn = (language: Language, at: Date) => `${formatsOf(language).time.format(at)} UTC`

// Texts in the person's language: chosen once, and filled in.

import { DeviceApiError } from '../../clients/device/src/device.ts'
import type { LaterTexts } from '../../src/platform/texts/authenticator/later-texts.ts'
import type { AuthenticatorTexts } from '../../src/platform/texts/authenticator/texts.ts'
import { fill } from '../../src/platform/texts/fill.ts'
import type { Plural } from '../../src/platform/texts/translation.ts'
import { VaultError } from './vault.ts'

/** Every language by its tag and own name, the fallback first; each is loaded when it is used. */
export const languages = {
  en: {
    name: 'English',
    load: async () =>
      (await import('../../src/platform/texts/authenticator/en.ts')).authenticatorEn,
    loadLater: async () =>
      (await import('../../src/platform/texts/authenticator/later-en.ts')).laterEn,
  },
  nl: {
    name: 'Nederlands',
    load: async () =>
      (await import('../../src/platform/texts/authenticator/nl.ts')).authenticatorNl,
    loadLater: async () =>
      (await import('../../src/platform/texts/authenticator/later-nl.ts')).laterNl,
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly name: string
      readonly load: () => Promise<AuthenticatorTexts>
      readonly loadLater: () => Promise<LaterTexts>
    }
  >
>

export type Language = keyof typeof languages
const choiceName = 'countersign-language'

const isLanguage = (tag: string | null | undefined): tag is Language =>
  typeof tag === 'string' && Object.hasOwn(languages, tag)

function storedChoice(): string | null {
  try {
    return localStorage.getItem(choiceName)
  } catch {
    return null
  }
}

/** What was chosen in this browser, else what it prefers. */
export function currentLanguage(): Language {
  const wishes = [storedChoice(), ...navigator.languages.map((tag) => tag.split('-')[0])]
  return wishes.find(isLanguage) ?? 'en'
}

/** Remembers the choice, as far as the browser remembers anything. */
export function chooseLanguage(language: Language): void {
  try {
    localStorage.setItem(choiceName, language)
  } catch {
    // It holds for this window.
  }
}

/** Texts and formats of one language. */
export class Words {
  readonly language: Language
  readonly texts: AuthenticatorTexts
  #later: LaterTexts | null = null
  readonly #plural: Intl.PluralRules
  readonly #time: Intl.DateTimeFormat
  readonly #day: Intl.DateTimeFormat

  constructor(language: Language, texts: AuthenticatorTexts) {
    this.language = language
    this.texts = texts
    this.#plural = new Intl.PluralRules(language)
    this.#time = new Intl.DateTimeFormat(texts.locale, { timeStyle: 'short' })
    this.#day = new Intl.DateTimeFormat(texts.locale, { dateStyle: 'medium', timeStyle: 'short' })
  }

  /** The texts of screens that are loaded when they are opened, with `withTexts`. */
  get later(): LaterTexts {
    if (!this.#later) throw new Error('these texts come with their screen')
    return this.#later
  }

  /** Loads a screen, and the texts that all such screens share. */
  async withTexts<Screen>(screen: Promise<Screen>): Promise<Screen> {
    const [later] = await Promise.all([languages[this.language].loadLater(), screen])
    this.#later = later
    return screen
  }

  /** The form of a text for a count. */
  count(forms: Plural, count: number): string {
    return fill(forms[this.#plural.select(count)] ?? forms.other, { count })
  }

  /** Today's time, otherwise day and time. */
  time(at: Date | number | string): string {
    const date = new Date(at)
    const isToday = date.toDateString() === new Date().toDateString()
    return (isToday ? this.#time : this.#day).format(date)
  }

  /**
   * What a person can do about an error: our own text, else the sentence of the service, which is
   * in this language as well.
   */
  error(error: unknown): string {
    const { errors, passkeyErrors } = this.texts
    if (error instanceof VaultError) return errors.storage
    // Of a passkey: the browser says little more than that it was not used.
    if (error instanceof DOMException) {
      const { [error.name]: text } = passkeyErrors as Readonly<Record<string, string>>
      return text ?? passkeyErrors.NotAllowedError
    }
    if (!(error instanceof DeviceApiError)) return errors.unknown
    const own = (errors as Readonly<Record<string, string>>)[error.code]
    if (own !== undefined) return own
    const reference = fill(errors.reference, { code: error.code })
    return `${error.title ?? errors.unknown} ${reference}`
  }
}

/** Texts with names of people in them: the name does not reorder what stands around it. */
export function isolate(text: string): string {
  return `\u2068${text}\u2069`
}

// What a translation must contain: every text of the English one, with its placeholders.

import type { en } from './en.ts'

/** A text by the plural category of a count (CLDR); a language has those that it distinguishes. */
export type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & {
  readonly other: string
}

/** Names in braces. */
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never
type Both<Union> = (Union extends unknown ? (one: Union) => void : never) extends (
  both: infer All,
) => void
  ? All
  : never
/** A text with the same names, wherever they stand. */
type Holding<Name extends string> = [Name] extends [never]
  ? string
  : Both<Name extends string ? `${string}{${Name}}${string}` : never> & string

/** The same structure with texts of another language, each with its placeholders. */
export type Translated<Part> = Part extends string
  ? Holding<Names<Part>>
  : Part extends Plural
    ? Plural
    : Part extends readonly unknown[]
      ? readonly string[]
      : { readonly [Member in keyof Part]: Translated<Part[Member]> }

/** A language: one file of this type, named in texts.ts. */
export type Translation = Omit<Translated<typeof en>, 'direction'> & {
  readonly direction: 'ltr' | 'rtl'
}

// What a translation of the authenticator must contain.

import type { Translated } from '../translation.ts'
import type { authenticatorEn } from './en.ts'

/** A language of the authenticator: one file of this type, loaded by the app that shows it. */
export type AuthenticatorTexts = Omit<Translated<typeof authenticatorEn>, 'direction'> & {
  readonly direction: 'ltr' | 'rtl'
}

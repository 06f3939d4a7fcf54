// What a translation of the screens that are loaded when they are opened must contain.

import type { Translated } from '../translation.ts'
import type { laterEn } from './later-en.ts'

/** Texts apart from those of the first screens, which are to be there the sooner. */
export type LaterTexts = Translated<typeof laterEn>

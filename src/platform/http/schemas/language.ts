import { z } from 'zod'
import { isLanguageTag, languageTagLengthMax, languageTagOf } from '../../../domain/language.ts'

/** The language of a person; one that the service has no texts in is stored all the same. */
export const languageTag = z
  .string()
  .max(languageTagLengthMax)
  .refine(isLanguageTag, { message: 'must be a tag of BCP 47, such as nl-BE' })
  .overwrite(languageTagOf)
  .meta({
    description:
      'The language that the person reads: a well-formed tag of BCP 47 (RFC 5646). One ' +
      'that the service has no texts in falls back, `nl-BE` to `nl`.',
    example: 'nl-BE',
  })

/** The same in an answer. */
export const shownLanguage = z.string().nullable().meta({
  description: 'The language that was given for it; null for none.',
  example: 'nl-BE',
})

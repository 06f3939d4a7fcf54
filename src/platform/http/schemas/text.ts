// Text input, as strict as its use requires.

import { z } from 'zod'
import { namespacePattern } from '../../../domain/names.ts'
import { cleanText, isIdentifier, isShowable } from '../../../domain/text.ts'
import { trimIdentifier } from '../../../domain/user-name.ts'

type TextMeta = { readonly description: string; readonly example: string }

/**
 * Text that people will read on a phone while they decide; cleaned first. `lengthMax` counts UTF-16
 * units.
 */
export function showable(lengthMax: number, { description, example }: TextMeta) {
  return z
    .string()
    .overwrite(cleanText)
    .min(1)
    .max(lengthMax)
    .refine((text) => isShowable(text, lengthMax), {
      message:
        'must not be blank, and free of control, bidirectional and format characters ' +
        'that join nothing',
    })
    .meta({
      description:
        `${description} At most ${lengthMax} characters, without control, bidirectional or ` +
        'other format characters, save joiners in the scripts that have them and in emoji. ' +
        'It is stored in NFC, without soft hyphens, spaces and marks at its ends.',
      example,
    })
}

/**
 * A name for machines: in one spelling, only spaces around it are accepted and dropped. `lengthMax`
 * counts UTF-16 units.
 */
export function identifierText(lengthMax: number, { description, example }: TextMeta) {
  return z
    .string()
    .overwrite(trimIdentifier)
    .min(1)
    .max(lengthMax)
    .refine((text) => isIdentifier(text, lengthMax), {
      message:
        'must be in NFC, not blank, and free of control, format and bidirectional characters',
    })
    .meta({
      description:
        `${description} At most ${lengthMax} characters, in NFC, without control, format ` +
        'or bidirectional characters. Spaces around it are dropped.',
      example,
    })
}

/** Longest value of an identifier, and of a user's name as typed with an enrollment code. */
export const identifierLengthMax = 255

/** How a relying party's users are named: one name per directory. */
export const namespace = z.string().regex(namespacePattern).meta({
  description: 'A namespace of identifiers: lower case, 1 to 64 characters.',
  example: 'entra',
})

export const identifierValue = identifierText(identifierLengthMax, {
  description: 'The name of the user within its namespace.',
  example: 'ada@example.com',
})

/** A text in an answer. */
export function shownText(example: string, description?: string) {
  return z.string().meta({ ...(description !== undefined && { description }), example })
}

/** A page for browsers. */
export const pageText = shownText('<!doctype html>...')

const jwsExample = 'eyJhbGciOiJFUzI1NiIs...'

/** A compact JWS in an answer. */
export const shownJws = (description: string) => shownText(jwsExample, description)

/** A compact JWS as it was signed; its parts are parsed by the use cases, not here. */
export function jws(description: string) {
  return z.string().min(1).max(4096).meta({ description, example: jwsExample })
}

import { z } from 'zod'
import { suspensionStatus } from '../platform/http/schemas/enumerations.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { languageTag, shownLanguage } from '../platform/http/schemas/language.ts'
import { identifierValue, namespace, showable, shownText } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import type { UserReference } from './user.store.ts'

const identifier = z
  .strictObject({ namespace, value: identifierValue })
  .meta({ id: 'GivenIdentifier', description: 'A name of a user within a namespace.' })

/** How a relying party names a user. */
export const userReference = z
  .union([identifierValue, identifier, z.strictObject({ id: idOf('user', 'The user.') })], {
    error: ({ input }) =>
      input === undefined
        ? undefined
        : 'must be a text, or an object of `namespace` and `value`, or of `id`',
  })
  .meta({
    id: 'UserReference',
    description:
      'A name in the default namespace of the relying party, a name in another of its ' +
      'namespaces, or the id of the user.',
    example: 'ada@example.com',
  })

export const displayName = showable(140, {
  description: 'Shown on the device that is being enrolled.',
  example: 'Ada Lovelace',
})

export const importedUser = z
  .strictObject({
    displayName,
    identifiers: z
      .array(z.union([identifierValue, identifier]))
      .min(1)
      .max(20),
    language: languageTag.exactOptional(),
  })
  .meta({
    id: 'ImportedUser',
    description: 'A user with all the names that relying parties know them by.',
  })

export const userBody = z
  .object({
    id: shownId('user', 'The user: `sub` of results.'),
    displayName: shownText('Ada Lovelace'),
    identifiers: z
      .array(z.object({ namespace: shownText('entra'), value: shownText('ada@example.com') }))
      .readonly(),
    language: shownLanguage,
    status: suspensionStatus.meta({ description: 'A suspended user cannot sign in anywhere.' }),
    createdAt: timestamp('When the user was created.'),
  })
  .meta({ id: 'User', description: 'A person.' })

export const changedUser = z
  .strictObject({
    status: suspensionStatus.meta({ description: 'What the user is from now on.' }).exactOptional(),
    language: languageTag.nullable().exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({ id: 'ChangedUser', description: 'What is to change of a user.' })

/** A user named in a query: a value, in the default namespace unless another is named. */
export function referenceOf(
  value: string,
  inNamespace: string | undefined,
): UserReference | string {
  return inNamespace === undefined ? value : { namespace: inNamespace, value }
}

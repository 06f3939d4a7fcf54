import { z } from 'zod'
import { allowedAddressesMax, overlapBoundsSeconds } from '../domain/api-key.ts'
import { nameLengthMax, namespacesMax } from '../domain/names.ts'
import { returnOriginsMax, returnUrlLengthMax } from '../domain/return-url.ts'
import { defaultScopes, scopes } from '../domain/scope.ts'
import { identifierCases } from '../domain/user-name.ts'
import { scope } from '../platform/http/schemas/enumerations.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { namespace, showable, shownText } from '../platform/http/schemas/text.ts'
import { givenTime, timestamp } from '../platform/http/schemas/time.ts'

const identifierCase = z.enum(identifierCases).meta({
  description:
    'How identifiers are compared: `exact` by every letter, `fold_ascii` with A to Z of ' +
    'a mail-shaped one (`Ada@Example.com`) folded to a to z. New tenants fold.',
})

export const tenantChanges = z
  .strictObject({ identifierCase })
  .meta({ id: 'TenantChanges', description: 'What is new about the tenant.' })

export const tenantBody = z
  .object({
    id: shownId('tenant', 'The tenant.'),
    name: shownText('Example Group'),
    identifierCase,
  })
  .meta({ id: 'Tenant', description: 'The organisation that the API key belongs to.' })

const returnOriginsText =
  'Origins to which its challenges may lead back (`returnUrl`): https, the host in lower case, ' +
  'and its port if it is not 443.'
const returnOrigins = z
  .array(z.string().max(returnUrlLengthMax))
  .max(returnOriginsMax)
  .meta({ description: returnOriginsText, example: ['https://bank.example.com'] })

export const newRelyingParty = z
  .strictObject({
    name: showable(nameLengthMax, {
      description: 'Shown on every device that is asked.',
      example: 'Example Bank',
    }),
    namespaces: z
      .array(namespace)
      .min(1)
      .max(namespacesMax)
      .refine((values) => new Set(values).size === values.length, 'must not repeat a namespace')
      .meta({ description: 'The namespaces it may use; the first is its default.' }),
    returnOrigins: returnOrigins.default([]),
  })
  .meta({
    id: 'NewRelyingParty',
    description: 'An identity provider or application that will ask.',
  })

export const relyingPartyChanges = z
  .strictObject({ returnOrigins })
  .meta({ id: 'RelyingPartyChanges', description: 'What is new about the relying party.' })

export const relyingPartyBody = z
  .object({
    id: shownId('relyingParty', 'The relying party: `aud` of its results.'),
    name: shownText('Example Bank'),
    namespaces: z.array(shownText('entra')).readonly(),
    returnOrigins: z
      .array(shownText('https://bank.example.com'))
      .readonly()
      .meta({ description: returnOriginsText }),
    createdAt: timestamp('When it was created.'),
  })
  .meta({ id: 'RelyingParty', description: 'An identity provider or application that asks.' })

export const newApiKey = z
  .strictObject({
    relyingPartyId: idOf('relyingParty', 'The relying party of the key.'),
    name: showable(nameLengthMax, { description: 'To tell keys apart.', example: 'production' }),
    scopes: z
      .array(scope)
      .min(1)
      .max(scopes.length)
      .refine((values) => new Set(values).size === values.length, 'must not repeat a scope')
      .default([...defaultScopes])
      .meta({ description: 'What the key may do; `admin` includes all others.' }),
    expiresAt: givenTime('After this time the key is invalid.').nullable().default(null),
    allowedAddresses: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .max(allowedAddressesMax)
      .default([])
      .meta({
        description:
          'IP addresses and CIDR ranges from which the key may be used; none means from ' +
          'everywhere.',
        example: ['192.0.2.0/24'],
      }),
  })
  .meta({ id: 'NewApiKey', description: 'A key for a relying party.' })

export const apiKeyRotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(overlapBoundsSeconds.min)
      .max(overlapBoundsSeconds.max)
      .default(overlapBoundsSeconds.usual)
      .meta({ description: 'How long the old key lives on at the most.' }),
    expiresAt: givenTime(
      'When the new key ends; null for never. Left out, it lives as long as the old one was to.',
    )
      .nullable()
      .exactOptional(),
  })
  .meta({ id: 'ApiKeyRotation', description: 'How a key is rotated.' })

const apiKeyMembers = {
  id: shownId('apiKey', 'The key: the public part of its text.'),
  relyingPartyId: shownId('relyingParty', 'The relying party of the key.'),
  name: shownText('production'),
  scopes: z.array(scope).readonly(),
  lineageId: shownId('apiKey', 'The first key of the line of rotations that this one belongs to.'),
  allowedAddresses: z.array(shownText('192.0.2.0/24')).readonly().meta({
    description: 'From where it may be used; none means from everywhere.',
  }),
  createdAt: timestamp('When it was created.'),
  expiresAt: timestamp('When it ends; null for never.').nullable(),
  revokedAt: timestamp('When it was revoked; null if it was not.')
    .nullable()
    .meta({ example: null }),
  lastUsedAt: timestamp('When it was last used, to the minute; null if never.').nullable(),
}

export const apiKeyBody = z.object(apiKeyMembers).meta({
  id: 'ApiKey',
  description: 'An API key without its secret, which is stored as a hash only.',
})

export const createdApiKeyBody = z
  .object({
    ...apiKeyMembers,
    secret: z.string().meta({
      description: 'The whole key, `cs_<id>_<secret>`: readable this once.',
      example: 'cs_01jv9z3k8we2tvn4qh6yrx7b5c_<43 characters>',
    }),
  })
  .meta({ id: 'CreatedApiKey', description: 'A new key with its secret.' })

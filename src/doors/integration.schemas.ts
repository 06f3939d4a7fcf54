import { z } from 'zod'
import { allowedAddressesMax, overlapBoundsSeconds } from '../domain/api-key.ts'
import { integrationPolicyFields } from '../domain/integration.ts'
import { numberModes } from '../domain/number-match.ts'
import { challengeTtlBoundsSeconds, type PolicyOverrides } from '../domain/policy.ts'
import { plainMapping } from '../domain/user-name.ts'
import { domainPlace, integrationStatus } from '../platform/http/schemas/enumerations.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { wholeList } from '../platform/http/schemas/paging.ts'
import { identifierText, namespace, showable, shownText } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import { overrideSchemas } from '../tenants/policy.schemas.ts'
import { givenSettings, shownSettings } from './integration-settings.schemas.ts'
import { integrationSetupBody } from './integration-setup.schemas.ts'

const userNames = z
  .strictObject({
    domain: domainPlace.default(plainMapping.domain),
    domains: z
      .array(z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/))
      .max(50)
      .default([])
      .meta({
        description:
          'Domains that are accepted; names of other domains are unknown. Several of ' +
          'them with a `template` without `{domain}` make one user of people of one name ' +
          'in all of them: only where the domains share their names.',
      }),
    lowerCase: z
      .boolean()
      .default(plainMapping.lowerCase)
      .meta({ description: 'Makes ASCII letters lower case.' }),
    template: identifierText(128, {
      description: 'The identifier, with `{username}` once and `{domain}`.',
      example: '{username}',
    }).default(plainMapping.template),
  })
  .meta({
    id: 'GivenUserNameMapping',
    description:
      'How the names that the client sends become identifiers. A name that does not fit ' +
      'is unknown, never adjusted.',
    example: { domain: 'suffix', domains: ['example.com'], lowerCase: true },
  })

const { min, max } = challengeTtlBoundsSeconds

const plan = {
  name: showable(64, {
    description: 'Shown on devices as the application that is signed in to.',
    example: 'VPN',
  }),
  numberMode: z
    .enum(numberModes)
    .exclude(['service'])
    .meta({
      description:
        '`caller`: the person types digits that the client shows. `none` requires the id ' +
        'of the integration in `numberNoneAllowedFor` of the tenant policy first, and ends ' +
        'when it is removed there.',
    }),
  namespace: namespace.meta({
    description:
      'The namespace of the users; one of its relying party, whose first is the default.',
  }),
  userNames,
  allowedAddresses: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .max(allowedAddressesMax)
    .meta({
      description: 'From where it may be called; none means from everywhere.',
      example: ['192.0.2.0/24'],
    }),
  policy: z.strictObject(overrideSchemas(integrationPolicyFields)).meta({
    id: 'GivenIntegrationPolicy',
    description: 'What it asks beyond the policy of its relying party: stricter only.',
    example: { userVerification: 'required' },
  }) as unknown as z.ZodType<PolicyOverrides, PolicyOverrides>,
  ttlSeconds: z
    .int()
    .min(min)
    .max(max)
    .nullable()
    .meta({ description: 'Lifetime of its challenges; null for that of the policy.' }),
  status: integrationStatus.meta({
    description: 'A paused one lets nobody in, in every process within a second.',
  }),
}

export const newIntegration = z
  .strictObject({
    relyingPartyId: idOf('relyingParty', 'The relying party of its challenges.'),
    name: plan.name,
    settings: givenSettings,
    numberMode: plan.numberMode.exactOptional(),
    namespace: plan.namespace.exactOptional(),
    userNames: userNames.exactOptional(),
    allowedAddresses: plan.allowedAddresses.exactOptional(),
    policy: plan.policy.exactOptional(),
    ttlSeconds: plan.ttlSeconds.exactOptional(),
    status: plan.status.exactOptional(),
  })
  .meta({ id: 'NewIntegration', description: 'A door for an existing client.' })

export const integrationChanges = z
  .strictObject({
    name: plan.name.exactOptional(),
    settings: givenSettings.exactOptional(),
    numberMode: plan.numberMode.exactOptional(),
    namespace: plan.namespace.exactOptional(),
    userNames: userNames.exactOptional(),
    allowedAddresses: plan.allowedAddresses.exactOptional(),
    policy: plan.policy.exactOptional(),
    ttlSeconds: plan.ttlSeconds.exactOptional(),
    status: plan.status.exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({
    id: 'IntegrationChanges',
    description: 'What is new about the integration; each member is replaced whole.',
  })

export const integrationRotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(overlapBoundsSeconds.min)
      .max(overlapBoundsSeconds.max)
      .default(overlapBoundsSeconds.usual)
      .meta({
        description: 'How long the old secret lives on at the most; 0 ends it immediately.',
      }),
  })
  .meta({ id: 'IntegrationRotation', description: 'How a secret is rotated.' })

const shownUserNames = z
  .object({
    domain: domainPlace.meta({ example: 'suffix' }),
    domains: z.array(shownText('example.com')).readonly(),
    lowerCase: z.boolean(),
    template: shownText('{username}'),
  })
  .meta({ id: 'UserNameMapping', description: 'How names that clients send become identifiers.' })

const bodyMembers = {
  id: shownId('integration', 'The integration.'),
  relyingPartyId: shownId('relyingParty', 'The relying party of its challenges.'),
  name: shownText('VPN'),
  settings: shownSettings,
  setup: integrationSetupBody,
  numberMode: z.enum(numberModes).exclude(['service']),
  namespace: shownText('entra'),
  userNames: shownUserNames,
  allowedAddresses: z.array(shownText('192.0.2.0/24')).readonly(),
  policy: z
    .record(z.string(), z.unknown())
    .meta({ description: 'What it asks beyond the policy of its relying party.' }),
  ttlSeconds: z.int().nullable(),
  status: integrationStatus,
  integrationKey: z.string().nullable().meta({
    description: 'The public half of the credentials of Auth API clients; null for other kinds.',
    example: 'DIABCDEFGHJKLMNPQRST',
  }),
  createdAt: timestamp('When it was created.'),
  updatedAt: timestamp('When it was last changed.'),
  uses: z.int().min(0).meta({ description: 'How often a client was authenticated.' }),
  lastUsedAt: timestamp('When it was last used; null if never.').nullable(),
  lastError: z
    .object({
      code: z.string().meta({ example: 'user_not_found' }),
      at: timestamp('When it happened.'),
    })
    .nullable()
    .meta({ description: 'The last refusal at this door, a second late at the most.' }),
}

export const integrationBody = z.object(bodyMembers).meta({
  id: 'Integration',
  description: 'A door for an existing client. Its secret is never shown again.',
})

export const integrationWithSecretBody = z
  .object({
    ...bodyMembers,
    secret: z.string().nullable().meta({
      description:
        'The secret for the client: readable this once. Null where this call created none.',
    }),
  })
  .meta({
    id: 'IntegrationWithSecret',
    description: 'An integration, with a secret if one is new.',
  })

export const integrationList = wholeList(integrationBody, 'Integrations', 'Newest first.')

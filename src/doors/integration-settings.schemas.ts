import { z } from 'zod'
import { directoryIdFault } from '../domain/entra-ids.ts'
import {
  clientAuthentication,
  entraCloud,
  oidcAlgorithm,
} from '../platform/http/schemas/enumerations.ts'
import { identifierText, shownText } from '../platform/http/schemas/text.ts'

const issuerExample = 'https://id.example.com/realms/staff'

/**
 * Exact issuer of a realm: no query, no fragment, no slash at the end, nothing that two parsers
 * could read differently.
 */
const issuer = z
  .string()
  .max(512)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null
    return (
      url !== null &&
      /^https?:$/.test(url.protocol) &&
      text === `${url.origin}${url.pathname.replace(/\/$/, '')}`
    )
  }, 'must be an http(s) URL in its plain spelling, without user, query, fragment and final slash')
  .meta({ description: 'The issuer of a realm.', example: issuerExample })

const clientId = identifierText(255, { description: 'A client of the realm.', example: 'payroll' })

const redirectUriExample = 'https://id.example.com/callback'
const directoryIdExample = '1b4e28ba-2fa1-4d20-883f-0016d3cca427'

/** As Entra writes ids of its own in tokens: lower case. */
const directoryId = z
  .guid({ error: ({ input }) => directoryIdFault(String(input)) })
  .toLowerCase()
  .meta({ example: directoryIdExample })

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const keyName = identifierText(255, { description: 'The name of the key.', example: 'k1' })

/** A public key of a client; strict, so that no private member comes along. */
const publicJwk = z
  .discriminatedUnion('kty', [
    z.strictObject({
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      x: coordinate,
      y: coordinate,
      kid: keyName,
      alg: z.literal('ES256').exactOptional(),
      use: z.literal('sig').exactOptional(),
    }),
    z.strictObject({
      kty: z.literal('RSA'),
      n: z.string().regex(/^[A-Za-z0-9_-]{342,684}$/),
      e: z.literal('AQAB'),
      kid: keyName,
      alg: z.enum(['RS256', 'PS256']).exactOptional(),
      use: z.literal('sig').exactOptional(),
    }),
  ])
  .meta({
    id: 'ClientJwk',
    description: 'A public key: P-256, or RSA of 2,048 to 4,096 bits.',
  })

const pageSettings = {
  asksAtOnce: z.boolean().default(true).meta({
    description: 'Whether the person is asked at once; otherwise after a click on the page.',
  }),
  codesAsOtp: z.boolean().default(false).meta({
    description: 'Whether recovery and temporary codes count as `otp`; otherwise as a refusal.',
  }),
  enrollmentAllowed: z
    .boolean()
    .default(false)
    .meta({
      description:
        'Whether a user who never had a second factor may enroll a first device on the page, in ' +
        'an open enrollment window or by a temporary code; only where the client itself says who ' +
        'is asked.',
    }),
}
const shownPageSettings = {
  asksAtOnce: z.boolean(),
  codesAsOtp: z.boolean(),
  enrollmentAllowed: z.boolean().default(false),
}

export const givenSettings = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('wait') }),
    z.strictObject({
      kind: z.literal('duo_auth_api'),
      sha1Allowed: z
        .boolean()
        .default(false)
        .meta({ description: 'Whether clients may sign with HMAC-SHA-1, as old ones do.' }),
      failOpenAllowed: z.boolean().default(false).meta({
        description: 'Whether clients may say that they let people in when nobody answers.',
      }),
      enrollmentAllowed: z
        .boolean()
        .default(false)
        .meta({
          description:
            'Whether new users, and only those, are enrolled at this door; requires a ' +
            'policy without `enrollmentConfirmation`.',
        }),
      legacyV1Allowed: z
        .boolean()
        .default(false)
        .meta({
          description:
            'Whether clients may speak version 1 (`/rest/v1`), by HMAC-SHA-1 and without a ' +
            'date; requires `allowedAddresses`.',
        }),
    }),
    z.strictObject({
      kind: z.literal('keycloak_ciba'),
      issuers: z.array(issuer).min(1).max(20).meta({ description: 'The realms that may ask.' }),
      clientIds: z
        .array(clientId)
        .max(100)
        .default([])
        .meta({ description: 'Clients of those realms that may ask; none means all.' }),
      secretInPath: z.boolean().default(false).meta({
        description: 'Whether the address of the channel ends in a secret that is issued by us.',
      }),
    }),
    z
      .strictObject({
        kind: z.literal('entra_external_mfa'),
        cloud: entraCloud.default('global').meta({ description: 'The cloud of the Entra tenant.' }),
        entraTenantId: directoryId.meta({ description: 'The id of the Entra tenant.' }),
        applicationId: directoryId.meta({
          description: 'The application in the Entra tenant that stands for us.',
        }),
        ...pageSettings,
      })
      .meta({
        example: {
          kind: 'entra_external_mfa',
          entraTenantId: directoryIdExample,
          applicationId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
        },
      }),
    z
      .strictObject({
        kind: z.literal('oidc_code'),
        redirectUris: z
          .array(z.string().max(2048).meta({ example: redirectUriExample }))
          .min(1)
          .max(20)
          .meta({ description: 'Addresses to which an answer may go, exactly.' }),
        clientAuthentication: clientAuthentication.default('private_key_jwt').meta({
          description: 'How the client proves who it is at the token endpoint.',
        }),
        jwks: z
          .array(publicJwk)
          .max(10)
          .default([])
          .meta({ description: 'Public keys that sign its assertions and request objects.' }),
        bareLoginHintAllowed: z
          .boolean()
          .default(false)
          .meta({
            description:
              'Whether a request that nobody signed may say who is asked. Weaker: the browser ' +
              'may have changed it.',
          }),
        idTokenAlgorithm: oidcAlgorithm.default('RS256').meta({
          description: 'What signs its ID tokens. Every client takes RS256; ES256 is shorter.',
        }),
        ...pageSettings,
      })
      .meta({
        example: {
          kind: 'oidc_code',
          redirectUris: [redirectUriExample],
          clientAuthentication: 'client_secret_basic',
        },
      }),
  ])
  .meta({
    id: 'GivenIntegrationSettings',
    description: 'The settings of this kind of door.',
    example: { kind: 'wait' },
  })

export const shownSettings = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('wait') }),
    z.object({
      kind: z.literal('duo_auth_api'),
      sha1Allowed: z.boolean(),
      failOpenAllowed: z.boolean(),
      enrollmentAllowed: z.boolean().default(false),
      legacyV1Allowed: z.boolean().default(false),
    }),
    z.object({
      kind: z.literal('keycloak_ciba'),
      issuers: z.array(shownText(issuerExample)).readonly(),
      clientIds: z.array(shownText('payroll')).readonly(),
      secretInPath: z.boolean(),
    }),
    z.object({
      kind: z.literal('entra_external_mfa'),
      cloud: entraCloud,
      entraTenantId: shownText(directoryIdExample),
      applicationId: shownText(directoryIdExample),
      ...shownPageSettings,
    }),
    z.object({
      kind: z.literal('oidc_code'),
      redirectUris: z.array(shownText(redirectUriExample)).readonly(),
      clientAuthentication,
      jwks: z.array(z.record(z.string(), z.string())).readonly(),
      bareLoginHintAllowed: z.boolean(),
      idTokenAlgorithm: oidcAlgorithm,
      ...shownPageSettings,
    }),
  ])
  .meta({ id: 'IntegrationSettings', description: 'The settings of this kind of door.' })

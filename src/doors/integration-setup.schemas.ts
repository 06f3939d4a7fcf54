import { z } from 'zod'
import { clientAuthentication } from '../platform/http/schemas/enumerations.ts'
import { shownText } from '../platform/http/schemas/text.ts'

const issuerExample = 'https://push.example.com/t/tnt_1/oidc'
const clientIdExample = 'int_01jd3v8x4n9qwe5t7m2k6r0abc'

const common = {
  clientId: shownText(clientIdExample, 'The id of the integration, as a client of ours.'),
  issuer: shownText(issuerExample),
  discoveryEndpoint: shownText(`${issuerExample}/.well-known/openid-configuration`),
  steps: z
    .array(shownText('Conditional Access: a policy that grants access with ...'))
    .readonly()
    .meta({ description: 'What is done at the other end, in this order.' }),
}

const redirectUri = (host: string) =>
  shownText(`https://${host}/common/federation/externalauthprovider`)

/** What is entered at the other end; null for kinds that send nobody to a page of ours. */
export const integrationSetupBody = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('entra_external_mfa'),
      ...common,
      name: shownText('Microsoft sign-in', 'Of the external method.'),
      applicationId: shownText('7c9e6679-7425-40de-944b-e07fc1f90ae7'),
      replyUrl: shownText(
        `${issuerExample}/authorize`,
        'To be registered as a redirect URI (web) of that application.',
      ),
      redirectUri: redirectUri('login.microsoftonline.com').meta({
        description: 'Where the answer goes: that of the cloud in the settings.',
      }),
      redirectUris: z
        .object({
          global: redirectUri('login.microsoftonline.com'),
          us_government: redirectUri('login.microsoftonline.us'),
          china: redirectUri('login.partner.microsoftonline.cn'),
        })
        .meta({ description: 'Those of all clouds.' }),
      graphPermissions: z
        .array(shownText('openid'))
        .readonly()
        .meta({ description: 'Delegated permissions of Microsoft Graph, with admin consent.' }),
    }),
    z.object({
      kind: z.literal('oidc_code'),
      ...common,
      scope: z.literal('openid'),
      redirectUris: z.array(shownText('https://id.example.com/callback')).readonly(),
      clientAuthentication,
      personParameter: z.literal('login_hint').meta({
        description: 'The parameter of a request that says who is asked.',
      }),
      namespace: shownText('mail', 'The namespace of the names in it.'),
      requestBinding: z.enum(['pushed_or_signed', 'none_required']).meta({
        description: 'How a request must be bound, so that a browser changes nothing of it.',
      }),
    }),
  ])
  .nullable()
  .meta({
    id: 'IntegrationSetup',
    description:
      'What is to be entered at the other end; null for kinds that send nobody to a page.',
  })

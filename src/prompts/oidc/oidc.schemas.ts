// The endpoints of the provider, as clients of OpenID Connect see them.

import { z } from 'zod'
import { idOf } from '../../platform/http/schemas/ids.ts'
import { shownText } from '../../platform/http/schemas/text.ts'

export const tenantParams = z.strictObject({ tenantId: idOf('tenant', 'The tenant.') })

/** Parameters by name; unknown ones are ignored (OpenID Connect Core, 3.1.2.2). */
export const parameters = z.record(z.string(), z.string()).meta({
  id: 'OauthParameters',
  description: 'Parameters of OAuth and OpenID Connect. Unknown ones are ignored.',
  example: { scope: 'openid' },
})

const parameter = (example: string, description?: string) =>
  z
    .string()
    .exactOptional()
    .meta({ example, ...(description !== undefined && { description }) })

/** Parameters in an address; unknown ones are ignored, too. */
export const queryParameters = z.looseObject({
  client_id: parameter('int_1', 'The id of the integration.'),
  redirect_uri: parameter('https://id.example.com/callback', 'A registered one, letter by letter.'),
  response_type: parameter('code'),
  response_mode: parameter('query'),
  scope: parameter('openid'),
  state: parameter('af0ifjsldkj'),
  nonce: parameter('n-0S6_WzA2Mj'),
  login_hint: parameter('ada', 'Who is asked, where the integration permits it unsigned.'),
  code_challenge: parameter('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'),
  code_challenge_method: parameter('S256'),
  request: parameter('eyJ...', 'A signed request (RFC 9101), which counts alone.'),
  request_uri: parameter('urn:ietf:params:oauth:request_uri:Zm9v', 'A pushed one (RFC 9126).'),
})

export const discoveryBody = z
  .looseObject({
    issuer: shownText('https://push.example.com/t/tnt_1/oidc'),
    authorization_endpoint: shownText('https://push.example.com/t/tnt_1/oidc/authorize'),
    jwks_uri: shownText('https://push.example.com/t/tnt_1/oidc/jwks'),
  })
  .meta({ id: 'OpenIdProvider', description: 'OpenID Connect Discovery 1.0, 3.' })

export const oidcJwksBody = z
  .object({ keys: z.array(z.looseObject({ kid: shownText('k1'), kty: shownText('RSA') })) })
  .meta({
    id: 'OidcKeySet',
    description: 'Keys that sign ID tokens (RFC 7517), each with a certificate (`x5c`).',
  })

export const tokensBody = z
  .object({
    id_token: shownText('eyJ...', 'Who was asked and approved.'),
    access_token: shownText('Zm9v', 'Opens nothing; OAuth requires one.'),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ example: 60 }),
  })
  .meta({ id: 'OidcTokens', description: 'The answer to a code (OpenID Connect Core, 3.1.3.3).' })

export const pushedBody = z
  .object({
    request_uri: shownText('urn:ietf:params:oauth:request_uri:Zm9v'),
    expires_in: z.int().meta({ example: 90 }),
  })
  .meta({ id: 'PushedRequest', description: 'What the browser is to bring (RFC 9126, 2.2).' })

export const oauthErrorBody = z
  .object({
    error: shownText('invalid_grant'),
    error_description: shownText('PKCE with S256 is required').exactOptional(),
  })
  .meta({ id: 'OauthError', description: 'An error of OAuth (RFC 6749, 5.2).' })

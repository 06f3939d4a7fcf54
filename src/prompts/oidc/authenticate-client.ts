// A client proves who it is at the token endpoint and where requests are pushed (OpenID Connect
// Core, 9).

import type { IntegrationId, TenantId } from '../../domain/ids.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import { namedSubject, type Parameters } from '../../domain/oidc-request.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { IntegrationAuthentication } from '../../doors/authenticate-integration.ts'
import type { Hashing } from '../../platform/world.ts'
import type { ClientRequestStore, ClientTokens } from './client.store.ts'
import { type FindClientDependencies, findPromptClient, type PromptClient } from './find-client.ts'

export type ClientDependencies = FindClientDependencies & {
  readonly integrationAuthentication: Pick<IntegrationAuthentication, 'enter'>
  readonly clientRequests: Pick<ClientRequestStore, 'useAssertion'>
  readonly clientTokens: ClientTokens
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly publicOrigin: string
}

/** What a client presents, and from where. */
export type ClientCall = {
  readonly tenantId: TenantId
  readonly authorization: string | undefined
  readonly form: Parameters
  readonly address: string
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** As long as an assertion may be valid, and the clock of its client wrong. */
const rememberedSeconds = 15 * 60
const lengthMax = 512

type Basic = { readonly id: string; readonly secret: string }

/** Name and secret of HTTP Basic, each encoded like a form before (RFC 6749, 2.3.1). */
function readBasic(authorization: string | undefined): Basic | undefined {
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined || encoded.length > lengthMax) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
    return { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) }
  } catch {
    return undefined
  }
}

/** The client that calls, by the one way that its settings name; any other way is refused. */
export async function authenticateClient(
  dependencies: ClientDependencies,
  call: ClientCall,
): Promise<PromptClient | Refusal<'integration_invalid'>> {
  const { tenantId, form } = call
  const basic = readBasic(call.authorization)
  const clientId = basic?.id ?? form.client_id ?? namedSubject(form.client_assertion ?? '')
  const client = await findPromptClient(dependencies, tenantId, clientId)
  if (isRefusal(client) || client.settings.kind !== 'oidc_code') {
    return refuse('integration_invalid')
  }
  // Two names of one client in a call are one too many.
  if (form.client_id !== undefined && form.client_id !== client.integration.id) {
    return refuse('integration_invalid')
  }
  const { clientAuthentication: way } = client.settings
  const isProven =
    way === 'private_key_jwt'
      ? basic === undefined && (await isAssertionValid(dependencies, client, call))
      : await isSecretValid(dependencies, client, call, secretOf(way, basic, form))
  return isProven ? client : refuse('integration_invalid')
}

function secretOf(
  way: 'client_secret_basic' | 'client_secret_post',
  basic: Basic | undefined,
  form: Parameters,
): string | null {
  if (way === 'client_secret_basic') return form.client_secret ? null : (basic?.secret ?? null)
  return basic ? null : (form.client_secret ?? null)
}

async function isSecretValid(
  { integrationAuthentication }: ClientDependencies,
  { integration: { id } }: PromptClient,
  { address }: ClientCall,
  secret: string | null,
): Promise<boolean> {
  const entry = { kind: 'oidc_code', handle: { id }, proof: { secret }, address } as const
  return secret !== null && !isRefusal(await integrationAuthentication.enter(entry))
}

/** An assertion is of this client, for us, of now, and used for the first time (RFC 7523, 3). */
async function isAssertionValid(
  dependencies: ClientDependencies,
  { settings, integration }: PromptClient,
  { tenantId, form, address }: ClientCall,
): Promise<boolean> {
  const { client_assertion_type: type, client_assertion: token } = form
  if (type !== assertionType || token === undefined || form.client_secret !== undefined)
    return false
  const { id } = integration
  const issuer = oidcIssuerOf(dependencies.publicOrigin, tenantId)
  const audiences = [issuer, `${issuer}/token`, `${issuer}/par`]
  const { jwks } = settings.kind === 'oidc_code' ? settings : { jwks: [] }
  const claims = await dependencies.clientTokens.verify(token, { id, jwks, audiences })
  if (claims === 'refused' || claims.sub !== id) return false
  const { jti } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > lengthMax) return false
  const entry = { kind: 'oidc_code', handle: { id }, proof: { secret: null }, address } as const
  if (isRefusal(await dependencies.integrationAuthentication.enter(entry))) return false
  return dependencies.clientRequests.useAssertion({
    ...{ tenantId, integrationId: id as IntegrationId },
    hash: dependencies.hashing.sha256(jti),
    seconds: rememberedSeconds,
  })
}

// The parameters of a request, wherever the client put them: in the address, in what it pushed
// before (RFC 9126), or in a token that it signed (RFC 9101).

import type { TenantId } from '../../domain/ids.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import { type Parameters, type RequestFault, signedPartOf } from '../../domain/oidc-request.ts'
import type { Hashing } from '../../platform/world.ts'
import type { ClientRequestStore, ClientTokens } from './client.store.ts'
import type { PromptClient } from './find-client.ts'

export type ReadRequestDependencies = {
  readonly clientRequests: Pick<ClientRequestStore, 'findPushed'>
  readonly clientTokens: ClientTokens
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly publicOrigin: string
}

/** Where a pushed request is, with the 256 random bits that name it. */
export const pushedPrefix = 'urn:ietf:params:oauth:request_uri:'

/**
 * Who says what is in a request: the client, by what it pushed or signed, which counts once; or
 * (null) the browser.
 */
export type SaidBy = { readonly reference: string | null }
const browser: SaidBy = { reference: null }

export type ClientRequest = {
  readonly parameters: Parameters
  readonly by: SaidBy | RequestFault
}

/**
 * Reads the request. A pushed or signed one counts alone, without what the address says beside it
 * (RFC 9101, 6.3), so that a browser changes nothing of it.
 */
export async function readClientRequest(
  dependencies: ReadRequestDependencies,
  client: PromptClient,
  parameters: Parameters,
): Promise<ClientRequest> {
  const { request, request_uri: requestUri } = parameters
  if (client.settings.kind !== 'oidc_code') return { parameters, by: browser }
  if (requestUri !== undefined) return readPushed(dependencies, client, parameters, requestUri)
  if (request !== undefined) return readSigned(dependencies, client, parameters, request)
  return { parameters, by: browser }
}

async function readPushed(
  { clientRequests, hashing }: ReadRequestDependencies,
  { integration: { tenantId, id: integrationId } }: PromptClient,
  parameters: Parameters,
  requestUri: string,
): Promise<ClientRequest> {
  const reference = requestUri.startsWith(pushedPrefix)
    ? requestUri.slice(pushedPrefix.length)
    : undefined
  const hash = reference === undefined ? undefined : hashing.sha256(reference)
  const pushedParameters =
    hash && (await clientRequests.findPushed({ tenantId, integrationId, hash }))
  if (pushedParameters) return { parameters: pushedParameters, by: { reference: requestUri } }
  const description = 'request_uri is none that was pushed, or its time is over'
  return { parameters, by: { error: 'invalid_request_uri', description } }
}

async function readSigned(
  dependencies: ReadRequestDependencies,
  client: PromptClient,
  parameters: Parameters,
  token: string,
): Promise<ClientRequest> {
  const signedParameters = await verifyRequest(dependencies, client, token)
  if (signedParameters)
    return { parameters: signedParameters, by: { reference: signedPartOf(token) } }
  const description = 'request is not signed by this client for us, or its time is over'
  return { parameters, by: { error: 'invalid_request_object', description } }
}

/** The parameters of a signed request; undefined for any other text. */
export async function verifyRequest(
  { clientTokens, publicOrigin }: Pick<ReadRequestDependencies, 'clientTokens' | 'publicOrigin'>,
  { settings, integration: { tenantId, id } }: PromptClient,
  token: string,
): Promise<Parameters | undefined> {
  const { jwks } = settings.kind === 'oidc_code' ? settings : { jwks: [] }
  const audiences = [oidcIssuerOf(publicOrigin, tenantId as TenantId)]
  const claims = await clientTokens.verify(token, { id, jwks, audiences })
  if (claims === 'refused' || claims.client_id !== id) return undefined
  // An assertion by which a client authenticates is no request (RFC 9101, 10.8).
  if (claims.sub === id || 'request' in claims || 'request_uri' in claims) return undefined
  const { claims: askedClaims, ...rest } = claims
  const texts = Object.entries(rest).filter((member): member is [string, string] => {
    return typeof member[1] === 'string'
  })
  const claimsText = typeof askedClaims === 'object' ? JSON.stringify(askedClaims) : askedClaims
  return {
    ...Object.fromEntries(texts),
    ...(typeof claimsText === 'string' && { claims: claimsText }),
  }
}

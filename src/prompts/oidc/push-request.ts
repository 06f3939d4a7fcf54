// A client sends its request ahead, and the browser with a reference to it (PAR, RFC 9126).

import {
  isRequestFault,
  knownParameters,
  type Parameters,
  type RequestFault,
  readCodeRequest,
  readCommonRequest,
} from '../../domain/oidc-request.ts'
import { redirectUrisOf } from '../../domain/prompt-settings.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import type { Random } from '../../platform/world.ts'
import {
  authenticateClient,
  type ClientCall,
  type ClientDependencies,
} from './authenticate-client.ts'
import type { ClientRequestStore } from './client.store.ts'
import { pushedPrefix, verifyRequest } from './read-client-request.ts'

export type Dependencies = ClientDependencies & {
  readonly clientRequests: Pick<ClientRequestStore, 'push' | 'useAssertion'>
  readonly random: Pick<Random, 'token'>
}

/** For how long the browser may bring the reference. */
export const pushedSeconds = 90

/** The reference that the browser brings. */
export type PushedReference = { readonly requestUri: string; readonly expiresInSeconds: number }

/**
 * Keeps what counts of the request of an authenticated client, whose faults it learns at once. A
 * signed one may be pushed, too; then it counts alone.
 */
export async function pushRequest(
  dependencies: Dependencies,
  call: ClientCall,
): Promise<PushedReference | RequestFault | Refusal<'integration_invalid'>> {
  const client = await authenticateClient(dependencies, call)
  if (isRefusal(client)) return client
  const { integration, settings } = client
  const { form } = call
  if (form.request_uri !== undefined) {
    return { error: 'invalid_request', description: 'request_uri must not be pushed' }
  }
  const sentParameters =
    form.request === undefined ? form : await verifyRequest(dependencies, client, form.request)
  if (!sentParameters)
    return { error: 'invalid_request_object', description: 'request is not signed' }
  const parameters = knownParameters({ ...sentParameters, client_id: integration.id })
  const fault = faultOf(parameters, redirectUrisOf(settings))
  if (fault) return fault
  const reference = dependencies.random.token(32)
  const { tenantId, id: integrationId } = integration
  const hash = dependencies.hashing.sha256(reference)
  const newRequest = { tenantId, integrationId, hash, parameters, seconds: pushedSeconds }
  await dependencies.clientRequests.push(newRequest)
  return { requestUri: `${pushedPrefix}${reference}`, expiresInSeconds: pushedSeconds }
}

function faultOf(
  parameters: Parameters,
  redirectUris: readonly string[],
): RequestFault | undefined {
  const { redirect_uri: redirectUri = '' } = parameters
  if (!redirectUris.includes(redirectUri)) {
    return { error: 'invalid_request', description: 'redirect_uri is not registered' }
  }
  const parts = [readCommonRequest(parameters), readCodeRequest(parameters)]
  return parts.find((part) => isRequestFault(part))
}

// The ID token that answers a client.

import { chooseEntraMethod, idTokenPayload } from '../../domain/id-token.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import type { StoredPrompt } from '../prompt.store.ts'
import type { PromptClient } from './find-client.ts'
import { type Dependencies as KeyDependencies, signIdToken } from './oidc-keys.ts'

export type IdTokenDependencies = KeyDependencies

/** What is said of how the person was verified: all that is true, or to Entra one thing. */
export function methodsOf(
  { settings }: Pick<PromptClient, 'settings'>,
  { request, evidence }: Pick<StoredPrompt, 'request' | 'evidence'>,
): readonly string[] | undefined {
  const amr = evidence?.amr ?? []
  if (settings.kind === 'oidc_code') return amr
  const method = chooseEntraMethod(amr, request.askedMethods)
  return method === undefined ? undefined : [method]
}

/** Signs the ID token of an approved prompt that was answered; the same at each call. */
export async function idTokenOf(
  dependencies: IdTokenDependencies,
  client: PromptClient,
  prompt: StoredPrompt,
): Promise<string> {
  const { evidence, answeredAt, outcome, tenantId, request } = prompt
  const amr = methodsOf(client, prompt)
  if (outcome !== 'approved' || evidence === null || answeredAt === null || amr === undefined) {
    throw new Error(`${prompt.id} has no approval to sign`)
  }
  const { settings, integration } = client
  const alg = settings.kind === 'oidc_code' ? settings.idTokenAlgorithm : 'RS256'
  const issuer = oidcIssuerOf(dependencies.publicOrigin, tenantId)
  // The name that the client itself gave, and that was asked by.
  const userName = settings.kind === 'oidc_code' ? request.subject : null
  const facts = { issuer, audience: integration.id, evidence, amr, userName, answeredAt }
  return signIdToken(dependencies, tenantId, alg, idTokenPayload(request, facts))
}

// A client exchanges the code that the browser brought for an ID token (RFC 6749, 4.1.3).

import type { Parameters } from '../../domain/oidc-request.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import type { Hashing, Random } from '../../platform/world.ts'
import type { PromptStore } from '../prompt.store.ts'
import {
  authenticateClient,
  type ClientCall,
  type ClientDependencies,
} from './authenticate-client.ts'
import { type IdTokenDependencies, idTokenOf } from './id-tokens.ts'

export type Dependencies = ClientDependencies &
  IdTokenDependencies & {
    readonly prompts: Pick<PromptStore, 'redeem'>
    readonly hashing: Pick<Hashing, 'sha256' | 'sha256Base64Url' | 'equal'>
    readonly random: Pick<Random, 'token'>
  }

/** Codes of OAuth for the token endpoint (RFC 6749, 5.2). */
export type TokenFault = {
  readonly error: 'invalid_request' | 'invalid_grant' | 'unsupported_grant_type'
}

export type Tokens = { readonly idToken: string; readonly accessToken: string }

const codePattern = /^[A-Za-z0-9_-]{43}$/
/** RFC 7636, 4.1. */
const verifierPattern = /^[A-Za-z0-9._~-]{43,128}$/

/**
 * The ID token of a prompt that was approved. A code counts once, whatever else is wrong with the
 * call: with another address or another verifier nobody can try again. That of another client is
 * not touched.
 */
export async function exchangeCode(
  dependencies: Dependencies,
  call: ClientCall,
): Promise<Tokens | TokenFault | Refusal<'integration_invalid'>> {
  const client = await authenticateClient(dependencies, call)
  if (isRefusal(client)) return client
  const { grant_type: grantType, code } = call.form
  if (grantType === undefined) return { error: 'invalid_request' }
  if (grantType !== 'authorization_code') return { error: 'unsupported_grant_type' }
  if (code === undefined || !codePattern.test(code)) return { error: 'invalid_grant' }
  const { tenantId, id: integrationId } = client.integration
  const hash = dependencies.hashing.sha256(code)
  const prompt = await dependencies.prompts.redeem({ tenantId, integrationId, hash })
  if (!prompt || !isOfRequest(dependencies, prompt.request, call.form)) {
    return { error: 'invalid_grant' }
  }
  const idToken = await idTokenOf(dependencies, client, prompt)
  // There is nothing here that an access token opens: the answer must hold one (RFC 6749, 5.1).
  return { idToken, accessToken: dependencies.random.token(32) }
}

function isOfRequest(
  { hashing }: Pick<Dependencies, 'hashing'>,
  request: { readonly redirectUri: string; readonly codeChallenge: string | null },
  form: Parameters,
): boolean {
  const { redirect_uri: redirectUri, code_verifier: verifier = '' } = form
  const { codeChallenge } = request
  if (redirectUri !== request.redirectUri || codeChallenge === null) return false
  return verifierPattern.test(verifier) && hashing.sha256Base64Url(verifier) === codeChallenge
}

import type { IntegrationId, TenantId } from '../../domain/ids.ts'
import type { Parameters } from '../../domain/oidc-request.ts'
import type { ClientJwk } from '../../domain/prompt-settings.ts'
import type { VerifiedClaims } from './entra-hint.store.ts'

/** Tokens that a client signs with keys of its own. */
export interface ClientTokens {
  /**
   * The claims of a token that one of these keys signed, whose `iss` is the client, whose audience
   * is one of those, and which is valid now, for ten minutes at most; `refused` for anything else.
   */
  verify(
    token: string,
    client: {
      readonly id: IntegrationId
      readonly jwks: readonly ClientJwk[]
      readonly audiences: readonly string[]
    },
  ): Promise<VerifiedClaims | 'refused'>
}

type Owner = { readonly tenantId: TenantId; readonly integrationId: IntegrationId }

/** What clients have sent ahead, and what counts once. */
export interface ClientRequestStore {
  /** Keeps a pushed request under the hash of its reference. */
  push(
    request: Owner & {
      readonly hash: Uint8Array
      readonly parameters: Parameters
      readonly seconds: number
    },
  ): Promise<void>
  /** The parameters of a pushed request of this client; null when its time is over. */
  findPushed(request: Owner & { readonly hash: Uint8Array }): Promise<Parameters | null>
  /** Uses an assertion up; false when it was used before. */
  useAssertion(
    assertion: Owner & { readonly hash: Uint8Array; readonly seconds: number },
  ): Promise<boolean>
}

import type { Actor } from './activity.ts'
import type { ApiKeyId, IntegrationId, RelyingPartyId, TenantId } from './ids.ts'
import type { PolicyOverrides } from './policy.ts'
import type { Scope } from './scope.ts'

/** For whom is asked. */
type Party = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly rpName: string
  /** Namespaces of identifiers it may use; the first is its default. */
  readonly namespaces: readonly string[]
}

/** Who asks: a relying party, through one of its API keys. */
export type Principal = Party & {
  readonly keyId: ApiKeyId
  readonly scopes: readonly Scope[]
}

/** Who asks: a relying party, through one of its integrations, and what that asks beyond the relying party's policy. */
export type Door = Party & {
  readonly integrationId: IntegrationId
  readonly policy: PolicyOverrides
}

/** Who asks, whichever way in. */
export type Asker = Principal | Door

/** How the record names who asks. */
export function actorOf(asker: Asker): Actor {
  return 'keyId' in asker ? `api_key:${asker.keyId}` : `integration:${asker.integrationId}`
}

/** Whose end ends what the asker may do. */
export function credentialOf(asker: Asker): ApiKeyId | IntegrationId {
  return 'keyId' in asker ? asker.keyId : asker.integrationId
}

/** Whose permission counts where the policy names relying parties and integrations: that of a relying party is not its integrations'. */
export function permittedAs(asker: Asker): RelyingPartyId | IntegrationId {
  return 'keyId' in asker ? asker.rpId : asker.integrationId
}

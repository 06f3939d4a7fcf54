import type { Actor } from './activity.ts'
import type { ApiKeyId, IntegrationId, RelyingPartyId, TenantId } from './ids.ts'
import type { PolicyOverrides } from './policy.ts'
import type { Scope } from './scope.ts'

/** The relying party on whose behalf a call is made. */
type Party = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly rpName: string
  /** Namespaces of identifiers it may use; the first is its default. */
  readonly namespaces: readonly string[]
}

/** A relying party that calls through one of its API keys. */
export type Principal = Party & {
  readonly keyId: ApiKeyId
  readonly scopes: readonly Scope[]
}

/**
 * A relying party that asks through one of its integrations, and what the integration requires
 * beyond the relying party's policy.
 */
export type Door = Party & {
  readonly integrationId: IntegrationId
  readonly policy: PolicyOverrides
}

/** Either kind of asker. */
export type Asker = Principal | Door

/** How the audit record names the asker. */
export function actorOf(asker: Asker): Actor {
  return 'keyId' in asker ? `api_key:${asker.keyId}` : `integration:${asker.integrationId}`
}

/** The credential whose end ends the asker's rights. */
export function credentialOf(asker: Asker): ApiKeyId | IntegrationId {
  return 'keyId' in asker ? asker.keyId : asker.integrationId
}

/**
 * The id to check where the policy names relying parties and integrations: a permission of a
 * relying party does not extend to its integrations.
 */
export function permittedAs(asker: Asker): RelyingPartyId | IntegrationId {
  return 'keyId' in asker ? asker.rpId : asker.integrationId
}

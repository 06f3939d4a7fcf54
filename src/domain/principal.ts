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

/** The sign-in page of the portal, which asks in the name of a relying party. */
export type PortalEntrance = Party & { readonly entrance: 'portal' }

/** Who puts questions to users. */
export type Questioner = Asker | PortalEntrance

/** How the audit record names the asker; at the entrance of the portal anybody may ask. */
export function actorOf(asker: Questioner): Actor {
  if ('keyId' in asker) return `api_key:${asker.keyId}`
  return 'integrationId' in asker ? `integration:${asker.integrationId}` : 'service'
}

/** The credential whose end ends the asker's rights. */
export function credentialOf(asker: Asker): ApiKeyId | IntegrationId {
  return 'keyId' in asker ? asker.keyId : asker.integrationId
}

/**
 * The id to check where the policy names relying parties and integrations: a permission of a
 * relying party does not extend to its integrations.
 */
export function permittedAs(asker: Questioner): RelyingPartyId | IntegrationId {
  return 'integrationId' in asker ? asker.integrationId : asker.rpId
}

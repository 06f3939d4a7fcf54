import type { ApiKeyId, RelyingPartyId, TenantId } from './ids.ts'
import type { Scope } from './scope.ts'

/** Who asks: a relying party, through one of its API keys. */
export type Principal = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly rpName: string
  readonly keyId: ApiKeyId
  readonly scopes: readonly Scope[]
  /** Namespaces of identifiers it may use; the first is its default. */
  readonly namespaces: readonly string[]
}

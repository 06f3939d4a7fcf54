import type { TenantId } from './ids.ts'

/** The issuer of everything a tenant signs, and the audience of everything its devices sign. */
export function issuerOf(publicOrigin: string, tenantId: TenantId): string {
  return `${publicOrigin}/t/${tenantId}`
}

/** The issuer of a tenant's ID tokens. */
export function oidcIssuerOf(publicOrigin: string, tenantId: TenantId): string {
  return `${issuerOf(publicOrigin, tenantId)}/oidc`
}

import type { TenantId } from './ids.ts'

/** The issuer of everything a tenant signs, and the audience of everything its devices sign. */
export function issuerOf(publicOrigin: string, tenantId: TenantId): string {
  return `${publicOrigin}/t/${tenantId}`
}

import type { TenantId } from '../domain/ids.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { AuditEvent, AuditFilter, AuditStore } from './audit.store.ts'

/** A page of the changes in a tenant, newest first. */
export function listAuditEvents(
  { audit }: { readonly audit: Pick<AuditStore, 'list'> },
  tenantId: TenantId,
  filter: AuditFilter,
  page: PageRequest,
): Promise<AuditEvent[]> {
  return audit.list(tenantId, filter, page)
}

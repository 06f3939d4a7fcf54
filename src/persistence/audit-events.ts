import type { AuditEvent, AuditStore } from '../ports/audit-store.ts'
import type { Database } from './database.ts'
import { readPage } from './pages.ts'

const filters = ['type', 'actor', 'subject'] as const

/** The list of audit events. */
export function buildAuditEventList(database: Database): Pick<AuditStore, 'list'> {
  return {
    list(tenantId, filter, page) {
      const filterColumns = filters.filter((column) => filter[column] !== undefined)
      const conditions = filterColumns.map((column, n) => `and ${column} = $${n + 2}`).join(' ')
      const list = {
        name: ['list_audit_events', ...filterColumns].join('_'),
        text: ({ limit, before }: { limit: string; before: (id: string) => string }) => `
          select id, type, actor, subject, details, occurred_at as "occurredAt" from audit_events
          where tenant_id = $1 ${conditions} ${before('id')} order by id desc limit ${limit}`,
      }
      const values = [tenantId, ...filterColumns.map((column) => filter[column])]
      return readPage<AuditEvent>(database, list, values, page)
    },
  }
}

import type { TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import {
  type FirstPage,
  type NextPage,
  type PagedList,
  readListPage,
} from '../platform/postgres/pages.ts'
import { statement } from '../platform/postgres/statement.ts'
import type { AuditEvent, AuditStore } from './audit.store.ts'

const filters = ['type', 'actor', 'subject'] as const
type Filter = (typeof filters)[number]
type ListParams = { readonly tenantId: TenantId } & Readonly<Record<Filter, string | null>>

const nameOf = (columns: readonly Filter[]) => ['events', ...columns].join('_')

/** The list by these columns; the others must be null. */
function listBy(columns: readonly Filter[]): PagedList<ListParams, AuditEvent> {
  const name = nameOf(columns)
  const conditions = filters.map((filter) =>
    columns.includes(filter) ? `and ${filter} = :${filter}` : `and :${filter}::text is null`,
  )
  const text = (before: string) =>
    `select id, type, actor, subject, details, occurred_at from audit_events
    where tenant_id = :tenantId ${conditions.join(' ')} ${before}
    order by id desc limit :limit`
  return {
    next: statement<ListParams & NextPage, AuditEvent>(
      `list_audit_${name}_before`,
      text('and id < :before'),
    ),
    first: statement<ListParams & FirstPage, AuditEvent>(`list_audit_${name}`, text('')),
  }
}

const combinations = Array.from({ length: 2 ** filters.length }, (_, bits) =>
  filters.filter((_filter, n) => Math.floor(bits / 2 ** n) % 2 === 1),
)
const lists = new Map(combinations.map((columns) => [nameOf(columns), listBy(columns)]))

/** The list of audit events. */
export function buildAuditEventList(database: Database): Pick<AuditStore, 'list'> {
  return {
    list(tenantId, filter, page) {
      const columns = filters.filter((column) => filter[column] !== undefined)
      const list = lists.get(nameOf(columns))
      if (!list) throw new Error('every combination of filters has its list')
      const { type = null, actor = null, subject = null } = filter
      return readListPage(database, list, { tenantId, type, actor, subject }, page)
    },
  }
}

// Reading a tenant's audit chain for its own audit.

import type { AuditLink, AuditRow } from '../domain/audit-chain.ts'
import type { ExemptionType } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { AuditStore, ExemptingRow, LinkReading, StoredHead } from './audit.store.ts'
import { countAbout } from './audit-about.sql.ts'
import { findOverdueRow } from './audit-overdue-rows.sql.ts'
import { activityRow, eventRow, micros, slack } from './audit-rows.sql.ts'

const isLinked = (alias: string) => `exists (select from audit_links xl
  where xl.tenant_id = ${alias}.tenant_id and xl.row_id = ${alias}.id)`
const hasNoUser = (tenantId: string, userId: string) => `not exists (select from users u
  where u.tenant_id = ${tenantId} and u.id = ${userId} and u.erased_at is null)`

/** A link with its row, if there is one; the columns of the row are null otherwise. */
type LinkRow = Omit<AuditLink, 'occurredAtMicros'> & {
  readonly linkMicros: string
  readonly id: string | null
  readonly about: string
  readonly hasNoUser: boolean
} & Omit<AuditRow, 'id'>

const readLinks = statement<
  { readonly tenantId: TenantId; readonly afterSeq: number; readonly limit: number },
  LinkRow
>(
  'read_links',
  `select l.seq::float8 as seq, l.row_id, ${micros('l.occurred_at')} as link_micros, l.core_digest,
    l.details_digest, l.hash, x.id, x.occurred_at_micros, x.core, x.details, x.salt, x.about,
    x.has_no_user
  from audit_links l
  left join lateral (
    select ${activityRow}, a.user_id as about,
      ${hasNoUser('a.tenant_id', 'a.user_id')} as has_no_user
    from activities a where a.tenant_id = l.tenant_id and a.id = l.row_id
    union all
    select ${eventRow}, e.subject as about,
      ${hasNoUser('e.tenant_id', 'e.subject')} as has_no_user
    from audit_events e where e.tenant_id = l.tenant_id and e.id = l.row_id
  ) x on true
  where l.tenant_id = :tenantId and l.seq > :afterSeq order by l.seq limit :limit`,
)

const readHeads = statement<{ readonly tenantId: TenantId }, StoredHead>(
  'read_heads',
  'select seq::float8 as seq, jws from audit_heads where tenant_id = :tenantId order by seq',
)

const readEnd = statement<
  { readonly tenantId: TenantId },
  {
    readonly seq: number
    readonly hash: string
    readonly missing: boolean
    readonly unsettled: boolean
  }
>(
  'read_end',
  `select coalesce((select c.seq from audit_chains c
      where c.tenant_id = :tenantId), 0)::float8 as seq,
    coalesce((select c.hash from audit_chains c where c.tenant_id = :tenantId), '') as hash,
    not exists (select from audit_chains c where c.tenant_id = :tenantId) and (
      exists (select from audit_links l where l.tenant_id = :tenantId)
      or exists (select from audit_heads h where h.tenant_id = :tenantId)
      or exists (select from audit_events e where e.tenant_id = :tenantId
        and e.occurred_at < clock_timestamp() - ${slack})) as missing,
    exists (select from audit_events e where e.tenant_id = :tenantId
      and e.type in ('user_erased', 'activities_purged')
      and e.occurred_at > clock_timestamp() - ${slack} and not ${isLinked('e')}) as unsettled`,
)

// An exemption counts only if it is in the chain itself, where it stays visible permanently.
const readExempting = statement<
  {
    readonly tenantId: TenantId
    readonly type: ExemptionType
    readonly afterId: string
    readonly limit: number
  },
  ExemptingRow
>(
  'read_exempting',
  `select e.id, e.type, e.subject, l.seq::float8 as seq,
    ${micros('l.occurred_at')} as occurred_at_micros, e.details
  from audit_events e join audit_links l on l.tenant_id = e.tenant_id and l.row_id = e.id
  where e.tenant_id = :tenantId and e.type = :type and e.id > :afterId order by e.id limit :limit`,
)

function toReading(row: LinkRow): LinkReading {
  const { seq, rowId, linkMicros, coreDigest, detailsDigest, hash } = row
  const { id, occurredAtMicros, core, details, salt, about, hasNoUser } = row
  return {
    link: { seq, rowId, occurredAtMicros: linkMicros, coreDigest, detailsDigest, hash },
    row: id ? { id, occurredAtMicros, core, details, salt, about, isUserErased: hasNoUser } : null,
  }
}

type Reading =
  | 'readLinks'
  | 'readHeads'
  | 'readEnd'
  | 'readExempting'
  | 'countAbout'
  | 'findOverdueRow'

/**
 * The chain of one tenant, page by page, together with the rows that its links cover, as they are
 * now.
 */
export function buildAuditReading(database: Database): Pick<AuditStore, Reading> {
  return {
    async readLinks(tenantId, afterSeq, limit) {
      const rows = await run(database, readLinks, { tenantId, afterSeq, limit })
      return rows.map(toReading)
    },

    readHeads: (tenantId) => run(database, readHeads, { tenantId }),

    async readEnd(tenantId) {
      const row = await runOne(database, readEnd, { tenantId })
      return row
    },

    readExempting: (tenantId, type, afterId, limit) =>
      run(database, readExempting, { tenantId, type, afterId, limit }),

    countAbout: (tenantId, userId, before) => countAbout(database, tenantId, userId, before),

    findOverdueRow: (tenantId) => findOverdueRow(database, tenantId),
  }
}

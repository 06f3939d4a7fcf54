// Reading a tenant's audit chain for its own audit.

import type { AuditStore, ExemptingRow, LinkReading, StoredHead } from '../ports/audit-store.ts'
import { countAbout } from './audit-about.ts'
import { findOverdueRow } from './audit-overdue-rows.ts'
import {
  type AuditRowRecord,
  activityRow,
  eventRow,
  micros,
  slack,
  toAuditRow,
} from './audit-rows.ts'
import type { Database } from './database.ts'

const isLinked = (alias: string) => `exists (select from audit_links xl
  where xl.tenant_id = ${alias}.tenant_id and xl.row_id = ${alias}.id)`
const hasNoUser = (tenantId: string, userId: string) => `not exists (select from users u
  where u.tenant_id = ${tenantId} and u.id = ${userId} and u.erased_at is null)`

const readLinks = `
  select l.seq::float8 as seq, l.row_id, ${micros('l.occurred_at')} as link_micros, l.core_digest,
    l.details_digest, l.hash, x.*
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
  where l.tenant_id = $1 and l.seq > $2 order by l.seq limit $3`

const readEnd = `
  select coalesce((select c.seq from audit_chains c where c.tenant_id = $1), 0)::float8 as seq,
    coalesce((select c.hash from audit_chains c where c.tenant_id = $1), '') as hash,
    not exists (select from audit_chains c where c.tenant_id = $1) and (
      exists (select from audit_links l where l.tenant_id = $1)
      or exists (select from audit_heads h where h.tenant_id = $1)
      or exists (select from audit_events e where e.tenant_id = $1
        and e.occurred_at < clock_timestamp() - ${slack})) as missing,
    exists (select from audit_events e where e.tenant_id = $1
      and e.type in ('user_erased', 'activities_purged')
      and e.occurred_at > clock_timestamp() - ${slack} and not ${isLinked('e')}) as unsettled`

// An exemption counts only if it is in the chain itself, where it stays visible permanently.
const readExempting = `
  select e.id, e.type, e.subject, l.seq::float8 as seq,
    ${micros('l.occurred_at')} as "occurredAtMicros", e.details
  from audit_events e join audit_links l on l.tenant_id = e.tenant_id and l.row_id = e.id
  where e.tenant_id = $1 and e.type = $2 and e.id > $3 order by e.id limit $4`

type LinkRow = Partial<AuditRowRecord> & {
  readonly seq: number
  readonly row_id: string
  readonly link_micros: string
  readonly core_digest: string
  readonly details_digest: string
  readonly hash: string
  readonly about: string
  readonly has_no_user: boolean
}

function toReading(row: LinkRow): LinkReading {
  return {
    link: {
      seq: row.seq,
      rowId: row.row_id,
      occurredAtMicros: row.link_micros,
      coreDigest: row.core_digest,
      detailsDigest: row.details_digest,
      hash: row.hash,
    },
    row: row.id
      ? { ...toAuditRow(row as AuditRowRecord), about: row.about, isUserErased: row.has_no_user }
      : null,
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
      const rows = await database.query<LinkRow>('read_links', readLinks, [
        tenantId,
        afterSeq,
        limit,
      ])
      return rows.map(toReading)
    },

    readHeads: (tenantId) =>
      database.query<StoredHead>(
        'read_heads',
        'select seq::float8 as seq, jws from audit_heads where tenant_id = $1 order by seq',
        [tenantId],
      ),

    async readEnd(tenantId) {
      type Row = { seq: number; hash: string; missing: boolean; unsettled: boolean }
      const [row] = await database.query<Row>('read_end', readEnd, [tenantId])
      if (!row) throw new Error('a row without a table is always there')
      return row
    },

    readExempting: (tenantId, type, afterId, limit) =>
      database.query<ExemptingRow>('read_exempting', readExempting, [
        tenantId,
        type,
        afterId,
        limit,
      ]),

    countAbout: (tenantId, userId, before) => countAbout(database, tenantId, userId, before),

    findOverdueRow: (tenantId) => findOverdueRow(database, tenantId),
  }
}

// Extending a tenant's audit chain, and signing its end.

import type { AuditRow } from '../domain/audit-chain.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { disableSorts } from '../platform/postgres/disable-sorts.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { AuditStore, UnsignedEnd } from './audit.store.ts'
import { buildAuditCheckpoints } from './audit-checkpoints.sql.ts'
import { buildAuditEventList } from './audit-events.sql.ts'
import { buildAuditReading } from './audit-reading.sql.ts'
import {
  activityRow,
  eventRow,
  isChained,
  isUnlinked,
  scanFrom,
  seconds,
} from './audit-rows.sql.ts'

// Each scans its table by time and stops at the first row that it finds. No `exists`: the planner
// then drops the order and reads the whole table in the hope of an early match.
const oneUnlinked = (rows: string, alias: string, more = '') => `(
    select true from ${rows} ${alias} where ${alias}.tenant_id = t.tenant_id
      and ${alias}.occurred_at >= ${scanFrom(seconds(':lookBackSeconds::int'))} ${more}
      and ${isUnlinked(alias)}
    order by ${alias}.occurred_at limit 1)`
const findUnlinked = statement<
  { readonly limit: number; readonly lookBackSeconds: number },
  { readonly tenantId: TenantId; readonly checkpointed: boolean }
>(
  'find_unlinked',
  `select t.tenant_id, c.checkpoint_seq is not null as checkpointed
  from tenants t left join audit_chains c on c.tenant_id = t.tenant_id
  where c.checkpoint_seq is null
    or ${oneUnlinked('audit_events', 'e')}
    or ${oneUnlinked('activities', 'a', `and ${isChained}`)}
  limit :limit`,
)

const openChain = statement<{ readonly tenantId: TenantId }>(
  'open_chain',
  'insert into audit_chains (tenant_id) values (:tenantId) on conflict do nothing',
)

const lockChain = statement<
  { readonly tenantId: TenantId; readonly lookBackSeconds: number },
  { readonly seq: number; readonly hash: string; readonly now: Date; readonly since: string }
>(
  'lock_chain',
  `select c.seq::float8 as seq, c.hash, clock_timestamp() as now,
    ${scanFrom(seconds(':lookBackSeconds::int'))}::text as since
  from audit_chains c where c.tenant_id = :tenantId for update skip locked`,
)

// The bound is a parameter, so that the planner knows both scans to be short; each returns its
// oldest rows, and the oldest of both are taken.
const unlinkedRows = statement<
  { readonly tenantId: TenantId; readonly limit: number; readonly since: string },
  AuditRow & { readonly occurredAt: Date }
>(
  'unlinked_rows',
  `select * from (
    (select ${eventRow} from audit_events e
      where e.tenant_id = :tenantId and e.occurred_at >= :since::text::timestamptz
        and ${isUnlinked('e')}
      order by e.occurred_at limit :limit)
    union all
    (select ${activityRow} from activities a
      where a.tenant_id = :tenantId and a.occurred_at >= :since::text::timestamptz
        and ${isChained} and ${isUnlinked('a')}
      order by a.occurred_at limit :limit)
  ) x order by x.occurred_at, x.id limit :limit`,
)

const insertLinks = statement<{
  readonly tenantId: TenantId
  readonly seqs: readonly number[]
  readonly rowIds: readonly string[]
  readonly micros: readonly string[]
  readonly coreDigests: readonly string[]
  readonly detailsDigests: readonly string[]
  readonly hashes: readonly string[]
}>(
  'insert_links',
  `insert into audit_links (tenant_id, seq, row_id, occurred_at, core_digest, details_digest, hash)
  select :tenantId, x.seq, x.row_id, 'epoch'::timestamptz + x.micros * interval '1 microsecond',
    x.core_digest, x.details_digest, x.hash
  from unnest(:seqs::bigint[], :rowIds::text[], :micros::bigint[], :coreDigests::text[],
      :detailsDigests::text[], :hashes::text[])
    as x(seq, row_id, micros, core_digest, details_digest, hash)`,
)

const moveEnd = statement<{
  readonly tenantId: TenantId
  readonly seq: number
  readonly hash: string
  readonly through: Date | null
}>(
  'move_end',
  `update audit_chains set seq = :seq, hash = :hash,
    linked_through = greatest(linked_through, :through)
  where tenant_id = :tenantId`,
)

const findUnsigned = statement<
  { readonly headAgeSeconds: number; readonly limit: number },
  UnsignedEnd
>(
  'find_unsigned',
  `select tenant_id, seq::float8 as seq, hash, linked_through as through,
    checkpoint_seq::float8 as checkpoint_seq
  from audit_chains
  where seq > head_seq and linked_through is not null
    and (head_signed_at is null
      or head_signed_at <= clock_timestamp() - make_interval(secs => :headAgeSeconds))
  order by head_signed_at nulls first limit :limit`,
)

const saveHead = statement<
  { readonly tenantId: TenantId; readonly seq: number; readonly jws: string },
  { readonly seq: number }
>(
  'save_head',
  `with c as (
    update audit_chains set head_seq = :seq, head_signed_at = clock_timestamp()
    where tenant_id = :tenantId and head_seq < :seq returning tenant_id
  )
  insert into audit_heads (tenant_id, seq, jws)
  select c.tenant_id, :seq, :jws from c returning seq`,
)

/**
 * The audit record of all tenants; every statement except the worker's two searches names its
 * tenant.
 */
export function buildAuditStore(database: Database, random: Pick<Random, 'id'>): AuditStore {
  return {
    ...buildAuditEventList(database),
    ...buildAuditReading(database),
    ...buildAuditCheckpoints(database, random),

    findUnlinked({ limit, lookBackSeconds }) {
      return database.transaction(async (tx) => {
        await disableSorts(tx)
        return run(tx, findUnlinked, { limit, lookBackSeconds })
      })
    },

    async lengthen(tenantId, { limit, lookBackSeconds }, links) {
      await run(database, openChain, { tenantId })
      return database.transaction(async (tx) => {
        const [end] = await run(tx, lockChain, { tenantId, lookBackSeconds })
        if (!end) return null
        await disableSorts(tx)
        const rows = await run(tx, unlinkedRows, { tenantId, limit, since: end.since })
        const newLinks = links({ seq: end.seq, hash: end.hash }, rows)
        await run(tx, insertLinks, {
          tenantId,
          seqs: newLinks.map((link) => link.seq),
          rowIds: newLinks.map((link) => link.rowId),
          micros: newLinks.map((link) => link.occurredAtMicros),
          coreDigests: newLinks.map((link) => link.coreDigest),
          detailsDigests: newLinks.map((link) => link.detailsDigest),
          hashes: newLinks.map((link) => link.hash),
        })
        const { seq, hash } = newLinks.at(-1) ?? end
        const through = rows.length < limit ? end.now : (rows.at(-1)?.occurredAt ?? null)
        await run(tx, moveEnd, { tenantId, seq, hash, through })
        return rows.length
      })
    },

    findUnsigned: (headAgeSeconds, limit) => run(database, findUnsigned, { headAgeSeconds, limit }),

    async saveHead(tenantId, { seq, jws }) {
      const savedRows = await run(database, saveHead, { tenantId, seq, jws })
      return savedRows.length === 1 ? 'done' : 'changed'
    },
  }
}

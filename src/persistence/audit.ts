// Extending a tenant's audit chain, and signing its end.

import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { Random } from '../ports/world.ts'
import { buildAuditCheckpoints } from './audit-checkpoints.ts'
import { buildAuditEventList } from './audit-events.ts'
import { buildAuditReading } from './audit-reading.ts'
import {
  type AuditRowRecord,
  activityRow,
  eventRow,
  isChained,
  isUnlinked,
  scanFrom,
  seconds,
  toAuditRow,
} from './audit-rows.ts'
import type { Database } from './database.ts'
import { disableSorts } from './disable-sorts.ts'

// Each scans its table by time and stops at the first row that it finds. No `exists`: the planner
// then drops the order and reads the whole table in the hope of an early match.
const oneUnlinked = (rows: string, alias: string, more = '') => `(
    select true from ${rows} ${alias} where ${alias}.tenant_id = t.tenant_id
      and ${alias}.occurred_at >= ${scanFrom(seconds('$2::int'))} ${more} and ${isUnlinked(alias)}
    order by ${alias}.occurred_at limit 1)`
const findUnlinked = `
  select t.tenant_id as "tenantId", c.checkpoint_seq is not null as checkpointed
  from tenants t left join audit_chains c on c.tenant_id = t.tenant_id
  where c.checkpoint_seq is null
    or ${oneUnlinked('audit_events', 'e')}
    or ${oneUnlinked('activities', 'a', `and ${isChained}`)}
  limit $1`

const openChain = `
  insert into audit_chains (tenant_id) values ($1) on conflict do nothing`

const lockChain = `
  select c.seq::float8 as seq, c.hash, clock_timestamp() as now,
    ${scanFrom(seconds('$2::int'))}::text as since
  from audit_chains c where c.tenant_id = $1 for update skip locked`

// The bound is a parameter, so that the planner knows both scans to be short; each returns its
// oldest rows, and the oldest of both are taken.
const unlinkedRows = `
  select * from (
    (select ${eventRow} from audit_events e
      where e.tenant_id = $1 and e.occurred_at >= $3::text::timestamptz and ${isUnlinked('e')}
      order by e.occurred_at limit $2)
    union all
    (select ${activityRow} from activities a
      where a.tenant_id = $1 and a.occurred_at >= $3::text::timestamptz and ${isChained}
        and ${isUnlinked('a')}
      order by a.occurred_at limit $2)
  ) x order by x.occurred_at, x.id limit $2`

const insertLinks = `
  insert into audit_links (tenant_id, seq, row_id, occurred_at, core_digest, details_digest, hash)
  select $1, x.seq, x.row_id, 'epoch'::timestamptz + x.micros * interval '1 microsecond',
    x.core_digest, x.details_digest, x.hash
  from unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
    as x(seq, row_id, micros, core_digest, details_digest, hash)`

const moveEnd = `
  update audit_chains set seq = $2, hash = $3, linked_through = greatest(linked_through, $4)
  where tenant_id = $1`

const findUnsigned = `
  select tenant_id, seq::float8 as seq, hash, linked_through as through,
    checkpoint_seq::float8 as checkpoint_seq
  from audit_chains
  where seq > head_seq and linked_through is not null
    and (head_signed_at is null
      or head_signed_at <= clock_timestamp() - make_interval(secs => $1))
  order by head_signed_at nulls first limit $2`

const saveHead = `
  with c as (
    update audit_chains set head_seq = $2, head_signed_at = clock_timestamp()
    where tenant_id = $1 and head_seq < $2 returning tenant_id
  )
  insert into audit_heads (tenant_id, seq, jws) select c.tenant_id, $2, $3 from c returning seq`

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
        type Row = { tenantId: TenantId; checkpointed: boolean }
        return tx.query<Row>('find_unlinked', findUnlinked, [limit, lookBackSeconds])
      })
    },

    async lengthen(tenantId, { limit, lookBackSeconds }, links) {
      await database.query('open_chain', openChain, [tenantId])
      return database.transaction(async (tx) => {
        type End = { seq: number; hash: string; now: Date; since: string }
        const [end] = await tx.query<End>('hold_chain', lockChain, [tenantId, lookBackSeconds])
        if (!end) return null
        await disableSorts(tx)
        const rows = await tx.query<AuditRowRecord>('unlinked_rows', unlinkedRows, [
          tenantId,
          limit,
          end.since,
        ])
        const newLinks = links({ seq: end.seq, hash: end.hash }, rows.map(toAuditRow))
        await tx.query('insert_links', insertLinks, [
          tenantId,
          newLinks.map((link) => link.seq),
          newLinks.map((link) => link.rowId),
          newLinks.map((link) => link.occurredAtMicros),
          newLinks.map((link) => link.coreDigest),
          newLinks.map((link) => link.detailsDigest),
          newLinks.map((link) => link.hash),
        ])
        const last = newLinks.at(-1) ?? end
        const through = rows.length < limit ? end.now : rows.at(-1)?.occurred_at
        await tx.query('move_end', moveEnd, [tenantId, last.seq, last.hash, through])
        return rows.length
      })
    },

    async findUnsigned(headAgeSeconds, limit) {
      type Row = {
        tenant_id: TenantId
        seq: number
        hash: string
        through: Date
        checkpoint_seq: number | null
      }
      const rows = await database.query<Row>('find_unsigned', findUnsigned, [headAgeSeconds, limit])
      return rows.map(({ tenant_id: tenantId, checkpoint_seq: checkpointSeq, ...end }) => {
        return { ...end, tenantId, checkpointSeq }
      })
    },

    async saveHead(tenantId, { seq, jws }) {
      return (await database.query('save_head', saveHead, [tenantId, seq, jws])).length === 1
    },
  }
}

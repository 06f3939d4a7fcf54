// The audit record: listing it, chaining it, and reading the chain for its own audit.

import { type AuditRow, commitSlackSeconds, unchainedActivities } from '../domain/audit-chain.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditEvent, AuditStore, LinkReading, StoredHead } from '../ports/audit-store.ts'
import type { Database } from './database.ts'

const micros = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint::text`

// jsonb has one spelling for one value, so its text can be digested.
const activityRow = `a.id, ${micros('a.occurred_at')} as micros,
  case when a.posted is null then a.details::text
    else jsonb_build_array(a.details, a.posted)::text end as details,
  encode(a.salt, 'hex') as salt, a.occurred_at,
  jsonb_build_array(a.tenant_id, a.id, a.user_id, a.type, a.severity, a.actor, a.challenge_id,
    a.device_id, a.enrolment_id, a.rp_id)::text as core`
const eventRow = `e.id, ${micros('e.occurred_at')} as micros, e.details::text as details,
  encode(e.salt, 'hex') as salt, e.occurred_at,
  jsonb_build_array(e.tenant_id, e.id, e.type, e.actor, e.subject)::text as core`

const notLinked = (alias: string) => `not exists (
  select from audit_links l where l.tenant_id = ${alias}.tenant_id and l.row_id = ${alias}.id)`
/** Activities (`a`) that the chain is to hold. */
export const chained = `a.type <> all('{${unchainedActivities.join(',')}}'::text[])`
const seconds = (value: string | number) => `make_interval(secs => ${value})`
const slack = seconds(commitSlackSeconds)
// One bound and no `or`, so that the index on the time is used: else every look would read the whole record.
const since = (alias: string, back = slack) =>
  `${alias}.occurred_at > coalesce(c.linked_through - ${back}, '-infinity')`

const findUnlinked = `
  select t.tenant_id from tenants t left join audit_chains c on c.tenant_id = t.tenant_id
  where exists (select from audit_events e where e.tenant_id = t.tenant_id
      and ${since('e', seconds('$2::int'))} and ${notLinked('e')})
    or exists (select from activities a where a.tenant_id = t.tenant_id
      and ${since('a', seconds('$2::int'))}
      and ${chained} and ${notLinked('a')})
  limit $1`

const openChain = `
  insert into audit_chains (tenant_id) values ($1) on conflict do nothing`

const holdChain = `
  select seq::float8 as seq, hash, clock_timestamp() as now from audit_chains
  where tenant_id = $1 for update skip locked`

const unlinkedRows = `
  select * from (
    select ${eventRow} from audit_events e join audit_chains c on c.tenant_id = e.tenant_id
    where e.tenant_id = $1 and ${since('e', seconds('$3::int'))} and ${notLinked('e')}
    union all
    select ${activityRow} from activities a join audit_chains c on c.tenant_id = a.tenant_id
    where a.tenant_id = $1 and ${since('a', seconds('$3::int'))} and ${chained}
      and ${notLinked('a')}
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
  select tenant_id, seq::float8 as seq, hash, linked_through as through from audit_chains
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

// An erasure or a purge excuses nothing before it stands in the chain itself, where it can be seen for ever.
const linked = (alias: string) => `exists (select from audit_links xl
  where xl.tenant_id = ${alias}.tenant_id and xl.row_id = ${alias}.id)`
const erasedOf = (tenantId: string, subject: string) => `exists (select from audit_events x
  where x.tenant_id = ${tenantId} and x.subject = ${subject} and x.type = 'user_erased'
    and ${linked('x')})`

const readLinks = `
  select l.seq::float8 as seq, l.row_id, ${micros('l.occurred_at')} as link_micros, l.core_digest,
    l.details_digest, l.hash, x.*
  from audit_links l
  left join lateral (
    select ${activityRow}, ${erasedOf('a.tenant_id', 'a.user_id')} as erased from activities a
    where a.tenant_id = l.tenant_id and a.id = l.row_id
    union all
    select ${eventRow}, ${erasedOf('e.tenant_id', 'e.subject')} as erased from audit_events e
    where e.tenant_id = l.tenant_id and e.id = l.row_id
  ) x on true
  where l.tenant_id = $1 and l.seq > $2 order by l.seq limit $3`

const readEnd = `
  select coalesce((select c.seq from audit_chains c where c.tenant_id = $1), 0)::float8 as seq,
    coalesce((select c.hash from audit_chains c where c.tenant_id = $1), '') as hash,
    coalesce((select max(least((e.details ->> 'beforeMicros')::bigint,
        (extract(epoch from e.occurred_at) * 1000000)::bigint)) from audit_events e
      where e.tenant_id = $1 and e.type = 'activities_purged' and ${linked('e')}), 0)::text as purged_before,
    not exists (select from audit_chains c where c.tenant_id = $1) and (
      exists (select from audit_links l where l.tenant_id = $1)
      or exists (select from audit_heads h where h.tenant_id = $1)
      or exists (select from audit_events e where e.tenant_id = $1
        and e.occurred_at < clock_timestamp() - ${slack})) as missing,
    exists (select from audit_events e where e.tenant_id = $1
      and e.type in ('user_erased', 'activities_purged')
      and e.occurred_at > clock_timestamp() - ${slack} and not ${linked('e')}) as unsettled`

// As the sweep would have found it: only what lies further back than it looks is forgotten.
const findForgotten = `
  select x.id from audit_chains c, lateral (
    select e.id, e.occurred_at from audit_events e where e.tenant_id = c.tenant_id
      and not ${since('e')} and ${notLinked('e')}
    union all
    select a.id, a.occurred_at from activities a where a.tenant_id = c.tenant_id
      and not ${since('a')} and ${chained} and ${notLinked('a')}
  ) x where c.tenant_id = $1 order by x.occurred_at limit 1`

type RowRow = {
  readonly id: string
  readonly micros: string
  readonly core: string
  readonly details: string
  readonly salt: string | null
  readonly occurred_at: Date
}

type LinkRow = Partial<RowRow> & {
  readonly seq: number
  readonly row_id: string
  readonly link_micros: string
  readonly core_digest: string
  readonly details_digest: string
  readonly hash: string
  readonly erased: boolean
}

const toAuditRow = ({ id, micros: occurredAtMicros, core, details, salt }: RowRow): AuditRow => ({
  id,
  occurredAtMicros,
  core,
  details,
  salt,
})

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
    row: row.id ? { ...toAuditRow(row as RowRow), erased: row.erased } : null,
  }
}

/** The audit record of all tenants; every statement but the worker's two look-outs names its tenant. */
export function createAuditStore(database: Database): AuditStore {
  const { prisma } = database
  return {
    async list(tenantId, { type, actor, subject }, { limit, before }) {
      const where = {
        tenantId,
        ...(type !== undefined && { type }),
        ...(actor !== undefined && { actor }),
        ...(subject !== undefined && { subject }),
        ...(before !== null && { id: { lt: before } }),
      }
      const select = {
        ...{ id: true, type: true, actor: true, subject: true },
        ...{ details: true, occurredAt: true },
      }
      const rows = await prisma.auditEvent.findMany({
        where,
        select,
        orderBy: { id: 'desc' },
        take: limit,
      })
      return rows as AuditEvent[]
    },

    async findUnlinked({ limit, lookBackSeconds }) {
      const rows = await database.query<{ tenant_id: TenantId }>('find_unlinked', findUnlinked, [
        limit,
        lookBackSeconds,
      ])
      return rows.map((row) => row.tenant_id)
    },

    async lengthen(tenantId, { limit, lookBackSeconds }, links) {
      await database.query('open_chain', openChain, [tenantId])
      return database.transaction(async (tx) => {
        type End = { seq: number; hash: string; now: Date }
        const [end] = await tx.query<End>('hold_chain', holdChain, [tenantId])
        if (!end) return null
        const found = await tx.query<RowRow>('unlinked_rows', unlinkedRows, [
          tenantId,
          limit,
          lookBackSeconds,
        ])
        const made = links({ seq: end.seq, hash: end.hash }, found.map(toAuditRow))
        await tx.query('insert_links', insertLinks, [
          tenantId,
          made.map((link) => link.seq),
          made.map((link) => link.rowId),
          made.map((link) => link.occurredAtMicros),
          made.map((link) => link.coreDigest),
          made.map((link) => link.detailsDigest),
          made.map((link) => link.hash),
        ])
        const last = made.at(-1) ?? end
        const through = found.length < limit ? end.now : found.at(-1)?.occurred_at
        await tx.query('move_end', moveEnd, [tenantId, last.seq, last.hash, through])
        return found.length
      })
    },

    async findUnsigned(headAgeSeconds, limit) {
      type Row = { tenant_id: TenantId; seq: number; hash: string; through: Date }
      const rows = await database.query<Row>('find_unsigned', findUnsigned, [headAgeSeconds, limit])
      return rows.map(({ tenant_id: tenantId, ...end }) => ({ ...end, tenantId }))
    },

    async saveHead(tenantId, { seq, jws }) {
      return (await database.query('save_head', saveHead, [tenantId, seq, jws])).length === 1
    },

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
      type Row = {
        seq: number
        hash: string
        purged_before: string
        missing: boolean
        unsettled: boolean
      }
      const [row] = await database.query<Row>('read_end', readEnd, [tenantId])
      if (!row) throw new Error('an aggregate always has a row')
      const { purged_before: purged, ...end } = row
      return { ...end, purgedBeforeMicros: BigInt(purged) }
    },

    async findForgotten(tenantId) {
      const [row] = await database.query<{ id: string }>('find_forgotten', findForgotten, [
        tenantId,
      ])
      return row?.id ?? null
    },
  }
}

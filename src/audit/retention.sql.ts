// Deleting rows past their retention: bounded batches, found by an index, skipping locked rows.

import type { PurgedLink } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import { policyOf } from '../domain/policy.ts'
import type { RetainedKind } from '../domain/retention.ts'
import type { Database } from '../platform/postgres/database.ts'
import { disableSorts } from '../platform/postgres/disable-sorts.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, type Statement, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { isChained } from './audit-rows.sql.ts'
import type { RetentionStore } from './retention.store.ts'
import { buildLeftoverRetention } from './retention-leftovers.sql.ts'

type PurgeParams = {
  readonly tenantId: TenantId
  readonly before: Date
  readonly limit: number
}
type IdRow = { readonly id: string }
type PurgedActivityRow = IdRow & { readonly micros: string }
type PurgedRow = IdRow & { readonly micros?: string }

const findNextTenant = statement<
  { readonly after: string },
  { readonly tenantId: TenantId; readonly policy: unknown; readonly now: Date }
>(
  'next_tenant',
  `select tenant_id, policy, clock_timestamp() as now from tenants
   where tenant_id > :after order by tenant_id limit 1`,
)

// `offset 0` keeps the planner from joining everything queued or reported to what is old: each old
// row is looked up.
const openReport = (column: string, alias: string) => `exists (select from reports r
  where r.tenant_id = ${alias}.tenant_id and r.status = 'open'
    and r.${column} = ${alias}.id offset 0)`
const queuedPush = (column: string, alias: string) => `exists (select from deliveries d
  where d.tenant_id = ${alias}.tenant_id and d.${column} = ${alias}.id
    and d.status = 'queued' offset 0)`
const ofOld = (alias: string, column = 'id') =>
  `${alias}.tenant_id = :tenantId and ${alias}.${column} = any(array(select old.id from old))`

// Foreign keys are checked at the end of the whole statement, so that dependent rows may be deleted
// in the same one.
const purges: Readonly<Record<RetainedKind, Statement<PurgeParams, PurgedRow>>> = {
  challenges: statement<PurgeParams, IdRow>(
    'purge_challenges',
    `
    with old as materialized (
      select c.id from challenges c
      where c.tenant_id = :tenantId and c.decided_at < :before and c.status <> 'pending'
        and not ${queuedPush('challenge_id', 'c')} and not ${openReport('challenge_id', 'c')}
      order by c.decided_at limit :limit for update of c skip locked
    ), pushes as (
      delete from deliveries d where ${ofOld('d', 'challenge_id')}
    ), answers_deletion as (
      delete from answers a where ${ofOld('a', 'challenge_id')}
    ), targets as (
      delete from challenge_targets t where ${ofOld('t', 'challenge_id')}
    )
    delete from challenges c where ${ofOld('c')} returning c.id`,
  ),
  // A notice that is pending by its existence counts: see the index activities_owed.
  // An activity whose link states another time was moved into the past: it stays, for the audit of
  // the record to find. And nothing is deleted before the tenant's checkpoint is recorded: what was
  // gone until then is distinguished from what is deleted with a signature.
  activities: statement<PurgeParams, PurgedActivityRow>(
    'purge_activities',
    `
    with old as materialized (
      select a.id from activities a
      where a.tenant_id = :tenantId and a.occurred_at < :before
        and exists (select from audit_chains c
          where c.tenant_id = :tenantId and c.checkpoint_seq is not null offset 0)
        and coalesce(a.notice, case a.severity when 'critical' then 'owed' else '' end)
          not in ('owed', 'waiting')
        and coalesce((select l.occurred_at = a.occurred_at from audit_links l
          where l.tenant_id = a.tenant_id and l.row_id = a.id), not (${isChained}))
        and not ${queuedPush('activity_id', 'a')} and not ${openReport('activity_id', 'a')}
      order by a.occurred_at limit :limit for update of a skip locked
    ), pushes as (
      delete from deliveries d where ${ofOld('d', 'activity_id')}
    )
    delete from activities a where ${ofOld('a')}
    returning a.id, (extract(epoch from a.occurred_at) * 1000000)::bigint::text as micros`,
  ),
  // Tickets live for minutes: one whose end is days ago is over, in any status.
  enrollments: statement<PurgeParams, IdRow>(
    'purge_enrollments',
    `
    with old as materialized (
      select e.id from enrollments e
      where e.tenant_id = :tenantId and e.expires_at < :before
        and not exists (select from devices v where v.tenant_id = e.tenant_id and v.id = e.device_id
          and v.status in ('active', 'suspended') offset 0)
      order by e.expires_at limit :limit for update of e skip locked
    )
    delete from enrollments e where ${ofOld('e')} returning e.id`,
  ),
  reports: statement<PurgeParams, IdRow>(
    'purge_reports',
    `
    with old as materialized (
      select r.id from reports r
      where r.tenant_id = :tenantId and r.resolved_at < :before and r.status = 'resolved'
      order by r.resolved_at limit :limit for update of r skip locked
    )
    delete from reports r where ${ofOld('r')} returning r.id`,
  ),
  diagnostics: statement<PurgeParams, IdRow>(
    'purge_diagnostics',
    `
    with old as materialized (
      select g.id from diagnostics g where g.tenant_id = :tenantId and g.created_at < :before
      order by g.created_at limit :limit for update of g skip locked
    )
    delete from diagnostics g where ${ofOld('g')} returning g.id`,
  ),
}

// Each by its whole key, and without an order: where sorts are disabled, or nothing was analysed,
// the planner would rather walk the whole chain.
const listLinks = statement<
  { readonly tenantId: TenantId; readonly rowIds: readonly string[] },
  PurgedLink
>(
  'links_of_purged',
  `select l.seq::float8 as seq, l.hash from unnest(:rowIds::text[]) as r(id)
   cross join lateral (select l.seq, l.hash from audit_links l
     where l.tenant_id = :tenantId and l.row_id = r.id offset 0) l`,
)

/** From the first until after the last of them, in microseconds. */
function spanOf(rows: readonly PurgedRow[]) {
  const times = rows.map(({ micros = '0' }) => BigInt(micros))
  const first = times.reduce((a, b) => (b < a ? b : a))
  const last = times.reduce((a, b) => (b > a ? b : a))
  return { from: `${first}`, before: `${last + 1n}` }
}

/** Retention, over all tenants. */
export function buildRetentionStore(
  database: Database,
  random: Pick<Random, 'id'>,
): RetentionStore {
  return {
    ...buildLeftoverRetention(database),

    async nextTenant(after) {
      const [row] = await run(database, findNextTenant, { after: after ?? '' })
      return row ? { ...row, policy: policyOf(row.policy) } : null
    },

    purge(kind, tenantId, before, limit, exempt) {
      return database.transaction(async (tx) => {
        await disableSorts(tx)
        const purgedRows = await run(tx, purges[kind], { tenantId, before, limit })
        if (kind === 'activities' && purgedRows.length > 0) {
          const id = random.id('auditEvent')
          const rowIds = purgedRows.map((one) => one.id)
          const links = await run(tx, listLinks, { tenantId, rowIds })
          const details = await exempt({
            ...spanOf(purgedRows),
            event: id,
            rows: purgedRows.length,
            links: links.toSorted((a, b) => a.seq - b.seq),
          })
          const event = { id, type: 'activities_purged', actor: 'service' } as const
          await recordAudit(tx, random, tenantId, { ...event, subject: tenantId, details })
        }
        return purgedRows.length
      })
    },
  }
}

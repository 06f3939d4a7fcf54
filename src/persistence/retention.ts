// Deleting rows past their retention: bounded batches, found by an index, skipping locked rows.

import type { PurgedLink } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import { policyOf } from '../domain/policy.ts'
import { leftoverDays, type RetainedKind } from '../domain/retention.ts'
import type { LeftoverKind, RetentionStore, ScannedKind } from '../ports/retention-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import { isChained } from './audit-rows.ts'
import type { Database } from './database.ts'
import { disableSorts } from './disable-sorts.ts'
import { run, type Statement, statement } from './statement.ts'

type PurgeParams = {
  readonly tenantId: TenantId
  readonly before: Date
  readonly limit: number
}
type IdRow = { readonly id: string }
type PurgedActivityRow = IdRow & { readonly micros: string }
type PurgedRow = IdRow & { readonly micros?: string }
type Limit = { readonly limit: number }

const findNextTenant = statement<
  { readonly after: string },
  { readonly tenantId: TenantId; readonly policy: unknown; readonly now: Date }
>(
  'next_tenant',
  `select tenant_id, policy, clock_timestamp() as now from tenants
   where tenant_id > :after order by tenant_id limit 1`,
)

/** The row is one of those; each is looked up by its key, however many rows there are. */
const oneOf = (rows: string, alias: string, ...key: readonly string[]) => {
  const among = key.map(
    (column) => `${alias}.${column} = any(array(select ${column} from ${rows}))`,
  )
  const same = key.map((column) => `${alias}.${column} = x.${column}`).join(' and ')
  return `${among.join(' and ')} and exists (select from ${rows} x where ${same} offset 0)`
}
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

const listLinks = statement<
  { readonly tenantId: TenantId; readonly rowIds: readonly string[] },
  PurgedLink
>(
  'links_of_purged',
  `select l.seq::float8 as seq, l.hash from audit_links l
   where l.tenant_id = :tenantId and l.row_id = any(:rowIds::text[]) order by l.seq`,
)

/** From the first until after the last of them, in microseconds. */
function spanOf(rows: readonly PurgedRow[]) {
  const times = rows.map(({ micros = '0' }) => BigInt(micros))
  const first = times.reduce((a, b) => (b < a ? b : a))
  const last = times.reduce((a, b) => (b > a ? b : a))
  return { from: `${first}`, before: `${last + 1n}` }
}

const ago = (days: number) => `statement_timestamp() - make_interval(days => ${days})`

const leftovers: Readonly<Record<LeftoverKind, Statement<Limit, IdRow>>> = {
  portalSessions: statement<Limit, IdRow>(
    'purge_portalSessions',
    `
    with old as materialized (
      select s.tenant_id, s.id from portal_sessions s
      where s.link_expires_at < ${ago(leftoverDays.portalSessions)}
        and (s.expires_at is null or s.expires_at < ${ago(leftoverDays.portalSessions)})
      order by s.link_expires_at limit :limit for update of s skip locked
    )
    delete from portal_sessions s where ${oneOf('old', 's', 'tenant_id', 'id')} returning s.id`,
  ),
  testPushes: statement<Limit, IdRow>(
    'purge_testPushes',
    `
    with old as materialized (
      select d.tenant_id, d.id from deliveries d
      where d.kind = 'test' and d.settled_at < ${ago(leftoverDays.testPushes)}
        and d.status <> 'queued'
      order by d.settled_at limit :limit for update of d skip locked
    )
    delete from deliveries d where ${oneOf('old', 'd', 'tenant_id', 'id')} returning d.id`,
  ),
  webhooks: statement<Limit, IdRow>(
    'purge_webhooks',
    `
    with old as materialized (
      select d.tenant_id, d.endpoint_id, d.event_id from webhook_deliveries d
      where d.settled_at < ${ago(leftoverDays.webhooks)} and d.status <> 'queued'
      order by d.settled_at limit :limit for update of d skip locked
    ), attempts_deletion as (
      delete from webhook_attempts a
      where ${oneOf('old', 'a', 'tenant_id', 'endpoint_id', 'event_id')}
    )
    delete from webhook_deliveries d
    where ${oneOf('old', 'd', 'tenant_id', 'endpoint_id', 'event_id')} returning d.event_id as id`,
  ),
  // A day later no transaction that saw it active is still about to queue something for it.
  webhookEndpoints: statement<Limit, IdRow>(
    'purge_webhookEndpoints',
    `
    with old as materialized (
      select e.tenant_id, e.id from webhook_endpoints e
      where e.status = 'deleted' and e.updated_at < ${ago(1)} and not exists (
        select from webhook_deliveries d where d.tenant_id = e.tenant_id and d.endpoint_id = e.id)
      limit :limit for update of e skip locked
    )
    delete from webhook_endpoints e where ${oneOf('old', 'e', 'tenant_id', 'id')} returning e.id`,
  ),
}

// A budget created by the user's approval is deleted when no policy can remember it any more
// (initiatorMemoryDays, passcodes).
const memoryDaysMax = 90

type Scan = {
  readonly kind: ScannedKind
  readonly table: string
  readonly key: readonly string[]
  readonly idle: string
}

/** A page of the table after a place, in the order of its key; deletes what is idle in it. */
function buildScan({ kind, table, key, idle }: Scan) {
  const columns = key.map((column) => `t.${column}`).join(', ')
  const place = key.map((_, n) => `(:after::text[])[${n + 1}]`).join(', ')
  const scan = statement<
    Limit & { readonly after: readonly string[] },
    { readonly place: readonly string[]; readonly pageCount: number }
  >(
    `scan_${kind}`,
    `with page as materialized (
      select ${columns} from ${table} t where (${columns}) > (${place})
      order by ${columns} limit :limit
    ), idle as materialized (
      select ${columns} from ${table} t where ${oneOf('page', 't', ...key)}
        and ${idle} for update of t skip locked
    ), deletion as (
      delete from ${table} t where ${oneOf('idle', 't', ...key)}
    )
    select array[${columns}] as place, count(*) over ()::int as page_count from page t
    order by ${columns.replaceAll(',', ' desc,')} desc limit 1`,
  )
  return { scan, start: key.map(() => '') }
}

const scans: Readonly<Record<ScannedKind, ReturnType<typeof buildScan>>> = {
  // `others` is the budget of all unknown initiators: its count of unanswered pushes is reset by
  // a success and by nothing else.
  initiators: buildScan({
    kind: 'initiators',
    table: 'initiators',
    key: ['tenant_id', 'user_id', 'key'],
    idle: `t.key <> 'others'
        and (t.approved_at is null or t.approved_at < ${ago(memoryDaysMax)})
        and (t.blocked_until is null or t.blocked_until < statement_timestamp())
        and not exists (select from jsonb_each_text(t.pending) p
          where p.value::float8 > extract(epoch from statement_timestamp()) * 1000)
        and not exists (select from jsonb_array_elements(t.pushes) p where (p ->> 't')::float8
          > extract(epoch from ${ago(leftoverDays.initiators)}) * 1000)`,
  }),
  passcodeBudgets: buildScan({
    kind: 'passcodeBudgets',
    table: 'passcode_budgets',
    key: ['tenant_id', 'user_id', 'name'],
    idle: `t.clear_at < statement_timestamp()
        and (t.succeeded_at is null or t.succeeded_at < ${ago(memoryDaysMax)})`,
  }),
  singleUseCodes: buildScan({
    kind: 'singleUseCodes',
    table: 'single_use_codes',
    key: ['tenant_id', 'id'],
    idle: `coalesce(t.used_at, t.expires_at) < ${ago(leftoverDays.singleUseCodes)}`,
  }),
}

/** Retention, over all tenants. */
export function buildRetentionStore(
  database: Database,
  random: Pick<Random, 'id'>,
): RetentionStore {
  return {
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
            links,
          })
          const event = { id, type: 'activities_purged', actor: 'service' } as const
          await recordAudit(tx, random, tenantId, { ...event, subject: tenantId, details })
        }
        return purgedRows.length
      })
    },

    async purgeLeftovers(kind, limit) {
      return (await run(database, leftovers[kind], { limit })).length
    },

    async scan(kind, after, limit) {
      const { scan, start } = scans[kind]
      const [row] = await run(database, scan, { after: after ?? start, limit })
      return row && row.pageCount === limit ? row.place : null
    },
  }
}

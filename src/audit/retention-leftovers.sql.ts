// Deleting what is over, of all tenants, after days that no policy sets: leftovers are found by an
// index, idle rows by a scan of their table.

import { type LeftoverKind, leftoverDays, type ScannedKind } from '../domain/retention.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, type Statement, statement } from '../platform/postgres/statement.ts'
import type { RetentionStore } from './retention.store.ts'

type IdRow = { readonly id: string }
type Limit = { readonly limit: number }

/** The row is one of those; each is looked up by its key, however many rows there are. */
const oneOf = (rows: string, alias: string, ...key: readonly string[]) => {
  const among = key.map(
    (column) => `${alias}.${column} = any(array(select ${column} from ${rows}))`,
  )
  const same = key.map((column) => `${alias}.${column} = x.${column}`).join(' and ')
  return `${among.join(' and ')} and exists (select from ${rows} x where ${same} offset 0)`
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
  // A day later neither its hint nor its code counts, so that both may be forgotten.
  prompts: statement<Limit, IdRow>(
    'purge_prompts',
    `
    with old as materialized (
      select p.tenant_id, p.id from prompts p where p.expires_at < ${ago(leftoverDays.prompts)}
      order by p.expires_at limit :limit for update of p skip locked
    )
    delete from prompts p where ${oneOf('old', 'p', 'tenant_id', 'id')} returning p.id`,
  ),
  pushedRequests: statement<Limit, IdRow>(
    'purge_pushedRequests',
    `
    with old as materialized (
      select r.tenant_id, r.hash from pushed_requests r
      where r.expires_at < ${ago(leftoverDays.prompts)}
      order by r.expires_at limit :limit for update of r skip locked
    )
    delete from pushed_requests r where ${oneOf('old', 'r', 'tenant_id', 'hash')}
    returning r.integration_id as id`,
  ),
  usedAssertions: statement<Limit, IdRow>(
    'purge_usedAssertions',
    `
    with old as materialized (
      select a.tenant_id, a.integration_id, a.hash from used_assertions a
      where a.expires_at < ${ago(leftoverDays.prompts)}
      order by a.expires_at limit :limit for update of a skip locked
    )
    delete from used_assertions a where ${oneOf('old', 'a', 'tenant_id', 'integration_id', 'hash')}
    returning a.integration_id as id`,
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

/** The part of retention that no policy of a tenant decides. */
export function buildLeftoverRetention(
  database: Database,
): Pick<RetentionStore, 'purgeLeftovers' | 'scan'> {
  return {
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

import type { DueWork, DueWorkStore } from '../work/due-work.store.ts'
import type { Database } from './database.ts'
import { runOne, statement } from './statement.ts'

/**
 * At most so many of the first queued rows are scanned; with more of them there is always work due.
 */
const queuedScanMax = 2_000
const endpointScanMax = 100

const inMs = (time: string) => `extract(epoch from ${time} - clock_timestamp())::float8 * 1000`
const now = '0::float8'
/** A leased row becomes available when its lease ends. */
const availableAt = (row: string) => `greatest(${row}.due_at, ${row}.leased_until)`

// Each part reads the head of a small index. A row that is due but waits for a free slot is found
// by each scan: it is due.
const readDueWork = statement<Record<never, never>, DueWork>(
  'read_due_work',
  `with push_queue as materialized (
    select d.due_at, d.leased_until from deliveries d
    where d.status = 'queued' and d.settled_at is null order by d.due_at limit ${queuedScanMax}
  ), hooks as materialized (
    select x.due_at, x.leased_until from webhook_endpoints e
    cross join lateral (
      select d.due_at, d.leased_until from webhook_deliveries d
      where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.status = 'queued'
        and d.settled_at is null
      order by d.due_at limit ${endpointScanMax}
    ) x
    where e.status = 'active'
  )
  select
    (select case when count(*) = ${queuedScanMax} then ${now}
      else ${inMs(`min(${availableAt('q')})`)} end
      from push_queue q) as pushes,
    (select ${now} from push_queue limit 1) as queued_pushes,
    (select ${inMs('min(k.due_at)')} from keycloak_callbacks k
      join challenges c on c.tenant_id = k.tenant_id and c.id = k.challenge_id
      where k.status = 'owed' and k.token_sealed is not null
        and c.status <> 'pending') as callbacks,
    (select ${now} where exists (
      select from keycloak_callbacks k
      where k.status = 'trying' and k.token_sealed is not null)) as callbacks_under_way,
    (select ${inMs('min(c.expires_at)')} from challenges c
      where c.status = 'pending' and c.decided_at is null) as expiry,
    (select ${inMs('min(a.occurred_at)')} from activities a
      where a.notice = 'owed' or (a.notice is null and a.severity = 'critical')) as notices,
    (select ${now} where exists (
      select from activities a where a.notice = 'waiting')) as waiting_notices,
    (select least(
      case when exists (select from webhook_facts) then ${now} end,
      (select ${inMs(`min(${availableAt('h')})`)} from hooks h))) as webhooks,
    (select ${inMs('min(d.stale_at)')} from webhook_deliveries d
      where d.status = 'queued' and d.settled_at is null) as stale_webhooks,
    (select ${now} where exists (
      select from users u where u.erasing_since is not null)) as erasures`,
)

/** The due work of the worker, and its times. */
export function buildDueWorkStore(database: Database): DueWorkStore {
  return {
    async read() {
      const dueWork = await runOne(database, readDueWork, {})
      return dueWork
    },
  }
}

// The outbox of endpoints: deliveries are leased, attempted and settled.

import type { TenantId } from '../domain/ids.ts'
import { unseenPrefix } from '../domain/lease.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { sendingColumns, webhookLeaseSeconds } from './leased-webhooks.sql.ts'
import type {
  DueWebhook,
  NewWebhookDelivery,
  WebhookDeliveryStore,
  WebhookSettlement,
} from './webhook.store.ts'
import { buildWebhookAttempts } from './webhook-attempts.sql.ts'
import { buildWebhookFanOut } from './webhook-facts.sql.ts'

// A statement that settles a delivery knows its key, leaves the second half out, and so is not
// offered the indexes over queued deliveries.
const isQueued = (d: string) => `${d}.status = 'queued' and ${d}.settled_at is null`

/** Nothing but `isMore` where none was leased. */
type ClaimRow = { readonly isMore: boolean } & {
  readonly [K in keyof DueWebhook]: DueWebhook[K] | null
}

// Fair queue. Each endpoint has slots of its own: one that answers slowly, or not at all, delays
// only its own deliveries. So has each tenant, whose endpoints together could take all slots. And
// no tenant takes more slots than are then left free (dynamic thresholds, Choudhury and Hahne
// 1998), so that however many tenants hold all that they can, some stay for tenants that hold none.
const claim = statement<
  {
    readonly leasedBy: string
    readonly limit: number
    readonly perTenant: number
    readonly perEndpoint: number
    readonly perFailing: number
    readonly loadedIds: readonly string[]
    readonly inFlight: readonly number[]
    readonly slowIds: readonly string[]
  },
  ClaimRow
>(
  'claim_webhooks',
  `with load as materialized (
     select e.tenant_id, e.id, l.in_flight
     from unnest(:loadedIds::text[], :inFlight::int[]) as l(id, in_flight)
     join webhook_endpoints e on e.id = l.id
   ), candidates as materialized (
     select d.tenant_id, d.endpoint_id, d.event_id, d.due_at, ${sendingColumns},
       coalesce(load.in_flight, 0) as in_flight, m.slots as slots_max
     from webhook_endpoints e
     left join load on load.tenant_id = e.tenant_id and load.id = e.id
     cross join lateral (
       select case when e.failing_since is null and e.id <> all(:slowIds::text[])
         then :perEndpoint::int else :perFailing::int end as slots
     ) m
     cross join lateral (
       select x.tenant_id, x.endpoint_id, x.event_id, x.due_at from webhook_deliveries x
       where x.tenant_id = e.tenant_id and x.endpoint_id = e.id and ${isQueued('x')}
         and x.due_at <= statement_timestamp() and x.stale_at > statement_timestamp()
         and (x.leased_until is null or x.leased_until <= clock_timestamp())
       order by x.due_at
       limit greatest(0, m.slots - coalesce(load.in_flight, 0)) + 1
       for update skip locked
     ) d
     where e.status = 'active'
   ), slots as (
     select candidates.*, in_flight
       + row_number() over (partition by tenant_id, endpoint_id order by due_at) as slot
     from candidates
   ), places as (
     select slots.*, coalesce(busy.in_flight, 0)
       + row_number() over (partition by slots.tenant_id order by slots.slot, slots.due_at) as place
     from slots
     left join (
       select tenant_id, sum(in_flight)::int as in_flight from load group by tenant_id
     ) busy on busy.tenant_id = slots.tenant_id
     where slots.slot <= slots.slots_max
   ), ranking as (
     select places.*, row_number() over (order by place, due_at) as rank
     from places where place <= :perTenant::int
   ), due as materialized (
     select * from ranking where place + rank <= :limit::int + 1
   ), leased as (
     update webhook_deliveries d
     set leased_by = :leasedBy,
       leased_until = clock_timestamp() + make_interval(secs => ${webhookLeaseSeconds}),
       attempts = d.attempts + 1
     from due
     where d.tenant_id = due.tenant_id and d.endpoint_id = due.endpoint_id
       and d.event_id = due.event_id
     returning d.tenant_id, d.endpoint_id, d.event_id, d.type, d.user_id, d.data, d.occurred_at,
       d.stale_at, d.attempts, due.rp_id, due.url, due.secret_sealed, due.previous_sealed
   )
   select (select count(*) from candidates) > (select count(*) from due) as is_more, leased.*
   from (values (true)) as one left join leased on true`,
)

// In the order of events, as an erasure locks them. Endpoints are written only when something
// changes for them: a success after failures, or a failure.
const settle = statement<{
  readonly leasedBy: string
  readonly tenantIds: readonly TenantId[]
  readonly endpointIds: readonly WebhookSettlement['endpointId'][]
  readonly eventIds: readonly WebhookSettlement['eventId'][]
  readonly attemptIds: readonly WebhookSettlement['attemptId'][]
  readonly ats: readonly Date[]
  readonly durationsMs: readonly number[]
  readonly statusCodes: readonly (number | null)[]
  readonly reasons: readonly (string | null)[]
  readonly retriesAfterMs: readonly (number | null)[]
}>(
  'settle_webhooks',
  `with x as materialized (
     select * from unnest(:tenantIds::text[], :endpointIds::text[], :eventIds::text[],
       :attemptIds::text[], :ats::timestamptz[], :durationsMs::int[], :statusCodes::int[],
       :reasons::text[], :retriesAfterMs::float8[])
       as x(tenant_id, endpoint_id, event_id, attempt_id, at, duration_ms, status_code, reason,
         retry_after_ms)
   ), locked_rows as materialized (
     select x.* from webhook_deliveries d join x
       on d.tenant_id = x.tenant_id and d.endpoint_id = x.endpoint_id and d.event_id = x.event_id
     where d.status = 'queued' and d.leased_by in (:leasedBy, '${unseenPrefix}' || :leasedBy)
     order by d.event_id, d.endpoint_id for no key update of d
   ), results as (
     update webhook_deliveries d
     set status = case when x.retry_after_ms is not null then 'queued'
         when x.reason is null then 'delivered' else 'failed' end,
       reason = x.reason, leased_by = null, leased_until = null,
       due_at = clock_timestamp() + make_interval(secs => coalesce(x.retry_after_ms, 0) / 1000.0),
       settled_at = case when x.retry_after_ms is null then clock_timestamp() end
     from locked_rows x
     where d.tenant_id = x.tenant_id and d.endpoint_id = x.endpoint_id and d.event_id = x.event_id
     returning x.*
   ), new_attempts as (
     insert into webhook_attempts (tenant_id, id, endpoint_id, event_id, at, duration_ms,
       status_code, reason)
     select tenant_id, attempt_id, endpoint_id, event_id, at, duration_ms, status_code, reason
     from results
   ), by_endpoint as (
     select tenant_id, endpoint_id, bool_or(reason is null) as any_accepted, min(at) as first_at,
       max(at) as last_at
     from results group by tenant_id, endpoint_id
   ), k as materialized (
     select e.tenant_id, e.id, b.any_accepted, b.first_at, b.last_at
     from webhook_endpoints e join by_endpoint b on b.tenant_id = e.tenant_id
       and b.endpoint_id = e.id
     where not b.any_accepted or e.failing_since is not null
     order by e.id for no key update of e
   )
   update webhook_endpoints e
   set failing_since = case when k.any_accepted then null
     else coalesce(e.failing_since, k.first_at) end,
     last_failed_at = case when k.any_accepted then null else k.last_at end
   from k where e.tenant_id = k.tenant_id and e.id = k.id`,
)

const giveUp = statement<{ readonly limit: number }, Pick<NewWebhookDelivery, 'eventId'>>(
  'give_up_webhooks',
  `with old as materialized (
     select d.tenant_id, d.endpoint_id, d.event_id from webhook_deliveries d
     where ${isQueued('d')} and d.stale_at <= statement_timestamp()
       and (d.leased_until is null or d.leased_until <= clock_timestamp())
     order by d.stale_at limit :limit for update skip locked
   )
   update webhook_deliveries d set status = 'failed', reason = coalesce(d.reason, 'stale'),
     settled_at = clock_timestamp(), leased_by = null, leased_until = null
   from old
   where d.tenant_id = old.tenant_id and d.endpoint_id = old.endpoint_id
     and d.event_id = old.event_id
   returning d.event_id`,
)

function isLeased(row: ClaimRow): row is ClaimRow & DueWebhook {
  return row.eventId !== null
}

/** The queue of webhooks. */
export function buildWebhookDeliveryStore(database: Database): WebhookDeliveryStore {
  return {
    ...buildWebhookAttempts(database),
    ...buildWebhookFanOut(database),

    async claim({ leasedBy, limit, perTenant, perEndpoint, perFailing, loads, slow }) {
      const rows = await run(database, claim, {
        ...{ leasedBy, limit, perTenant, perEndpoint, perFailing, slowIds: slow },
        loadedIds: loads.map(({ endpointId }) => endpointId),
        inFlight: loads.map(({ inFlight }) => inFlight),
      })
      return { due: rows.filter(isLeased), isMore: rows[0]?.isMore === true }
    },

    async settle(leasedBy, settlements) {
      if (settlements.length === 0) return
      await run(database, settle, {
        leasedBy,
        tenantIds: settlements.map((one) => one.tenantId),
        endpointIds: settlements.map((one) => one.endpointId),
        eventIds: settlements.map((one) => one.eventId),
        attemptIds: settlements.map((one) => one.attemptId),
        ats: settlements.map((one) => one.at),
        durationsMs: settlements.map((one) => one.durationMs),
        statusCodes: settlements.map((one) => one.statusCode),
        reasons: settlements.map((one) => one.reason),
        retriesAfterMs: settlements.map((one) => one.retryAfterMs),
      })
    },

    async giveUpStale(limit) {
      return (await run(database, giveUp, { limit })).length
    },
  }
}

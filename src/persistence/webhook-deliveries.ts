// The outbox of endpoints: facts become deliveries, deliveries are leased, attempted and settled.

import type { TenantId } from '../domain/ids.ts'
import { unseenPrefix } from '../domain/lease.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import type { WebhookFact } from '../domain/webhook-event.ts'
import type {
  DueWebhook,
  NewWebhookDelivery,
  WebhookDeliveryStore,
} from '../ports/webhook-store.ts'
import type { Database, Queries } from './database.ts'
import { buildWebhookAttempts } from './webhook-attempts.ts'
import { endpointColumns } from './webhook-endpoints.ts'

/**
 * How long a process may lease a delivery before another may send it too; outlasts the longest
 * attempt.
 */
const webhookLeaseSeconds = 30

const findWork = `
  select exists (select from webhook_endpoints where status in ('active', 'paused'))
    or exists (select from webhook_facts) as "hasWork"`

// In the order in which they were written, so that an urgent one does not wait behind later ones.
const takeFacts = `
  with batch as materialized (
    select f.tenant_id, f.seq from webhook_facts f order by f.seq limit $1 for update skip locked
  ), facts as (
    delete from webhook_facts f using batch
    where f.tenant_id = batch.tenant_id and f.seq = batch.seq
    returning f.*
  )
  select g.tenant_id as "tenantId", g.kind, g.user_id as "userId", g.activity_id as "activityId",
    g.activity_type as "activityType", g.severity, g.challenge_id as "challengeId",
    g.device_id as "deviceId", g.enrollment_id as "enrollmentId", g.reason,
    g.owner_rp_id as "ownerRpId", g.viewer_rp_ids as "viewerRpIds", g.occurred_at as "occurredAt",
    c.id as challenge_id, c.status as challenge_status, c.reason as challenge_reason,
    c.delivery_mode as challenge_delivery_mode, c.binding as challenge_binding,
    c.idempotency_key as challenge_idempotency_key, c.created_at as challenge_created_at,
    c.expires_at as challenge_expires_at, c.decided_at as challenge_decided_at,
    c.decided_device_id as challenge_decided_device_id
  from facts g
  left join challenges c on c.tenant_id = g.tenant_id and c.id = g.challenge_id
  order by g.seq`

const findSubscribers = `
  select ${endpointColumns} from webhook_endpoints e
  where e.tenant_id = any($1::text[]) and e.status in ('active', 'paused')`

const insertDeliveries = `
  insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, user_id, data,
    occurred_at, stale_at)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
    $7::timestamptz[], $8::timestamptz[])
  on conflict do nothing`

// A statement that settles a delivery knows its key, leaves the second half out, and so is not
// offered the indexes over queued deliveries.
const isQueued = (d: string) => `${d}.status = 'queued' and ${d}.settled_at is null`

// Fair queue. Each endpoint has slots of its own: one that answers slowly, or not at all, delays
// only its own deliveries. So has each tenant, whose endpoints together could take all slots. And
// no tenant takes more slots than are then left free (dynamic thresholds, Choudhury and Hahne
// 1998), so that however many tenants hold all that they can, some stay for tenants that hold none.
const claim = `
  with load as materialized (
    select e.tenant_id, e.id, l.in_flight
    from unnest($5::text[], $6::int[]) as l(id, in_flight) join webhook_endpoints e on e.id = l.id
  ), candidates as materialized (
    select d.tenant_id, d.endpoint_id, d.event_id, d.due_at, e.rp_id, e.url, e.secret_sealed,
      case when e.previous_until > clock_timestamp() then e.previous_sealed end as previous_sealed,
      coalesce(load.in_flight, 0) as in_flight
    from webhook_endpoints e
    left join load on load.tenant_id = e.tenant_id and load.id = e.id
    cross join lateral (
      select x.tenant_id, x.endpoint_id, x.event_id, x.due_at from webhook_deliveries x
      where x.tenant_id = e.tenant_id and x.endpoint_id = e.id and ${isQueued('x')}
        and x.due_at <= statement_timestamp() and x.stale_at > statement_timestamp()
        and (x.leased_until is null or x.leased_until <= clock_timestamp())
      order by x.due_at
      limit greatest(0, case when e.failing_since is null and e.id <> all($8::text[])
          then $3::int else $4::int end - coalesce(load.in_flight, 0))
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
    left join (select tenant_id, sum(in_flight)::int as in_flight from load group by tenant_id) busy
      on busy.tenant_id = slots.tenant_id
  ), ranking as (
    select places.*, row_number() over (order by place, due_at) as rank
    from places where place <= $7::int
  ), due as materialized (
    select * from ranking where place + rank <= $2::int + 1
  )
  update webhook_deliveries d
  set leased_by = $1,
    leased_until = clock_timestamp() + make_interval(secs => ${webhookLeaseSeconds}),
    attempts = d.attempts + 1
  from due
  where d.tenant_id = due.tenant_id and d.endpoint_id = due.endpoint_id
    and d.event_id = due.event_id
  returning d.tenant_id as "tenantId", d.endpoint_id as "endpointId", d.event_id as "eventId",
    d.type, d.user_id as "userId", d.data, d.occurred_at as "occurredAt", d.stale_at as "staleAt",
    d.attempts, due.rp_id as "rpId", due.url, due.secret_sealed as "secretSealed",
    due.previous_sealed as "previousSealed"`

// In the order of events, as an erasure locks them. Endpoints are written only when something
// changes for them: a success after failures, or a failure.
const settle = `
  with x as materialized (
    select * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
      $7::int[],
      $8::int[], $9::text[], $10::float8[])
      as x(tenant_id, endpoint_id, event_id, attempt_id, at, duration_ms, status_code, reason,
        retry_after_ms)
  ), locked_rows as materialized (
    select x.* from webhook_deliveries d join x
      on d.tenant_id = x.tenant_id and d.endpoint_id = x.endpoint_id and d.event_id = x.event_id
    where d.status = 'queued' and d.leased_by in ($1, '${unseenPrefix}' || $1)
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
  from k where e.tenant_id = k.tenant_id and e.id = k.id`

const giveUp = `
  with old as materialized (
    select d.tenant_id, d.endpoint_id, d.event_id from webhook_deliveries d
    where ${isQueued('d')} and d.stale_at <= statement_timestamp()
      and (d.leased_until is null or d.leased_until <= clock_timestamp())
    order by d.stale_at limit $1 for update skip locked
  )
  update webhook_deliveries d set status = 'failed', reason = coalesce(d.reason, 'stale'),
    settled_at = clock_timestamp(), leased_by = null, leased_until = null
  from old
  where d.tenant_id = old.tenant_id and d.endpoint_id = old.endpoint_id
    and d.event_id = old.event_id
  returning d.event_id`

type FactRow = Omit<WebhookFact, 'challenge'> & {
  readonly challenge_id: string | null
  readonly challenge_status: NonNullable<WebhookFact['challenge']>['status']
  readonly challenge_reason: NonNullable<WebhookFact['challenge']>['reason']
  readonly challenge_delivery_mode: NonNullable<WebhookFact['challenge']>['deliveryMode']
  readonly challenge_binding: string | null
  readonly challenge_idempotency_key: string | null
  readonly challenge_created_at: Date
  readonly challenge_expires_at: Date
  readonly challenge_decided_at: Date | null
  readonly challenge_decided_device_id: NonNullable<WebhookFact['challenge']>['decidedDeviceId']
}

function toFact(row: FactRow): WebhookFact {
  const challenge =
    row.challenge_id === null
      ? null
      : {
          userId: row.userId,
          status: row.challenge_status,
          reason: row.challenge_reason,
          deliveryMode: row.challenge_delivery_mode,
          binding: row.challenge_binding,
          idempotencyKey: row.challenge_idempotency_key,
          createdAt: row.challenge_created_at,
          expiresAt: row.challenge_expires_at,
          decidedAt: row.challenge_decided_at,
          decidedDeviceId: row.challenge_decided_device_id,
        }
  const { activityType } = row
  return { ...row, activityType: activityType && activityTypeOf(activityType), challenge }
}

async function insert(tx: Queries, deliveries: readonly NewWebhookDelivery[]): Promise<void> {
  if (deliveries.length === 0) return
  const column = <T>(read: (one: NewWebhookDelivery) => T) => deliveries.map(read)
  await tx.query('insert_webhook_deliveries', insertDeliveries, [
    column((one) => one.tenantId),
    column((one) => one.endpointId),
    column((one) => one.eventId),
    column((one) => one.type),
    column((one) => one.userId),
    column((one) => JSON.stringify(one.data)),
    column((one) => one.occurredAt),
    column((one) => one.staleAt),
  ])
}

/** The queue of webhooks. */
export function buildWebhookDeliveryStore(database: Database): WebhookDeliveryStore {
  return {
    ...buildWebhookAttempts(database),

    async hasWork() {
      const [row] = await database.query<{ hasWork: boolean }>('webhooks_heard', findWork, [])
      return row?.hasWork === true
    },

    fanOut(limit, decide) {
      return database.transaction(async (tx) => {
        const facts = (await tx.query<FactRow>('take_webhook_facts', takeFacts, [limit])).map(
          toFact,
        )
        if (facts.length === 0) return 0
        const tenants = [...new Set(facts.map(({ tenantId }): TenantId => tenantId))]
        const endpoints = await tx.query<WebhookEndpoint>('listening_endpoints', findSubscribers, [
          tenants,
        ])
        await insert(tx, decide(facts, endpoints))
        return facts.length
      })
    },

    enqueue: (delivery) => insert(database, [delivery]),

    claim: ({ leasedBy, limit, perTenant, perEndpoint, perFailing, loads, slow }) =>
      database.query<DueWebhook>('claim_webhooks', claim, [
        leasedBy,
        limit,
        perEndpoint,
        perFailing,
        loads.map(({ endpointId }) => endpointId),
        loads.map(({ inFlight }) => inFlight),
        perTenant,
        slow,
      ]),

    async settle(leasedBy, settlements) {
      if (settlements.length === 0) return
      await database.query('settle_webhooks', settle, [
        leasedBy,
        settlements.map((one) => one.tenantId),
        settlements.map((one) => one.endpointId),
        settlements.map((one) => one.eventId),
        settlements.map((one) => one.attemptId),
        settlements.map((one) => one.at),
        settlements.map((one) => one.durationMs),
        settlements.map((one) => one.statusCode),
        settlements.map((one) => one.reason),
        settlements.map((one) => one.retryAfterMs),
      ])
    },

    async giveUpStale(limit) {
      return (await database.query('give_up_webhooks', giveUp, [limit])).length
    },
  }
}

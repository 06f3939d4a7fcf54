// The fan-out of webhooks: facts become deliveries to the endpoints that subscribe to them.

import type { TenantId } from '../domain/ids.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { WebhookFact } from '../domain/webhook-event.ts'
import { readTimeOrNull } from '../platform/postgres/column-types.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { sendingColumns, webhookLeaseSeconds } from './leased-webhooks.sql.ts'
import type {
  DueWebhook,
  NewWebhookDelivery,
  PendingWebhookFact,
  Subscriber,
  WebhookDeliveryStore,
} from './webhook.store.ts'

type Challenge = NonNullable<WebhookFact['challenge']>
type SubscriberJson = Omit<Subscriber, 'failingSince'> & { readonly failingSince: string | null }
type FactRow = Omit<PendingWebhookFact, 'challenge'> & {
  readonly foundChallengeId: string | null
  readonly challengeStatus: Challenge['status']
  readonly challengeReason: Challenge['reason']
  readonly deliveryMode: Challenge['deliveryMode']
  readonly binding: string | null
  readonly idempotencyKey: string | null
  readonly challengeCreatedAt: Date
  readonly challengeExpiresAt: Date
  readonly challengeDecidedAt: Date | null
  readonly decidedDeviceId: Challenge['decidedDeviceId']
  readonly subscribers: readonly SubscriberJson[] | null
}

/** As precise as PostgreSQL's clock: an endpoint can be created in the millisecond of an event. */
const micros = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint`

// In the order in which they were written, so that an urgent one does not wait behind later ones.
// The endpoints of a tenant come with the first of its facts.
const loadFacts = statement<{ readonly limit: number }, FactRow>(
  'load_webhook_facts',
  `with batch as materialized (
     select f.* from webhook_facts f order by f.seq limit :limit
   ), numbered as (
     select b.*, row_number() over (partition by b.tenant_id order by b.seq) as number from batch b
   )
   select g.seq, g.tenant_id, g.kind, g.user_id, g.activity_id, g.activity_type, g.severity,
     g.challenge_id, g.device_id, g.enrollment_id, g.reason, g.owner_rp_id, g.viewer_rp_ids,
     g.occurred_at, ${micros('g.occurred_at')} as occurred_at_micros,
     c.id as found_challenge_id, c.status as challenge_status,
     c.reason as challenge_reason, c.delivery_mode, c.binding, c.idempotency_key,
     c.created_at as challenge_created_at, c.expires_at as challenge_expires_at,
     c.decided_at as challenge_decided_at, c.decided_device_id,
     case when g.number = 1 then (
       select json_agg(json_build_object('tenantId', e.tenant_id, 'id', e.id, 'rpId', e.rp_id,
         'events', e.events, 'status', e.status, 'failingSince', e.failing_since,
         'createdAtMicros', ${micros('e.created_at')}))
       from webhook_endpoints e
       where e.tenant_id = g.tenant_id and e.status in ('active', 'paused')) end as subscribers
   from numbered g
   left join challenges c on c.tenant_id = g.tenant_id and c.id = g.challenge_id
   order by g.seq`,
)

type DeliveryColumns = {
  readonly tenantIds: readonly TenantId[]
  readonly endpointIds: readonly NewWebhookDelivery['endpointId'][]
  readonly eventIds: readonly NewWebhookDelivery['eventId'][]
  readonly types: readonly NewWebhookDelivery['type'][]
  readonly userIds: readonly NewWebhookDelivery['userId'][]
  readonly data: readonly string[]
  readonly occurredAts: readonly Date[]
  readonly staleAts: readonly Date[]
}
const deliveryArrays = `:tenantIds::text[], :endpointIds::text[], :eventIds::text[], :types::text[],
     :userIds::text[], :data::jsonb[], :occurredAts::timestamptz[], :staleAts::timestamptz[]`

// Who deletes a fact has it: its deliveries are inserted only then.
const fanOut = statement<
  DeliveryColumns & {
    readonly leasedBy: string
    readonly ofTenants: readonly TenantId[]
    readonly seqs: readonly number[]
    readonly factSeqs: readonly number[]
    readonly areLeased: readonly boolean[]
  },
  DueWebhook
>(
  'fan_out_webhooks',
  `with mine as materialized (
     select f.tenant_id, f.seq from webhook_facts f
     join unnest(:ofTenants::text[], :seqs::bigint[]) as x(tenant_id, seq)
       on x.tenant_id = f.tenant_id and x.seq = f.seq
     for update of f skip locked
   ), taken as (
     delete from webhook_facts f using mine
     where f.tenant_id = mine.tenant_id and f.seq = mine.seq
     returning f.tenant_id, f.seq
   ), new as (
     insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, user_id, data,
       occurred_at, stale_at, leased_by, leased_until, attempts)
     select x.tenant_id, x.endpoint_id, x.event_id, x.type, x.user_id, x.data, x.occurred_at,
       x.stale_at, case when l.yes then :leasedBy end,
       case when l.yes then clock_timestamp() + make_interval(secs => ${webhookLeaseSeconds}) end,
       case when l.yes then 1 else 0 end
     from unnest(${deliveryArrays}, :factSeqs::bigint[], :areLeased::boolean[])
       as x(tenant_id, endpoint_id, event_id, type, user_id, data, occurred_at, stale_at, seq,
         is_leased)
     join taken on taken.tenant_id = x.tenant_id and taken.seq = x.seq
     join webhook_endpoints e on e.tenant_id = x.tenant_id and e.id = x.endpoint_id
     cross join lateral (select x.is_leased and e.status = 'active' as yes) l
     returning *
   )
   select d.tenant_id, d.endpoint_id, d.event_id, d.type, d.user_id, d.data, d.occurred_at,
     d.stale_at, d.attempts, ${sendingColumns}
   from new d
   join webhook_endpoints e on e.tenant_id = d.tenant_id and e.id = d.endpoint_id
   where d.leased_until is not null`,
)

const insertDelivery = statement<DeliveryColumns>(
  'insert_webhook_deliveries',
  `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, user_id, data,
     occurred_at, stale_at)
   select * from unnest(${deliveryArrays})`,
)

function toFact({
  foundChallengeId,
  challengeStatus: status,
  challengeReason: reason,
  deliveryMode,
  binding,
  idempotencyKey,
  challengeCreatedAt: createdAt,
  challengeExpiresAt: expiresAt,
  challengeDecidedAt: decidedAt,
  decidedDeviceId,
  subscribers: _,
  ...fact
}: FactRow): PendingWebhookFact {
  const { activityType, userId } = fact
  const challenge =
    foundChallengeId === null
      ? null
      : {
          ...{ userId, status, reason, deliveryMode, binding, idempotencyKey },
          ...{ createdAt, expiresAt, decidedAt, decidedDeviceId },
        }
  return { ...fact, activityType: activityType && activityTypeOf(activityType), challenge }
}

function toSubscriber({ failingSince, ...subscriber }: SubscriberJson): Subscriber {
  return { ...subscriber, failingSince: readTimeOrNull(failingSince) }
}

function columnsOf(deliveries: readonly NewWebhookDelivery[]): DeliveryColumns {
  const column = <T>(read: (one: NewWebhookDelivery) => T) => deliveries.map(read)
  return {
    tenantIds: column((one) => one.tenantId),
    endpointIds: column((one) => one.endpointId),
    eventIds: column((one) => one.eventId),
    types: column((one) => one.type),
    userIds: column((one) => one.userId),
    data: column((one) => JSON.stringify(one.data)),
    occurredAts: column((one) => one.occurredAt),
    staleAts: column((one) => one.staleAt),
  }
}

/** The half of the queue that creates deliveries. */
export function buildWebhookFanOut(
  database: Database,
): Pick<WebhookDeliveryStore, 'loadFacts' | 'fanOut' | 'enqueue'> {
  return {
    async loadFacts(limit) {
      const rows = await run(database, loadFacts, { limit })
      return {
        facts: rows.map(toFact),
        subscribers: rows.flatMap(({ subscribers }) => subscribers ?? []).map(toSubscriber),
      }
    },

    fanOut: ({ facts, deliveries, leasedBy }) =>
      run(database, fanOut, {
        leasedBy,
        ofTenants: facts.map(({ tenantId }) => tenantId),
        seqs: facts.map(({ seq }) => seq),
        ...columnsOf(deliveries),
        factSeqs: deliveries.map(({ factSeq }) => factSeq),
        areLeased: deliveries.map(({ isLeased }) => isLeased),
      }),

    async enqueue(delivery) {
      await run(database, insertDelivery, columnsOf([delivery]))
    },
  }
}

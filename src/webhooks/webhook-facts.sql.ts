// The fan-out of webhooks: facts become deliveries to the endpoints that subscribe to them.

import type { TenantId } from '../domain/ids.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { WebhookFact } from '../domain/webhook-event.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { NewWebhookDelivery, Subscriber, WebhookDeliveryStore } from './webhook.store.ts'
import { endpointColumns } from './webhook-endpoints.sql.ts'

type Challenge = NonNullable<WebhookFact['challenge']>
type FactRow = Omit<WebhookFact, 'challenge'> & {
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
}

/** As precise as PostgreSQL's clock: an endpoint can be created in the millisecond of an event. */
const micros = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint`

// In the order in which they were written, so that an urgent one does not wait behind later ones.
const takeFacts = statement<{ readonly limit: number }, FactRow>(
  'take_webhook_facts',
  `with batch as materialized (
     select f.tenant_id, f.seq from webhook_facts f order by f.seq limit :limit
     for update skip locked
   ), facts as (
     delete from webhook_facts f using batch
     where f.tenant_id = batch.tenant_id and f.seq = batch.seq
     returning f.*
   )
   select g.tenant_id, g.kind, g.user_id, g.activity_id, g.activity_type, g.severity,
     g.challenge_id, g.device_id, g.enrollment_id, g.reason, g.owner_rp_id, g.viewer_rp_ids,
     g.occurred_at, ${micros('g.occurred_at')} as occurred_at_micros,
     c.id as found_challenge_id, c.status as challenge_status,
     c.reason as challenge_reason, c.delivery_mode, c.binding, c.idempotency_key,
     c.created_at as challenge_created_at, c.expires_at as challenge_expires_at,
     c.decided_at as challenge_decided_at, c.decided_device_id
   from facts g
   left join challenges c on c.tenant_id = g.tenant_id and c.id = g.challenge_id
   order by g.seq`,
)

const findSubscribers = statement<{ readonly tenantIds: readonly TenantId[] }, Subscriber>(
  'find_subscribers',
  `select ${endpointColumns}, ${micros('e.created_at')} as created_at_micros
   from webhook_endpoints e
   where e.tenant_id = any(:tenantIds::text[]) and e.status in ('active', 'paused')`,
)

const insertDeliveries = statement<{
  readonly tenantIds: readonly TenantId[]
  readonly endpointIds: readonly NewWebhookDelivery['endpointId'][]
  readonly eventIds: readonly NewWebhookDelivery['eventId'][]
  readonly types: readonly NewWebhookDelivery['type'][]
  readonly userIds: readonly NewWebhookDelivery['userId'][]
  readonly data: readonly string[]
  readonly occurredAts: readonly Date[]
  readonly staleAts: readonly Date[]
}>(
  'insert_webhook_deliveries',
  `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, user_id, data,
     occurred_at, stale_at)
   select * from unnest(:tenantIds::text[], :endpointIds::text[], :eventIds::text[], :types::text[],
     :userIds::text[], :data::jsonb[], :occurredAts::timestamptz[], :staleAts::timestamptz[])
   on conflict do nothing`,
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
  ...fact
}: FactRow): WebhookFact {
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

async function insert(tx: Queries, deliveries: readonly NewWebhookDelivery[]): Promise<void> {
  if (deliveries.length === 0) return
  const column = <T>(read: (one: NewWebhookDelivery) => T) => deliveries.map(read)
  await run(tx, insertDeliveries, {
    tenantIds: column((one) => one.tenantId),
    endpointIds: column((one) => one.endpointId),
    eventIds: column((one) => one.eventId),
    types: column((one) => one.type),
    userIds: column((one) => one.userId),
    data: column((one) => JSON.stringify(one.data)),
    occurredAts: column((one) => one.occurredAt),
    staleAts: column((one) => one.staleAt),
  })
}

/** The half of the queue that creates deliveries. */
export function buildWebhookFanOut(
  database: Database,
): Pick<WebhookDeliveryStore, 'fanOut' | 'enqueue'> {
  return {
    fanOut(limit, decide) {
      return database.transaction(async (tx) => {
        const facts = (await run(tx, takeFacts, { limit })).map(toFact)
        if (facts.length === 0) return 0
        const tenantIds = [...new Set(facts.map(({ tenantId }): TenantId => tenantId))]
        const endpoints = await run(tx, findSubscribers, { tenantIds })
        await insert(tx, decide(facts, endpoints))
        return facts.length
      })
    },

    enqueue: (delivery) => insert(database, [delivery]),
  }
}

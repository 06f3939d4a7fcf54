// The attempts to deliver webhooks, and replaying them.

import { challengeGraceSeconds, staleDays } from '../domain/webhook-event.ts'
import type { WebhookAttempt, WebhookDeliveryStore } from '../ports/webhook-store.ts'
import type { Database } from './database.ts'
import { type List, readPage } from './pages.ts'

const listAttempts: List = {
  name: 'list_webhook_attempts',
  text: ({ limit, before }) => `
    select a.id, a.event_id as "eventId", d.type, a.at, a.duration_ms as "durationMs",
      a.status_code as "statusCode", a.reason, d.status as "deliveryStatus"
    from webhook_attempts a
    join webhook_deliveries d on d.tenant_id = a.tenant_id and d.endpoint_id = a.endpoint_id
      and d.event_id = a.event_id
    where a.tenant_id = $1 and a.endpoint_id = $2 ${before('a.id')}
    order by a.id desc limit ${limit}`,
}

// A delivery under way is left alone: it arrives anyway.
const replay = (which: string) => `
  with again as materialized (
    select d.event_id, d.type from webhook_deliveries d
    where d.tenant_id = $1 and d.endpoint_id = $2 and ${which} limit $4 for update skip locked
  )
  update webhook_deliveries d
  set status = 'queued', attempts = 0, due_at = clock_timestamp(), settled_at = null, reason = null,
    leased_by = null, leased_until = null,
    stale_at = clock_timestamp() + case when d.type like 'challenge.%' or d.type = 'webhook.test'
      then make_interval(secs => ${challengeGraceSeconds})
        else make_interval(days => ${staleDays}) end
  from again where d.tenant_id = $1 and d.endpoint_id = $2 and d.event_id = again.event_id
  returning d.event_id`
const replayOne = replay(`d.event_id = $3 and d.status <> 'queued'`)
const replayFailed = replay(
  `d.status = 'failed' and d.occurred_at >= $3 order by d.occurred_at, d.event_id`,
)

/** The half of the queue of webhooks that relying parties see. */
export function buildWebhookAttempts(
  database: Database,
): Pick<WebhookDeliveryStore, 'listAttempts' | 'replay'> {
  return {
    listAttempts: (tenantId, endpointId, page) =>
      readPage<WebhookAttempt>(database, listAttempts, [tenantId, endpointId], page),

    async replay(tenantId, endpointId, which, limit) {
      const of = [tenantId, endpointId]
      const again =
        'eventId' in which
          ? await database.query('replay_webhook', replayOne, [...of, which.eventId, limit])
          : await database.query('replay_failed_webhooks', replayFailed, [
              ...of,
              which.failedSince,
              limit,
            ])
      return again.length
    },
  }
}

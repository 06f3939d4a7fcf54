// The attempts to deliver webhooks, and replaying them.

import type { TenantId, WebhookEndpointId, WebhookEventId } from '../domain/ids.ts'
import { lifetimeSeconds, webhookEventTypes } from '../domain/webhook-event.ts'
import type { Database } from '../platform/postgres/database.ts'
import { type FirstPage, type NextPage, readListPage } from '../platform/postgres/pages.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { WebhookAttempt, WebhookDeliveryStore } from './webhook.store.ts'

type ByEndpoint = { readonly tenantId: TenantId; readonly endpointId: WebhookEndpointId }
type EventRow = { readonly eventId: WebhookEventId }

const attemptsWhere = (condition: string) => `
  select a.id, a.event_id, d.type, a.at, a.duration_ms, a.status_code, a.reason,
    d.status as delivery_status
  from webhook_attempts a
  join webhook_deliveries d on d.tenant_id = a.tenant_id and d.endpoint_id = a.endpoint_id
    and d.event_id = a.event_id
  where a.tenant_id = :tenantId and a.endpoint_id = :endpointId ${condition}
  order by a.id desc limit :limit`
const listAttempts = {
  first: statement<ByEndpoint & FirstPage, WebhookAttempt>(
    'list_webhook_attempts',
    attemptsWhere(''),
  ),
  next: statement<ByEndpoint & NextPage, WebhookAttempt>(
    'list_webhook_attempts_before',
    attemptsWhere('and a.id < :before'),
  ),
}

// A delivery under way is left alone: it arrives anyway.
const replayWhere = (condition: string) => `
  with again as materialized (
    select d.event_id, d.type from webhook_deliveries d
    where d.tenant_id = :tenantId and d.endpoint_id = :endpointId and ${condition}
    limit :limit for update skip locked
  )
  update webhook_deliveries d
  set status = 'queued', attempts = 0, due_at = clock_timestamp(), settled_at = null, reason = null,
    leased_by = null, leased_until = null,
    stale_at = clock_timestamp() + make_interval(secs => x.seconds)
  from again join unnest(:types::text[], :lifetimes::int[]) as x(type, seconds)
    on x.type = again.type
  where d.tenant_id = :tenantId and d.endpoint_id = :endpointId and d.event_id = again.event_id
  returning d.event_id`
const lifetimes = {
  types: webhookEventTypes,
  lifetimes: webhookEventTypes.map(lifetimeSeconds),
}
type ReplayParams = ByEndpoint & typeof lifetimes & { readonly limit: number }
const replayOne = statement<ReplayParams & EventRow, EventRow>(
  'replay_webhook',
  replayWhere(`d.event_id = :eventId and d.status <> 'queued'`),
)
const replayFailed = statement<ReplayParams & { readonly failedSince: Date | null }, EventRow>(
  'replay_failed_webhooks',
  replayWhere(
    `d.status = 'failed' and d.occurred_at >= :failedSince order by d.occurred_at, d.event_id`,
  ),
)

/** The half of the queue of webhooks that relying parties see. */
export function buildWebhookAttempts(
  database: Database,
): Pick<WebhookDeliveryStore, 'listAttempts' | 'replay'> {
  return {
    listAttempts: (tenantId, endpointId, page) =>
      readListPage(database, listAttempts, { tenantId, endpointId }, page),

    async replay(tenantId, endpointId, which, limit) {
      const params = { tenantId, endpointId, limit, ...lifetimes }
      const again =
        'eventId' in which
          ? await run(database, replayOne, { ...params, eventId: which.eventId })
          : await run(database, replayFailed, { ...params, failedSince: which.failedSince ?? null })
      return again.length
    },
  }
}

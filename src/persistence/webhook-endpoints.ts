// Endpoints of relying parties. All but the leanest reads go through here; a deleted one is never
// found.

import type { Actor } from '../domain/activity.ts'
import type { AuditType } from '../domain/audit.ts'
import type { TenantId } from '../domain/ids.ts'
import { originOf, type WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import type { EndpointKey, WebhookEndpointStore } from '../ports/webhook-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database, Queries } from './database.ts'

/** Columns of an endpoint that every authorized reader may see. */
export const endpointColumns = `e.tenant_id as "tenantId", e.id, e.rp_id as "rpId", e.url,
  e.description, e.events, e.status, e.status_reason as "statusReason",
  case when e.previous_until > clock_timestamp() then e.previous_until end as "previousSecretUntil",
  e.failing_since as "failingSince", e.last_failed_at as "lastFailedAt",
  e.created_at as "createdAt", e.updated_at as "updatedAt"`

const live = `e.status <> 'deleted'`
const own = `e.tenant_id = $1 and e.rp_id = $2 and e.id = $3 and ${live}`

// The relying party's row is locked: transactions that add one for it are serialized, and the count
// is of what has committed.
const lockParty = `
  select id from relying_parties where tenant_id = $1 and id = $2 for no key update`
const countOfParty = `
  select count(*)::int as n from webhook_endpoints e
    where e.tenant_id = $1 and e.rp_id = $2 and ${live}`

// The triggers that record facts do nothing until a number was taken, so that an installation that
// never had an endpoint pays nothing.
const openGate = `select nextval('webhook_facts_seq_seq')`

const insert = `
  insert into webhook_endpoints as e (tenant_id, rp_id, id, url, description, events, secret_sealed)
  values ($1, $2, $3, $4, $5, $6, $7) returning ${endpointColumns}`

const update = `
  update webhook_endpoints e set url = coalesce($4, e.url),
    description = coalesce($5, e.description),
    events = coalesce($6, e.events), status = coalesce($7, e.status),
    status_reason = case $7 when 'active' then null when 'paused' then 'relying_party'
      else e.status_reason end,
    failing_since = case when $7 = 'active' then null else e.failing_since end,
    last_failed_at = case when $7 = 'active' then null else e.last_failed_at end,
    updated_at = clock_timestamp()
  where ${own} returning ${endpointColumns}`

const rotate = `
  update webhook_endpoints e set previous_sealed = case when $5::int > 0 then e.secret_sealed end,
    previous_until = case when $5::int > 0
      then clock_timestamp() + make_interval(secs => $5::int) end,
    secret_sealed = $4, updated_at = clock_timestamp()
  where ${own} returning ${endpointColumns}`

const remove = `
  update webhook_endpoints e set status = 'deleted', status_reason = 'deleted', url = '',
    description = '', secret_sealed = null, previous_sealed = null, previous_until = null,
    updated_at = clock_timestamp()
  where ${own} returning ${endpointColumns}`

const withinMinute = `array(select t from unnest(e.requested_at) t
  where t > clock_timestamp() - interval '1 minute' order by t)`

const takeSlot = `
  update webhook_endpoints e set requested_at = ${withinMinute} || clock_timestamp()
  where ${own} and e.status = 'active' and cardinality(${withinMinute}) < $4
  returning e.id`

const secondsToWait = `
  select greatest(1, ceil(extract(epoch from
    (${withinMinute})[1] + interval '1 minute' - clock_timestamp())))::int as seconds
  from webhook_endpoints e where ${own} and e.status = 'active'`

const stop = `
  update webhook_endpoints e set status = $3, status_reason = $4, updated_at = clock_timestamp()
  where e.tenant_id = $1 and e.id = $2 and e.status = 'active' and e.url = $5
    and ($4 <> 'failing' or e.failing_since is not null)
  returning e.id`

/** The endpoints of all tenants. */
export function buildWebhookEndpointStore(
  database: Database,
  random: Pick<Random, 'id'>,
): WebhookEndpointStore {
  /** Runs a statement on one endpoint and records it, where it found one. */
  function change(
    name: string,
    text: string,
    { tenantId, rpId, id }: EndpointKey,
    values: readonly unknown[],
    audit: { readonly type: AuditType; readonly actor: Actor; readonly details?: object },
  ): Promise<WebhookEndpoint | null> {
    return database.transaction(async (tx) => {
      const [row] = await tx.query<WebhookEndpoint>(name, text, [tenantId, rpId, id, ...values])
      if (!row) return null
      await record(tx, tenantId, id, audit)
      return row
    })
  }

  async function record(
    tx: Queries,
    tenantId: TenantId,
    subject: string,
    { details = {}, ...event }: { type: AuditType; actor: Actor; details?: object },
  ): Promise<void> {
    await recordAudit(tx, random, tenantId, { ...event, subject, details: { ...details } })
  }

  return {
    list: (tenantId, rpId) =>
      database.query<WebhookEndpoint>(
        'list_webhook_endpoints',
        `select ${endpointColumns} from webhook_endpoints e
         where e.tenant_id = $1 and e.rp_id = $2 and ${live} order by e.id desc`,
        [tenantId, rpId],
      ),

    async find({ tenantId, rpId, id }) {
      const [row] = await database.query<WebhookEndpoint>(
        'find_webhook_endpoint',
        `select ${endpointColumns} from webhook_endpoints e where ${own}`,
        [tenantId, rpId, id],
      )
      return row ?? null
    },

    create({ tenantId, rpId, id, url, description, events, secretSealed }, max, actor) {
      return database.transaction(async (tx) => {
        await tx.query('lock_relying_party', lockParty, [tenantId, rpId])
        const [count] = await tx.query<{ n: number }>('count_webhook_endpoints', countOfParty, [
          tenantId,
          rpId,
        ])
        if (!count || count.n >= max) return null
        await tx.query('open_webhooks', openGate, [])
        const values = [tenantId, rpId, id, url, description, events, secretSealed]
        const [row] = await tx.query<WebhookEndpoint>('insert_webhook_endpoint', insert, values)
        const details = { relyingPartyId: rpId, origin: originOf({ url }), events }
        await record(tx, tenantId, id, { type: 'webhook_endpoint_added', actor, details })
        return row ?? null
      })
    },

    change(key, { url, description, events, status }, actor) {
      const values = [url ?? null, description ?? null, events ?? null, status ?? null]
      const details = {
        ...(url !== undefined && { origin: originOf({ url }) }),
        ...(events !== undefined && { events }),
        ...(status !== undefined && { status }),
      }
      const audit = { type: 'webhook_endpoint_changed', actor, details } as const
      return change('change_webhook_endpoint', update, key, values, audit)
    },

    rotate(key, secretSealed, overlapSeconds, actor) {
      const audit = { type: 'webhook_secret_rotated', actor, details: { overlapSeconds } } as const
      return change('rotate_webhook_secret', rotate, key, [secretSealed, overlapSeconds], audit)
    },

    async remove(key, actor) {
      const audit = { type: 'webhook_endpoint_removed', actor } as const
      const removedEndpoint = await change('remove_webhook_endpoint', remove, key, [], audit)
      return removedEndpoint && { at: removedEndpoint.updatedAt }
    },

    async takeSlot({ tenantId, rpId, id }, perMinuteMax) {
      const of = [tenantId, rpId, id]
      const slotRows = await database.query('take_webhook_turn', takeSlot, [...of, perMinuteMax])
      if (slotRows.length > 0) return { kind: 'taken' }
      const waitQuery = database.query<{ seconds: number }>
      const [row] = await waitQuery('webhook_turn_wait', secondsToWait, of)
      return row ? { kind: 'too_soon', retryAfterSeconds: row.seconds } : { kind: 'not_active' }
    },

    stop({ tenantId, id, url }, { status, reason }) {
      return database.transaction(async (tx) => {
        const values = [tenantId, id, status, reason, url]
        const rows = await tx.query('stop_webhook_endpoint', stop, values)
        if (rows.length === 0) return false
        const type = status === 'paused' ? 'webhook_endpoint_paused' : 'webhook_endpoint_disabled'
        await record(tx, tenantId, id, { type, actor: 'service', details: { reason } })
        return true
      })
    },

    listFailing: (limit) =>
      database.query<WebhookEndpoint>(
        'list_failing_webhook_endpoints',
        `select ${endpointColumns} from webhook_endpoints e
         where e.status = 'active' and e.failing_since is not null
         order by e.last_failed_at - e.failing_since desc limit $1`,
        [limit],
      ),
  }
}

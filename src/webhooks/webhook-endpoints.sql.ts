// Endpoints of relying parties. All but the leanest reads go through here; a deleted one is never
// found.

import type { Actor } from '../domain/activity.ts'
import type { AuditType } from '../domain/audit.ts'
import type { TenantId } from '../domain/ids.ts'
import { originOf, type WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, type Statement, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { EndpointKey, WebhookEndpointStore } from './webhook.store.ts'

/** Columns of an endpoint that every authorized reader may see. */
const endpointColumns = `e.tenant_id, e.id, e.rp_id, e.url, e.description, e.events,
  e.status, e.status_reason,
  case when e.previous_until > clock_timestamp() then e.previous_until end as previous_secret_until,
  e.failing_since, e.last_failed_at, e.created_at, e.updated_at`

const live = `e.status <> 'deleted'`
const own = `e.tenant_id = :tenantId and e.rp_id = :rpId and e.id = :id and ${live}`

type ByParty = Pick<EndpointKey, 'tenantId' | 'rpId'>
type IdRow = { readonly id: string }

// The relying party's row is locked: transactions that add one for it are serialized, and the count
// is of what has committed.
const lockParty = statement<ByParty, IdRow>(
  'lock_relying_party',
  `select id from relying_parties where tenant_id = :tenantId and id = :rpId for no key update`,
)
const countEndpoints = statement<ByParty, { readonly count: number }>(
  'count_webhook_endpoints',
  `select count(*)::int as count from webhook_endpoints e
   where e.tenant_id = :tenantId and e.rp_id = :rpId and ${live}`,
)

// The triggers that record facts do nothing until a number was taken, so that an installation that
// never had an endpoint pays nothing.
const openGate = statement<object, { readonly seq: number }>(
  'open_webhooks',
  `select nextval('webhook_facts_seq_seq') as seq`,
)

const listEndpoints = statement<ByParty, WebhookEndpoint>(
  'list_webhook_endpoints',
  `select ${endpointColumns} from webhook_endpoints e
   where e.tenant_id = :tenantId and e.rp_id = :rpId and ${live} order by e.id desc`,
)

const findEndpoint = statement<EndpointKey, WebhookEndpoint>(
  'find_webhook_endpoint',
  `select ${endpointColumns} from webhook_endpoints e where ${own}`,
)

const listFailing = statement<{ readonly limit: number }, WebhookEndpoint>(
  'list_failing_webhook_endpoints',
  `select ${endpointColumns} from webhook_endpoints e
   where e.status = 'active' and e.failing_since is not null
   order by e.last_failed_at - e.failing_since desc limit :limit`,
)

const insertEndpoint = statement<Parameters<WebhookEndpointStore['create']>[0], WebhookEndpoint>(
  'insert_webhook_endpoint',
  `insert into webhook_endpoints as e (tenant_id, rp_id, id, url, description, events,
     secret_sealed)
   values (:tenantId, :rpId, :id, :url, :description, :events, :secretSealed)
   returning ${endpointColumns}`,
)

const changeEndpoint = statement<
  EndpointKey & {
    readonly url: string | null
    readonly description: string | null
    readonly events: readonly string[] | null
    readonly status: string | null
  },
  WebhookEndpoint
>(
  'change_webhook_endpoint',
  `update webhook_endpoints e set url = coalesce(:url, e.url),
     description = coalesce(:description, e.description),
     events = coalesce(:events, e.events), status = coalesce(:status, e.status),
     status_reason = case :status when 'active' then null when 'paused' then 'relying_party'
       else e.status_reason end,
     failing_since = case when :status = 'active' then null else e.failing_since end,
     last_failed_at = case when :status = 'active' then null else e.last_failed_at end,
     updated_at = clock_timestamp()
   where ${own} returning ${endpointColumns}`,
)

const rotateSecret = statement<
  EndpointKey & { readonly secretSealed: Uint8Array; readonly overlapSeconds: number },
  WebhookEndpoint
>(
  'rotate_webhook_secret',
  `update webhook_endpoints e set
     previous_sealed = case when :overlapSeconds::int > 0 then e.secret_sealed end,
     previous_until = case when :overlapSeconds::int > 0
       then clock_timestamp() + make_interval(secs => :overlapSeconds::int) end,
     secret_sealed = :secretSealed, updated_at = clock_timestamp()
   where ${own} returning ${endpointColumns}`,
)

const removeEndpoint = statement<EndpointKey, WebhookEndpoint>(
  'remove_webhook_endpoint',
  `update webhook_endpoints e set status = 'deleted', status_reason = 'deleted', url = '',
     description = '', secret_sealed = null, previous_sealed = null, previous_until = null,
     updated_at = clock_timestamp()
   where ${own} returning ${endpointColumns}`,
)

const withinMinute = `array(select t from unnest(e.requested_at) t
  where t > clock_timestamp() - interval '1 minute' order by t)`

const takeSlot = statement<EndpointKey & { readonly perMinuteMax: number }, IdRow>(
  'take_webhook_slot',
  `update webhook_endpoints e set requested_at = ${withinMinute} || clock_timestamp()
   where ${own} and e.status = 'active' and cardinality(${withinMinute}) < :perMinuteMax
   returning e.id`,
)

const findSlotWait = statement<EndpointKey, { readonly seconds: number }>(
  'webhook_slot_wait',
  `select greatest(1, ceil(extract(epoch from
     (${withinMinute})[1] + interval '1 minute' - clock_timestamp())))::int as seconds
   from webhook_endpoints e where ${own} and e.status = 'active'`,
)

const stopEndpoint = statement<
  Pick<EndpointKey, 'tenantId' | 'id'> & {
    readonly status: string
    readonly reason: string
    readonly url: string
  },
  IdRow
>(
  'stop_webhook_endpoint',
  `update webhook_endpoints e set status = :status, status_reason = :reason,
     updated_at = clock_timestamp()
   where e.tenant_id = :tenantId and e.id = :id and e.status = 'active' and e.url = :url
     and (:reason <> 'failing' or e.failing_since is not null)
   returning e.id`,
)

/** The endpoints of all tenants. */
export function buildWebhookEndpointStore(
  database: Database,
  random: Pick<Random, 'id'>,
): WebhookEndpointStore {
  /** Runs a statement on one endpoint and records it, where it found one. */
  function change<Params extends EndpointKey>(
    update: Statement<Params, WebhookEndpoint>,
    params: Params,
    audit: { readonly type: AuditType; readonly actor: Actor; readonly details?: object },
  ): Promise<WebhookEndpoint | null> {
    return database.transaction(async (tx) => {
      const [row] = await run(tx, update, params)
      if (!row) return null
      await record(tx, params.tenantId, params.id, audit)
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
    list: (tenantId, rpId) => run(database, listEndpoints, { tenantId, rpId }),

    async find(key) {
      const [row] = await run(database, findEndpoint, key)
      return row ?? null
    },

    create(endpoint, max, actor) {
      const { tenantId, rpId, id, url, events } = endpoint
      return database.transaction(async (tx) => {
        await run(tx, lockParty, endpoint)
        const [endpoints] = await run(tx, countEndpoints, endpoint)
        if (!endpoints || endpoints.count >= max) return null
        await run(tx, openGate, {})
        const [row] = await run(tx, insertEndpoint, endpoint)
        const details = { relyingPartyId: rpId, origin: originOf({ url }), events }
        await record(tx, tenantId, id, { type: 'webhook_endpoint_added', actor, details })
        return row ?? null
      })
    },

    change(key, { url, description, events, status }, actor) {
      const details = {
        ...(url !== undefined && { origin: originOf({ url }) }),
        ...(events !== undefined && { events }),
        ...(status !== undefined && { status }),
      }
      const audit = { type: 'webhook_endpoint_changed', actor, details } as const
      const changes = {
        url: url ?? null,
        description: description ?? null,
        events: events ?? null,
        status: status ?? null,
      }
      return change(changeEndpoint, { ...key, ...changes }, audit)
    },

    rotate(key, secretSealed, overlapSeconds, actor) {
      const audit = { type: 'webhook_secret_rotated', actor, details: { overlapSeconds } } as const
      return change(rotateSecret, { ...key, secretSealed, overlapSeconds }, audit)
    },

    async remove(key, actor) {
      const audit = { type: 'webhook_endpoint_removed', actor } as const
      const removedEndpoint = await change(removeEndpoint, key, audit)
      return removedEndpoint && { at: removedEndpoint.updatedAt }
    },

    async takeSlot(key, perMinuteMax) {
      const slotRows = await run(database, takeSlot, { ...key, perMinuteMax })
      if (slotRows.length > 0) return { kind: 'taken' }
      const [row] = await run(database, findSlotWait, key)
      return row ? { kind: 'too_soon', retryAfterSeconds: row.seconds } : { kind: 'not_active' }
    },

    stop({ tenantId, id, url }, { status, reason }) {
      return database.transaction(async (tx) => {
        const rows = await run(tx, stopEndpoint, { tenantId, id, status, reason, url })
        if (rows.length === 0) return null
        const type = status === 'paused' ? 'webhook_endpoint_paused' : 'webhook_endpoint_disabled'
        await record(tx, tenantId, id, { type, actor: 'service', details: { reason } })
        return 'done'
      })
    },

    listFailing: (limit) => run(database, listFailing, { limit }),
  }
}

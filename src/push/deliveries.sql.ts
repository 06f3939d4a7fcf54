import type { DeliveryId, TenantId } from '../domain/ids.ts'
import { unseenPrefix } from '../domain/lease.ts'
import { noticeLifetimeSeconds } from '../domain/notice.ts'
import type { PushFailure } from '../domain/push.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { DeliveryStore, Housekeeping, Settlement } from './delivery.store.ts'
import {
  addressColumns,
  type DueNoticeRow,
  type DuePromptRow,
  languagesColumn,
  toDuePushes,
} from './push.rows.ts'

/**
 * How long a process may lease a push before another may send it too; must outlast the longest
 * send.
 */
export const leaseSeconds = 15
/** How long the push that closes a prompt is worth sending. */
export const closingLifetimeSeconds = 3600
/** How long a person waits for a test push. */
export const testLifetimeSeconds = 60

const isWorthSending = `(
    (d.kind = 'challenge_opened' and c.status = 'pending' and c.expires_at > clock_timestamp())
    or (d.kind = 'challenge_closed'
      and d.created_at > clock_timestamp() - make_interval(secs => ${closingLifetimeSeconds}))
    or (d.kind = 'activity_recorded'
      and d.created_at > clock_timestamp() - make_interval(secs => ${noticeLifetimeSeconds}))
    or (d.kind = 'test'
      and d.created_at > clock_timestamp() - make_interval(secs => ${testLifetimeSeconds}))
  ) and v.status = 'active' and v.push_token_sealed is not null`

// Only these statements say `settled_at is null`, so that the planner offers no other statement the
// index over the queued deliveries of all tenants.
const isQueued = `d.status = 'queued' and d.settled_at is null`

// Sweeps compare with `statement_timestamp()`: it can be looked up in an index, which the clock
// cannot, and is the earlier of the two.
const dueAndFree = `${isQueued} and d.due_at <= statement_timestamp()
  and (d.leased_until is null or d.leased_until <= clock_timestamp())`

const sources = `deliveries d
  left join challenges c on c.tenant_id = d.tenant_id and c.id = d.challenge_id
  join devices v on v.tenant_id = d.tenant_id and v.id = d.device_id`

const claim = statement<
  {
    readonly leasedBy: string
    readonly limit: number
    /** Provider, environment and app of the connections to skip. */
    readonly fullLanes: readonly string[]
  },
  DueNoticeRow & DuePromptRow
>(
  'claim_deliveries',
  `with due as materialized (
    select d.tenant_id, d.id, c.expires_at as challenge_expires_at, c.chain_id,
      ${addressColumns('v')},
      ${languagesColumn('v')} as languages
    from ${sources}
    where ${dueAndFree} and ${isWorthSending}
      and concat_ws(' ', v.push_provider, v.push_environment, v.app_id) <> all(:fullLanes::text[])
    order by d.due_at limit :limit
    for update of d skip locked
  )
  update deliveries d
  set leased_by = :leasedBy,
    leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds}),
    attempts = d.attempts + 1
  from due where d.tenant_id = due.tenant_id and d.id = due.id
  returning d.tenant_id, d.id, d.kind, d.challenge_id, due.chain_id, d.activity_id, d.more,
    d.device_id, d.attempts,
    case d.kind when 'challenge_opened' then due.challenge_expires_at
      when 'activity_recorded' then d.created_at + make_interval(secs => ${noticeLifetimeSeconds})
      when 'test' then d.created_at + make_interval(secs => ${testLifetimeSeconds})
      else d.created_at + make_interval(secs => ${closingLifetimeSeconds}) end as expires_at,
    due.push_provider, due.push_environment, due.app_id, due.push_token, due.languages`,
)

// Settled only while the lease is still this process's: a process that lost it must not overwrite
// what the next holder did.
const settle = statement<{
  readonly leasedBy: string
  readonly tenantIds: readonly TenantId[]
  readonly ids: readonly DeliveryId[]
  readonly statuses: readonly Settlement['outcome']['status'][]
  readonly reasons: readonly (string | null)[]
  readonly failures: readonly (PushFailure | null)[]
  readonly providerMessageIds: readonly (string | null)[]
  readonly retriesAfterMs: readonly number[]
}>(
  'settle_deliveries',
  `update deliveries d
  set status = x.status, reason = x.reason, failure = x.failure,
    provider_message_id = x.provider_message_id,
    due_at = clock_timestamp() + make_interval(secs => x.retry_after_ms / 1000.0),
    leased_by = null, leased_until = null,
    settled_at = case when x.status = 'queued' then null else clock_timestamp() end
  from unnest(:tenantIds::text[], :ids::text[], :statuses::text[], :reasons::text[],
      :failures::text[], :providerMessageIds::text[], :retriesAfterMs::float8[])
    as x(tenant_id, id, status, reason, failure, provider_message_id, retry_after_ms)
  where d.tenant_id = x.tenant_id and d.id = x.id and d.status = 'queued'
    and d.leased_by in (:leasedBy, '${unseenPrefix}' || :leasedBy)`,
)

const suppressEnded = statement<{ readonly limit: number }, { readonly id: DeliveryId }>(
  'suppress_deliveries',
  `with obsolete as materialized (
    select d.tenant_id, d.id,
      case when v.status <> 'active' then 'device_not_active'
        when v.push_token_sealed is null then 'no_push_token'
        when d.challenge_id is null then 'expired' else 'challenge_ended' end as reason
    from ${sources}
    where ${isQueued} and (d.leased_until is null or d.leased_until <= clock_timestamp())
      and not (${isWorthSending})
    limit :limit
    for update of d skip locked
  )
  update deliveries d
  set status = 'suppressed', reason = obsolete.reason, settled_at = clock_timestamp(),
    leased_by = null, leased_until = null
  from obsolete where d.tenant_id = obsolete.tenant_id and d.id = obsolete.id
  returning d.id`,
)

const purgeProofs = statement<{ readonly limit: number }, { readonly jti: string }>(
  'purge_proofs',
  `delete from device_proofs p using (
    select tenant_id, device_id, jti from device_proofs
    where expires_at <= statement_timestamp() order by expires_at limit :limit
    for update skip locked
  ) old
  where p.tenant_id = old.tenant_id and p.device_id = old.device_id and p.jti = old.jti
  returning p.jti`,
)

// In the order of ids, as a question that supersedes another locks the prompts that it takes over.
function columnsOf(all: readonly Settlement[]) {
  const settlements = all.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const outcomes = settlements.map(({ outcome }) => outcome)
  return {
    tenantIds: settlements.map(({ tenantId }) => tenantId),
    ids: settlements.map(({ id }) => id),
    statuses: outcomes.map(({ status }) => status),
    reasons: outcomes.map((outcome) => ('reason' in outcome ? outcome.reason : null)),
    failures: outcomes.map((outcome) => ('failure' in outcome ? (outcome.failure ?? null) : null)),
    providerMessageIds: outcomes.map((outcome) =>
      'providerMessageId' in outcome ? outcome.providerMessageId : null,
    ),
    retriesAfterMs: outcomes.map((outcome) =>
      'retryAfterMs' in outcome ? outcome.retryAfterMs : 0,
    ),
  }
}

/** The queue of pushes to send. */
export function buildDeliveryStore(database: Database): DeliveryStore & Housekeeping {
  return {
    async claim(leasedBy, limit, full = []) {
      const fullLanes = full.map(
        ({ provider, environment, appId }) => `${provider} ${environment} ${appId}`,
      )
      return toDuePushes(await run(database, claim, { leasedBy, limit, fullLanes }))
    },
    async settle(leasedBy, settlements) {
      if (settlements.length === 0) return
      await run(database, settle, { leasedBy, ...columnsOf(settlements) })
    },
    async suppressEnded(limit) {
      return (await run(database, suppressEnded, { limit })).length
    },
    async purgeProofs(limit) {
      return (await run(database, purgeProofs, { limit })).length
    },
  }
}

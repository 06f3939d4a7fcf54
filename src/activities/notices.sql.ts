import { lockUserRow } from '../devices/devices.sql.ts'
import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import type { ActivityId, DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import {
  digestIntervalSeconds,
  type NoticeOutcome,
  type NoticePush,
  noticeLifetimeSeconds,
  type PendingActivity,
  preferencesOf,
} from '../domain/notice.ts'
import { policyOf } from '../domain/policy.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { leaseSeconds } from '../push/deliveries.sql.ts'
import {
  addressColumns,
  type DueNoticeRow,
  languagesColumn,
  toDuePushes,
} from '../push/push.rows.ts'
import { firstNoticeCursor, type NoticeStore, type PendingNotices } from './notice.store.ts'

// A critical activity is pending by its existence: no writer can forget it.
const isPending = (alias: string) =>
  `(${alias}.notice = 'owed' or (${alias}.notice is null and ${alias}.severity = 'critical'))`

type PendingRow = {
  readonly tenantId: PendingNotices['tenantId']
  readonly userId: PendingNotices['userId']
  readonly id: ActivityId
  readonly type: string
  readonly severity: PendingActivity['severity']
  readonly actor: PendingActivity['actor']
  readonly rpId: PendingActivity['rpId']
  readonly occurredAt: Date
  readonly waiting: boolean
  readonly now: Date
  readonly notificationPreferences: unknown
  readonly policy: unknown
  readonly deviceIds: DeviceId[] | null
}

const pendingWhere = (condition: string, order: string) => `
  select a.tenant_id, a.user_id, a.id, a.type, a.severity, a.actor, a.rp_id, a.occurred_at,
    coalesce(a.notice = 'waiting', false) as waiting,
    clock_timestamp() as now, u.notification_preferences, t.policy, dv.device_ids
  from (
    select * from activities a where ${condition} order by ${order} limit :limit
  ) a
  join users u on u.tenant_id = a.tenant_id and u.id = a.user_id
  join tenants t on t.tenant_id = a.tenant_id
  left join lateral (
    select array_agg(d.id order by d.id) as device_ids from devices d
    where d.tenant_id = a.tenant_id and d.user_id = a.user_id and d.status = 'active'
      and d.push_token_sealed is not null
  ) dv on true
  order by ${order}`
const loadFresh = statement<{ readonly limit: number }, PendingRow>(
  'load_pending_notices',
  pendingWhere(`${isPending('a')} and a.occurred_at <= statement_timestamp()`, 'a.occurred_at'),
)
const loadWaiting = statement<
  {
    readonly limit: number
    readonly afterTenantId: string
    readonly afterUserId: string
    readonly afterId: string
  },
  PendingRow
>(
  'load_waiting_notices',
  pendingWhere(
    `a.notice = 'waiting'
      and (a.tenant_id, a.user_id, a.id)
        > (:afterTenantId::text, :afterUserId::text, :afterId::text)`,
    'a.tenant_id, a.user_id, a.id',
  ),
)

// `is true` keeps the index over all pending notices out: these are found by their ids.
const settleNotices = statement<{
  readonly tenantId: TenantId
  readonly ids: readonly ActivityId[]
  readonly outcome: NoticeOutcome
}>(
  'settle_notices',
  `update activities a set notice = :outcome
   where a.tenant_id = :tenantId and a.id = any(:ids::text[])
     and (${isPending('a')} or a.notice = 'waiting') is true`,
)

/** How many activities one statement can settle in time; the next one takes the rest. */
const digestMax = 5_000

type EnqueueParams = {
  readonly tenantId: TenantId
  readonly activityIds: readonly ActivityId[]
  readonly userId: UserId
  readonly budget: string
  readonly pushesMax: number
  readonly isDigest: boolean
  readonly otherwise: NoticePush['otherwise']
  readonly deliveryIds: readonly DeliveryId[]
  readonly deviceIds: readonly DeviceId[]
  readonly leasedBy: string
}

// Every statement locks the activities before the budget's row: counting them fetches them all,
// `exists` would stop at the first. Only pushes that were queued count: `on conflict` waits for the
// transaction that locks the row, and decides by what that one left.
const recent = `t > clock_timestamp() - interval '1 hour'`
const isFree = `(select count(*) from unnest(b.pushed_at) as t where ${recent}) < :pushesMax`
const enqueuePush = (condition: string) => `
  with batch as materialized (
    select a.id from activities a where ${condition} order by a.id limit ${digestMax}
    for no key update
  ), budget as (
    insert into activity_push_budgets as b (tenant_id, user_id, budget, pushed_at)
    select :tenantId, :userId, :budget, array[clock_timestamp()]
    where (select count(*) from batch) > 0
    on conflict (tenant_id, user_id, budget) do update set
      pushed_at = array(select t from unnest(b.pushed_at) as t where ${recent} order by t)
        || case when ${isFree} then array[clock_timestamp()] else array[]::timestamptz[] end,
      gathered_at = case when ${isFree} then b.gathered_at else clock_timestamp() end
    where ${isFree} or (:isDigest and (b.gathered_at is null
      or b.gathered_at <= clock_timestamp() - make_interval(secs => ${digestIntervalSeconds})))
    returning b.gathered_at
  ), newest as (
    select max(batch.id) as id, case when :isDigest then count(*)::int end as more
    from batch, budget
  ), outcome as (
    update activities a set notice = case
      when not exists (select from budget) then :otherwise
      when a.id = newest.id then 'pushed' else 'merged' end
    from batch, newest where a.tenant_id = :tenantId and a.id = batch.id
      and (newest.id is not null or a.notice is distinct from :otherwise)
  ), pushes as (
    insert into deliveries (tenant_id, id, kind, activity_id, more, device_id, status, attempts,
      due_at, leased_by, leased_until)
    select :tenantId, x.id, 'activity_recorded', newest.id, newest.more, x.device_id, 'queued', 1,
      clock_timestamp(), :leasedBy, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from newest, unnest(:deliveryIds::text[], :deviceIds::text[]) as x(id, device_id)
    where newest.id is not null
    returning tenant_id, id, kind, challenge_id, activity_id, more, device_id, attempts, created_at
  )
  select p.tenant_id, p.id, p.kind, p.challenge_id, p.activity_id, p.more, p.device_id, p.attempts,
    p.created_at + make_interval(secs => ${noticeLifetimeSeconds}) as expires_at,
    ${addressColumns('v')}, ${languagesColumn('v')} as languages
  from pushes p
  join devices v on v.tenant_id = p.tenant_id and v.id = p.device_id and v.status = 'active'`
const enqueueListed = statement<EnqueueParams, DueNoticeRow>(
  'enqueue_notice',
  enqueuePush(`a.tenant_id = :tenantId and a.id = any(:activityIds::text[])
      and (${isPending('a')} or a.notice = 'waiting') is true`),
)
// All that waits for this budget by now: no other push covers it.
const enqueueDigest = statement<EnqueueParams, DueNoticeRow>(
  'enqueue_notice_digest',
  enqueuePush(`a.tenant_id = :tenantId and a.user_id = :userId and a.notice = 'waiting'
      and :budget = case a.type when 'posted' then coalesce(a.rp_id, 'rp_') else 'service' end
      and cardinality(:activityIds::text[]) > 0`),
)

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

const findPreferences = statement<ByUser, { readonly notificationPreferences: unknown }>(
  'find_notification_preferences',
  'select notification_preferences from users where tenant_id = :tenantId and id = :userId',
)

const changePreferences = statement<
  ByUser & { readonly preferences: string; readonly deviceId: DeviceId },
  { readonly id: UserId }
>(
  'change_notification_preferences',
  `update users set notification_preferences = :preferences
   where tenant_id = :tenantId and id = :userId
     and exists (select from devices d
       where d.tenant_id = :tenantId and d.id = :deviceId and d.status = 'active')
   returning id`,
)

function byUser(rows: readonly PendingRow[]): PendingNotices[] {
  const groups = Map.groupBy(rows, (row) => `${row.tenantId} ${row.userId}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    return {
      tenantId: first.tenantId,
      userId: first.userId,
      now: first.now,
      preferences: preferencesOf(first.notificationPreferences),
      activityPushesPerHourMax: policyOf(first.policy).activityPushesPerHourMax,
      deviceIds: first.deviceIds ?? [],
      pending: group.map(({ id, type, severity, actor, rpId, occurredAt, waiting }) => ({
        ...{ id, type: activityTypeOf(type), severity, actor, rpId, waiting },
        recordedAt: occurredAt,
      })),
    }
  })
}

/** Pending notices, and the preferences of users for them. */
export function buildNoticeStore(database: Database, random: Pick<Random, 'id'>): NoticeStore {
  return {
    async loadPending({ waitingAfter, limit }) {
      const [afterTenantId, afterUserId, afterId] = waitingAfter ?? firstNoticeCursor
      const rows =
        waitingAfter === null
          ? await run(database, loadFresh, { limit })
          : await run(database, loadWaiting, { limit, afterTenantId, afterUserId, afterId })
      const last = rows.at(-1)
      const isEnd = last === undefined || rows.length < limit
      return { users: byUser(rows), last: isEnd ? null : [last.tenantId, last.userId, last.id] }
    },

    async settle(tenantId, ids, outcome) {
      await run(database, settleNotices, { tenantId, ids, outcome })
    },

    async enqueue({ tenantId, userId, push, deliveries, leasedBy }) {
      const { activityIds, pushesMax, otherwise, budget, isDigest } = push
      const rows = await run(database, isDigest ? enqueueDigest : enqueueListed, {
        ...{ tenantId, userId, activityIds, pushesMax, otherwise, budget, isDigest, leasedBy },
        deliveryIds: deliveries.map(({ id }) => id),
        deviceIds: deliveries.map(({ deviceId }) => deviceId),
      })
      return toDuePushes(rows)
    },

    async findPreferences(tenantId, userId) {
      const [row] = await run(database, findPreferences, { tenantId, userId })
      return preferencesOf(row?.notificationPreferences)
    },

    changePreferences({ tenantId, userId, preferences, activity }, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        // Unregistering the device locks the user's row first: read after the lock, the device's
        // status is current.
        await lockUserRow(tx, tenantId, userId)
        const changedRows = await run(tx, changePreferences, {
          ...{ tenantId, userId, deviceId: proof.deviceId },
          preferences: JSON.stringify(preferences),
        })
        if (changedRows.length === 0) return null
        await recordActivities(tx, random, tenantId, [activity])
        return 'done'
      })
    },
  }
}

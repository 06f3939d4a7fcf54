import type { ActivityId, DeviceId } from '../domain/ids.ts'
import {
  digestIntervalSeconds,
  noticeLifetimeSeconds,
  type PendingActivity,
  preferencesOf,
} from '../domain/notice.ts'
import { policyOf } from '../domain/policy.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { NoticeStore, PendingNotices } from '../ports/notice-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { leaseSeconds } from './deliveries.ts'
import { lockUserRow, spendProof } from './devices.ts'
import { addressColumns, type DuePushRow, toDuePushes } from './rows.ts'

// A critical activity is pending by its existence: no writer can forget it.
const isPending = (alias: string) =>
  `(${alias}.notice = 'owed' or (${alias}.notice is null and ${alias}.severity = 'critical'))`

const loadPending = (which: string, order: string) => `
  select a.tenant_id, a.user_id, a.id, a.type, a.severity, a.actor, a.rp_id, a.occurred_at,
    coalesce(a.notice = 'waiting', false) as waiting,
    clock_timestamp() as now, u.notification_preferences, t.policy, dv.device_ids
  from (
    select * from activities a where ${which} order by ${order} limit $1
  ) a
  join users u on u.tenant_id = a.tenant_id and u.id = a.user_id
  join tenants t on t.tenant_id = a.tenant_id
  left join lateral (
    select array_agg(d.id order by d.id) as device_ids from devices d
    where d.tenant_id = a.tenant_id and d.user_id = a.user_id and d.status = 'active'
      and d.push_token_sealed is not null
  ) dv on true
  order by ${order}`
const loadFresh = loadPending(
  `${isPending('a')} and a.occurred_at <= statement_timestamp()`,
  'a.occurred_at',
)
const loadWaiting = loadPending(
  `a.notice = 'waiting' and (a.tenant_id, a.user_id, a.id) > ($2::text, $3::text, $4::text)`,
  'a.tenant_id, a.user_id, a.id',
)

// `is true` keeps the index over all pending notices out: these are found by their ids.
const settleNotices = `
  update activities a set notice = $3
  where a.tenant_id = $1 and a.id = any($2::text[])
    and (${isPending('a')} or a.notice = 'waiting') is true`

/** How many activities one statement can settle in time; the next one takes the rest. */
const digestMax = 5_000

// Every statement locks the activities before the budget's row: counting them fetches them all,
// `exists` would stop at the first. Only pushes that were queued count: `on conflict` waits for the
// transaction that locks the row, and decides by what that one left.
const recent = `t > clock_timestamp() - interval '1 hour'`
const isFree = `(select count(*) from unnest(b.pushed_at) as t where ${recent}) < $4`
const enqueuePush = (condition: string) => `
  with batch as materialized (
    select a.id from activities a where ${condition} order by a.id limit ${digestMax}
    for no key update
  ), budget as (
    insert into activity_push_budgets as b (tenant_id, user_id, budget, pushed_at)
    select $1, $2, $10, array[clock_timestamp()] where (select count(*) from batch) > 0
    on conflict (tenant_id, user_id, budget) do update set
      pushed_at = array(select t from unnest(b.pushed_at) as t where ${recent} order by t)
        || case when ${isFree} then array[clock_timestamp()] else array[]::timestamptz[] end,
      gathered_at = case when ${isFree} then b.gathered_at else clock_timestamp() end
    where ${isFree} or ($11 and (b.gathered_at is null
      or b.gathered_at <= clock_timestamp() - make_interval(secs => ${digestIntervalSeconds})))
    returning b.gathered_at
  ), newest as (
    select max(batch.id) as id, case when $11 then count(*)::int end as more from batch, budget
  ), outcome as (
    update activities a set notice = case
      when not exists (select from budget) then $5
      when a.id = newest.id then 'pushed' else 'merged' end
    from batch, newest where a.tenant_id = $1 and a.id = batch.id
      and (newest.id is not null or a.notice is distinct from $5)
  ), pushes as (
    insert into deliveries (tenant_id, id, kind, activity_id, more, device_id, status, attempts,
      due_at, leased_by, leased_until)
    select $1, x.id, 'activity_recorded', newest.id, newest.more, x.device_id, 'queued', 1,
      clock_timestamp(), $8, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from newest, unnest($6::text[], $7::text[]) as x(id, device_id)
    where newest.id is not null
    returning tenant_id, id, kind, challenge_id, activity_id, more, device_id, attempts, created_at
  )
  select p.*, p.created_at + make_interval(secs => $9) as expires_at, ${addressColumns('v')}
  from pushes p
  join devices v on v.tenant_id = p.tenant_id and v.id = p.device_id and v.status = 'active'`
const enqueueListed = enqueuePush(`a.tenant_id = $1 and a.id = any($3::text[])
      and (${isPending('a')} or a.notice = 'waiting') is true`)
// All that waits for this budget by now: no other push covers it.
const enqueueDigest = enqueuePush(`a.tenant_id = $1 and a.user_id = $2 and a.notice = 'waiting'
      and $10 = case a.type when 'posted' then coalesce(a.rp_id, 'rp_') else 'service' end
      and cardinality($3::text[]) > 0`)

type PendingRow = {
  readonly tenant_id: PendingNotices['tenantId']
  readonly user_id: PendingNotices['userId']
  readonly id: ActivityId
  readonly type: string
  readonly severity: PendingActivity['severity']
  readonly actor: PendingActivity['actor']
  readonly rp_id: PendingActivity['rpId']
  readonly occurred_at: Date
  readonly waiting: boolean
  readonly now: Date
  readonly notification_preferences: unknown
  readonly policy: unknown
  readonly device_ids: DeviceId[] | null
}

function byUser(rows: readonly PendingRow[]): PendingNotices[] {
  const groups = Map.groupBy(rows, (row) => `${row.tenant_id} ${row.user_id}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    return {
      tenantId: first.tenant_id,
      userId: first.user_id,
      now: first.now,
      preferences: preferencesOf(first.notification_preferences),
      activityPushesPerHourMax: policyOf(first.policy).activityPushesPerHourMax,
      deviceIds: first.device_ids ?? [],
      pending: group.map(({ id, type, severity, actor, rp_id, occurred_at, waiting }) => ({
        ...{ id, type: activityTypeOf(type), severity, actor, waiting },
        rpId: rp_id,
        recordedAt: occurred_at,
      })),
    }
  })
}

/** Pending notices, and the preferences of users for them. */
export function buildNoticeStore(database: Database, random: Pick<Random, 'id'>): NoticeStore {
  return {
    async loadPending({ waitingAfter, limit }) {
      const rows =
        waitingAfter === null
          ? await database.query<PendingRow>('load_owed_notices', loadFresh, [limit])
          : await database.query<PendingRow>('load_waiting_notices', loadWaiting, [
              limit,
              ...waitingAfter,
            ])
      const last = rows.at(-1)
      const isEnd = last === undefined || rows.length < limit
      return { users: byUser(rows), last: isEnd ? null : [last.tenant_id, last.user_id, last.id] }
    },

    async settle(tenantId, ids, outcome) {
      await database.query('settle_notices', settleNotices, [tenantId, ids, outcome])
    },

    async enqueue({ tenantId, userId, push, deliveries, leasedBy }) {
      const [name, text] = push.isDigest
        ? ['owe_gathered_notices', enqueueDigest]
        : ['owe_notice', enqueueListed]
      const rows = await database.query<DuePushRow>(name, text, [
        tenantId,
        userId,
        push.activityIds,
        push.pushesMax,
        push.otherwise,
        deliveries.map(({ id }) => id),
        deliveries.map(({ deviceId }) => deviceId),
        leasedBy,
        noticeLifetimeSeconds,
        push.budget,
        push.isDigest,
      ])
      return toDuePushes(rows)
    },

    async findPreferences(tenantId, userId) {
      const [row] = await database.query<{ notification_preferences: unknown }>(
        'find_notification_preferences',
        'select notification_preferences from users where tenant_id = $1 and id = $2',
        [tenantId, userId],
      )
      return preferencesOf(row?.notification_preferences)
    },

    changePreferences({ tenantId, userId, preferences, activity }, proof) {
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return 'proof_replayed'
        // Unregistering the device locks the user's row first: read after the lock, the device's
        // status is current.
        await lockUserRow(tx, tenantId, userId)
        const changedRows = await tx.query(
          'change_notification_preferences',
          `update users set notification_preferences = $3 where tenant_id = $1 and id = $2
             and exists (select from devices d
               where d.tenant_id = $1 and d.id = $4 and d.status = 'active')
           returning id`,
          [tenantId, userId, JSON.stringify(preferences), proof.deviceId],
        )
        if (changedRows.length === 0) return false
        await recordActivities(tx, random, tenantId, [activity])
        return true
      })
    },
  }
}

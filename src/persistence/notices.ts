import type { ActivityId, DeviceId } from '../domain/ids.ts'
import {
  gatherSeconds,
  noticeLifetimeSeconds,
  type OwedActivity,
  preferencesOf,
} from '../domain/notice.ts'
import { policyOf } from '../domain/policy.ts'
import { activityTypeOf } from '../domain/stored-activity-type.ts'
import type { NoticeStore, OwedNotices } from '../ports/notice-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { leaseSeconds } from './deliveries.ts'
import { lockUserRow, spendProof } from './devices.ts'
import { addressColumns, type DuePushRow, toDuePushes } from './rows.ts'

// What is critical is owed by being there: no writer can forget it.
const owed = (alias: string) =>
  `(${alias}.notice = 'owed' or (${alias}.notice is null and ${alias}.severity = 'critical'))`

const loadOwed = (which: string, order: string) => `
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
const loadFresh = loadOwed(
  `${owed('a')} and a.occurred_at <= statement_timestamp()`,
  'a.occurred_at',
)
const loadWaiting = loadOwed(
  `a.notice = 'waiting' and (a.tenant_id, a.user_id, a.id) > ($2::text, $3::text, $4::text)`,
  'a.tenant_id, a.user_id, a.id',
)

// `is true` keeps what everybody is owed out: these are found by their ids.
const settleNotices = `
  update activities a set notice = $3
  where a.tenant_id = $1 and a.id = any($2::text[])
    and (${owed('a')} or a.notice = 'waiting') is true`

/** What one statement can tell of within its time; the rest is told of by the next. */
const gatheredMax = 5_000

// The activities are locked before the budget's row, by all alike: counting them fetches them all, `exists` would stop at the
// first. Only pushes that were owed count: `on conflict` waits for whoever holds the row, and judges by what that one left.
const recent = `t > clock_timestamp() - interval '1 hour'`
const isFree = `(select count(*) from unnest(b.pushed_at) as t where ${recent}) < $4`
const owePush = (told: string) => `
  with told as materialized (
    select a.id from activities a where ${told} order by a.id limit ${gatheredMax}
    for no key update
  ), budget as (
    insert into activity_push_budgets as b (tenant_id, user_id, budget, pushed_at)
    select $1, $2, $10, array[clock_timestamp()] where (select count(*) from told) > 0
    on conflict (tenant_id, user_id, budget) do update set
      pushed_at = array(select t from unnest(b.pushed_at) as t where ${recent} order by t)
        || case when ${isFree} then array[clock_timestamp()] else array[]::timestamptz[] end,
      gathered_at = case when ${isFree} then b.gathered_at else clock_timestamp() end
    where ${isFree} or ($11 and (b.gathered_at is null
      or b.gathered_at <= clock_timestamp() - make_interval(secs => ${gatherSeconds})))
    returning b.gathered_at
  ), newest as (
    select max(told.id) as id, case when $11 then count(*)::int end as more from told, budget
  ), settled as (
    update activities a set notice = case
      when not exists (select from budget) then $5
      when a.id = newest.id then 'pushed' else 'merged' end
    from told, newest where a.tenant_id = $1 and a.id = told.id
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
const oweListed = owePush(`a.tenant_id = $1 and a.id = any($3::text[])
      and (${owed('a')} or a.notice = 'waiting') is true`)
// Whatever waits for this budget by now: nobody is told of it by another push.
const oweGathered = owePush(`a.tenant_id = $1 and a.user_id = $2 and a.notice = 'waiting'
      and $10 = case a.type when 'posted' then coalesce(a.rp_id, 'rp_') else 'service' end
      and cardinality($3::text[]) > 0`)

type OwedRow = {
  readonly tenant_id: OwedNotices['tenantId']
  readonly user_id: OwedNotices['userId']
  readonly id: ActivityId
  readonly type: string
  readonly severity: OwedActivity['severity']
  readonly actor: OwedActivity['actor']
  readonly rp_id: OwedActivity['rpId']
  readonly occurred_at: Date
  readonly waiting: boolean
  readonly now: Date
  readonly notification_preferences: unknown
  readonly policy: unknown
  readonly device_ids: DeviceId[] | null
}

function byUser(rows: readonly OwedRow[]): OwedNotices[] {
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
      owed: group.map(({ id, type, severity, actor, rp_id, occurred_at, waiting }) => ({
        ...{ id, type: activityTypeOf(type), severity, actor, waiting },
        rpId: rp_id,
        recordedAt: occurred_at,
      })),
    }
  })
}

/** What users are owed and wish to hear. */
export function createNoticeStore(database: Database, random: Pick<Random, 'id'>): NoticeStore {
  return {
    async loadOwed({ waitingAfter, limit }) {
      const rows =
        waitingAfter === null
          ? await database.query<OwedRow>('load_owed_notices', loadFresh, [limit])
          : await database.query<OwedRow>('load_waiting_notices', loadWaiting, [
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

    async owe({ tenantId, userId, push, deliveries, leasedBy }) {
      const [name, text] = push.gathers
        ? ['owe_gathered_notices', oweGathered]
        : ['owe_notice', oweListed]
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
        push.gathers,
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
        // Whoever unregisters the device holds the user's row first: seen after the lock, it is seen as it is.
        await lockUserRow(tx, tenantId, userId)
        const changed = await tx.query(
          'change_notification_preferences',
          `update users set notification_preferences = $3 where tenant_id = $1 and id = $2
             and exists (select from devices d
               where d.tenant_id = $1 and d.id = $4 and d.status = 'active')
           returning id`,
          [tenantId, userId, JSON.stringify(preferences), proof.deviceId],
        )
        if (changed.length === 0) return false
        await recordActivities(tx, random, tenantId, [activity])
        return true
      })
    },
  }
}

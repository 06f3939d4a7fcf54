// Recording many answers by one statement: for each item what `record_answer` does for one.

import type { Severity } from '../../domain/activity.ts'
import type { ActivityId, DeliveryId, DeviceId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { lockMoment, skippedItem } from '../../platform/postgres/lane-statements.ts'
import { byPlace, type ListParams, rowList } from '../../platform/postgres/row-list.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import { budgetRecords, withoutPlaces } from '../../protection/push-budgets.sql.ts'
import { closingLifetimeSeconds, leaseSeconds } from '../../push/deliveries.sql.ts'
import { type DuePushJson, duePushesJson, readDuePushes } from '../../push/due-pushes.sql.ts'
import type { AnswerRecording } from '../challenge-answer.store.ts'
import { type RecordItem, type RecordParams, recordItems } from './answer-recording-params.sql.ts'
import {
  type RecordedEndJson,
  readRecordedEnd,
  recordedEndColumns,
  recordedEndJson,
} from './recorded-end.sql.ts'

type Activity = {
  readonly item: number
  readonly id: ActivityId
  readonly type: string
  readonly severity: Severity
  readonly details: string
  readonly notice: 'owed' | null
}
type Closing = { readonly item: number; readonly id: DeliveryId; readonly deviceId: DeviceId }

const activities = rowList<'activity', Activity>('activity', {
  item: 'int',
  id: 'text',
  type: 'text',
  severity: 'text',
  details: 'jsonb',
  notice: 'text',
})
const closings = rowList<'closing', Closing>('closing', {
  item: 'int',
  id: 'text',
  deviceId: 'text',
})

// Users, devices, challenges, budgets: each step locks rows of the step before it, sorted. What is
// checked comes from the locked rows, and the clock is read when the last budget is locked.
const lock = `
  with ${lockMoment}, raw as materialized (
    select x.* from lock_moment cross join ${recordItems.as('x')}
  ), x as materialized (
    select distinct on (raw.tenant_id, raw.user_id) raw.*
    from raw order by raw.tenant_id, raw.user_id, raw.n
  ), w as materialized (
    select x.n, x.tenant_id, x.user_id, b.*
    from x cross join lateral ${budgetRecords('x.budgets')}
  ), u as materialized (
    select x.*, p.revision as found_revision
    from x cross join lateral (
      select p.revision from user_protections p
      where p.tenant_id = x.tenant_id and p.user_id = x.user_id
      for no key update skip locked
    ) p
  ), d as materialized (
    select s.*, v.status as device_status, v.key_revision = s.key_revision as has_same_keys
    from (
      select * from u where found_revision = protection_revision order by tenant_id, device_id
    ) s cross join lateral (
      select v.status, v.key_revision from devices v
      where v.tenant_id = s.tenant_id and v.id = s.device_id
      for share skip locked
    ) v
  ), k as materialized (
    select s.n, c.expires_at,
      c.status = 'pending' and c.wrong_numbers_left = s.wrong_numbers_left_before as fits
    from (
      select * from d where device_status = 'active' and has_same_keys
      order by tenant_id, challenge_id
    ) s cross join lateral (
      select c.status, c.wrong_numbers_left, c.expires_at from challenges c
      where c.tenant_id = s.tenant_id and c.id = s.challenge_id
      for no key update skip locked
    ) c
  ), b as materialized (
    select s.n, s.key, i.revision = s.revision as fits
    from (
      select w.* from k join w on w.n = k.n where k.fits and w.revision > 0
      order by w.tenant_id, w.user_id, w.key
    ) s cross join lateral (
      select i.revision from initiators i
      where i.tenant_id = s.tenant_id and i.user_id = s.user_id and i.key = s.key
      for no key update skip locked
    ) i
  ), g as materialized (
    select w.n, bool_and(w.revision = 0 or coalesce(b.fits, false)) as fits,
      count(*) filter (where w.revision = 0) as fresh,
      bool_or(w.revision > 0 and b.n is null and (select true from initiators i
        where i.tenant_id = w.tenant_id and i.user_id = w.user_id and i.key = w.key) is true
      ) as is_hidden
    from w left join b on b.n = w.n and b.key = w.key
    group by w.n
  )`

// A row that this snapshot sees and that was not locked is somebody else's now: the item is left
// to the single statement, which waits for it. A proof is spent also when the rest turns out
// `changed`, as by the single statement.
const check = `
  held as materialized (
    select x.*, k.expires_at, coalesce(g.fresh, 0) as fresh,
      coalesce(k.fits and coalesce(g.fits, true), false) as is_open,
      case
        when k.n is not null then k.fits and coalesce(g.is_hidden, false)
        when x.n not in (select n from u) then (select true from user_protections p
          where p.tenant_id = x.tenant_id and p.user_id = x.user_id) is true
        when (select u.found_revision <> u.protection_revision from u where u.n = x.n) then false
        when x.n not in (select n from d) then (select true from devices v
          where v.tenant_id = x.tenant_id and v.id = x.device_id) is true
        when (select d.device_status <> 'active' or not d.has_same_keys from d
          where d.n = x.n) then false
        else (select true from challenges c
          where c.tenant_id = x.tenant_id and c.id = x.challenge_id) is true
      end as is_skipped
    from x left join k on k.n = x.n left join g on g.n = x.n
    where (select count(*) from b) >= 0
  ), p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select tenant_id, device_id, proof_jti, proof_expires_at from held
    where not is_proof_spent and not is_skipped
    order by tenant_id, device_id, proof_jti
    on conflict do nothing returning tenant_id, device_id, jti
  ), good as materialized (
    select h.*, h.is_proof_spent or (h.tenant_id, h.device_id, h.proof_jti) in (
      select p.tenant_id, p.device_id, p.jti from p) as is_spent
    from held h
  ), live as materialized (
    select * from good h
    where h.is_open and h.is_spent and not h.is_skipped and h.expires_at > clock_timestamp()
      and (select true from answers a where a.tenant_id = h.tenant_id
        and a.challenge_id = h.challenge_id and a.device_id = h.device_id
        and a.jti = h.jti) is not true
  )`

const write = `
  new_budgets as (
    insert into initiators (tenant_id, user_id, key, pushes, unanswered, denied_at, approved_at,
      blocked_until, revision)
    select w.tenant_id, w.user_id, w.key, w.pushes, w.unanswered, w.denied_at, w.approved_at,
      w.blocked_until, 1
    from live join w on w.n = live.n where w.revision = 0
    order by w.tenant_id, w.user_id, w.key
    on conflict do nothing
    returning tenant_id, user_id
  ), a as (
    insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome, status_after,
      wrong_numbers_left, jws_sealed, kid, user_verified)
    select tenant_id, challenge_id, device_id, jti, decision, outcome, status, wrong_numbers_left,
      jws_sealed, kid, user_verified
    from live
    where fresh = (select count(*) from new_budgets nb
      where nb.tenant_id = live.tenant_id and nb.user_id = live.user_id)
    order by tenant_id, challenge_id, device_id, jti
    returning tenant_id, challenge_id, created_at
  ), done as materialized (
    select live.*, a.created_at as answered_at
    from a join live on live.tenant_id = a.tenant_id and live.challenge_id = a.challenge_id
  ), c as (
    update challenges c
    set status = done.status, reason = done.reason, wrong_numbers_left = done.wrong_numbers_left,
      decided_at = case when done.status = 'pending' then null else done.answered_at end,
      decided_device_id = case when done.status = 'pending' then null else done.device_id end,
      number_sealed = case when done.status = 'pending' then c.number_sealed end
    from done where c.tenant_id = done.tenant_id and c.id = done.challenge_id
    returning ${recordedEndColumns}
  ), budget_update as (
    update initiators i
    set pushes = w.pushes, pending = ${withoutPlaces('i', 'done.challenge_id')},
      unanswered = w.unanswered, denied_at = w.denied_at, approved_at = w.approved_at,
      blocked_until = w.blocked_until, revision = i.revision + 1
    from done join w on w.n = done.n and w.revision > 0
    where i.tenant_id = w.tenant_id and i.user_id = w.user_id and i.key = w.key
  ), protection_update as (
    update user_protections u
    set wrong_numbers_in_row = done.wrong_numbers_in_row,
      wrong_numbers_since_success = done.wrong_numbers_since_success,
      locked_until = done.locked_until, hard_locked_at = done.hard_locked_at,
      reported_until = done.reported_until, paused_until = done.paused_until,
      suspended_at = done.suspended_at, revision = done.protection_revision + 1
    from done
    where u.tenant_id = done.tenant_id and u.user_id = done.user_id and done.is_protection_changed
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
      details, notice)
    select done.tenant_id, y.id, done.user_id, y.type, y.severity, done.actor, done.challenge_id,
      done.device_id, y.details, y.notice
    from done join ${activities.as('y')} on y.item = done.n
  ), closing as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select done.tenant_id, z.id, 'challenge_closed', done.challenge_id, z.device_id, 'queued', 1,
      clock_timestamp(), done.leased_by,
      clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from done join ${closings.as('z')} on z.item = done.n where done.status <> 'pending'
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      created_at + make_interval(secs => ${closingLifetimeSeconds}) as expires_at
  )`

type Params = ListParams<'item', RecordItem> &
  ListParams<'activity', Activity> &
  ListParams<'closing', Closing>

const recordAnswers = statement<
  Params,
  {
    readonly n: number
    readonly outcome: AnswerRecording['kind'] | 'skipped'
    readonly pushes: DuePushJson[] | null
    readonly recordedEnd: RecordedEndJson | null
  }
>(
  'record_answers',
  `${lock}, ${check}, ${write}
  select raw.n::int as n, case
      when h.n is null or h.is_skipped then 'skipped'
      when raw.n in (select n from done) then 'recorded'
      when not h.is_spent then 'proof_replayed'
      when (select u.found_revision = u.protection_revision from u
        where u.n = raw.n) is distinct from true then 'changed'
      when (select d.device_status from d where d.n = raw.n) is distinct from 'active'
        then 'device_not_active'
      when h.is_open and h.expires_at <= clock_timestamp() then 'expired'
      else 'changed' end as outcome,
    ${duePushesJson(
      'closing',
      'where p.tenant_id = raw.tenant_id and p.challenge_id = raw.challenge_id',
    )} as pushes,
    case when raw.is_followed and raw.status <> 'pending' then (
      select ${recordedEndJson('c')} from c
      where c.tenant_id = raw.tenant_id and c.id = raw.challenge_id
    ) end as recorded_end
  from raw left join good h on h.n = raw.n`,
)

/** Records the answers that can be recorded without waiting, all in one transaction. */
export async function recordBatch(
  database: Database,
  batch: readonly RecordParams[],
): Promise<(AnswerRecording | typeof skippedItem)[]> {
  const rows = await run(database.reserved, recordAnswers, {
    ...recordItems.params(batch),
    ...activities.params(
      batch.flatMap((one, index) =>
        one.activityIds.map((id, at) => ({
          item: index + 1,
          id,
          type: one.activityTypes[at] as string,
          severity: one.activitySeverities[at] as Severity,
          details: one.activityDetails[at] as string,
          notice: one.activityNotices[at] ?? null,
        })),
      ),
    ),
    ...closings.params(
      batch.flatMap(({ closingIds, closingDeviceIds }, index) =>
        closingIds.map((id, at) => ({
          item: index + 1,
          id,
          deviceId: closingDeviceIds[at] as DeviceId,
        })),
      ),
    ),
  })
  return byPlace(rows, batch.length).map((row) => {
    if (!row || row instanceof Error)
      throw new Error('record_answers returned no row for an item, or two')
    if (row.outcome === 'skipped') return skippedItem
    if (row.outcome !== 'recorded') return { kind: row.outcome }
    const end = row.recordedEnd && readRecordedEnd(row.recordedEnd)
    return { kind: 'recorded', pushes: readDuePushes(row.pushes), cancelledChallenges: [], end }
  })
}

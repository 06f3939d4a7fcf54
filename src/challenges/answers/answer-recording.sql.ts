// Recording an answer: one statement that locks, then checks, then writes all effects of the
// answer.

import type { ChallengeId, DeviceId, TenantId, UserId } from '../../domain/ids.ts'
import type { Database, Queries } from '../../platform/postgres/database.ts'
import type { Lanes } from '../../platform/postgres/lane.ts'
import { run, runOne, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import { protectionAssignments } from '../../protection/protections.sql.ts'
import { budgetRecords, withoutPlaces } from '../../protection/push-budgets.sql.ts'
import { closingLifetimeSeconds, leaseSeconds } from '../../push/deliveries.sql.ts'
import { type DuePushJson, duePushesJson, readDuePushes } from '../../push/due-pushes.sql.ts'
import { isPending } from '../challenge.rows.ts'
import type { ChallengeStore } from '../challenge.store.ts'
import type { AnswerRecording } from '../challenge-answer.store.ts'
import { cancelPending } from '../challenge-cancellation.sql.ts'
import { recordBatch } from './answer-recording-batch.sql.ts'
import { type RecordParams, recordParams } from './answer-recording-params.sql.ts'
import {
  type RecordedEndJson,
  readRecordedEnd,
  recordedEndColumns,
  recordedEndJson,
} from './recorded-end.sql.ts'

// Lock first, check after (measured: the obvious `update ... where expires_at > clock_timestamp()`
// approved half a second late when the row was merely locked). `u` locks the user's locks and
// counters as of the decision, `d` makes unregistering and rotating a key wait, `k` serializes
// answers, and `b` locks the budgets as of the decision; only then does `live` read the clock. Lock
// modes are the weakest that suffice, so that foreign keys of other statements do not wait.
//
// A budget that is not stored yet (revision 0) cannot be locked, so it is inserted before the
// answer is: every transaction that inserts one holds `u`, so that the insert waits for none, and
// one that was inserted before this statement had `u` is a conflict, which undoes nothing because
// nothing was written. The clock and the `jti` are checked before it for the same reason.
const lockAndCheck = `
  with p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select :tenantId, :deviceId, :proofJti, :proofExpiresAt where not :isProofSpent::boolean
    on conflict do nothing returning device_id
  ), u as materialized (
    select u.tenant_id, u.user_id from user_protections u
    where u.tenant_id = :tenantId and u.user_id = :userId and u.revision = :protectionRevision::int
      and (:isProofSpent::boolean or exists (select from p))
    for no key update
  ), d as materialized (
    select d.tenant_id, d.id, d.key_revision from devices d, u
    where d.tenant_id = :tenantId and d.id = :deviceId and d.status = 'active'
    for share of d
  ), k as materialized (
    select c.tenant_id, c.id, c.user_id, c.expires_at
    from challenges c join d on c.tenant_id = d.tenant_id
    where d.key_revision = :keyRevision::int and c.id = :challengeId and c.status = 'pending'
      and c.wrong_numbers_left = :wrongNumbersLeftBefore
    for no key update of c
  ), budgets as materialized (
    select * from ${budgetRecords(':budgets::jsonb')}
  ), b as materialized (
    select i.key from k cross join budgets join initiators i on i.tenant_id = k.tenant_id
      and i.user_id = k.user_id and i.key = budgets.key and i.revision = budgets.revision
    order by i.key for no key update of i
  ), checked as materialized (
    select k.* from k
    where (select count(*) from b) = (select count(*) from budgets where revision > 0)
  ), live as materialized (
    select checked.* from checked
    where checked.expires_at > clock_timestamp() and not exists (
      select from answers a where a.tenant_id = :tenantId and a.challenge_id = :challengeId
        and a.device_id = :deviceId and a.jti = :jti)
  ), new_budgets as (
    insert into initiators (tenant_id, user_id, key, pushes, unanswered, denied_at, approved_at,
      blocked_until, revision)
    select live.tenant_id, live.user_id, b.key, b.pushes, b.unanswered, b.denied_at, b.approved_at,
      b.blocked_until, 1
    from live, budgets b where b.revision = 0
    on conflict do nothing
    returning key
  ), a as (
    insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome, status_after,
      wrong_numbers_left, jws_sealed, kid, user_verified)
    select live.tenant_id, live.id, :deviceId, :jti, :decision, :outcome, :status,
      :wrongNumbersLeft, :jwsSealed, :kid, :userVerified
    from live
    where (select count(*) from new_budgets) = (select count(*) from budgets where revision = 0)
    returning tenant_id, challenge_id, created_at
  ), c as (
    update challenges c
    set status = :status, reason = :reason, wrong_numbers_left = :wrongNumbersLeft,
      decided_at = case when :status = 'pending' then null else a.created_at end,
      decided_device_id = case when :status = 'pending' then null else :deviceId end,
      number_sealed = case when :status = 'pending' then c.number_sealed end
    from a where c.tenant_id = a.tenant_id and c.id = a.challenge_id
    returning ${recordedEndColumns}, c.user_id
  ), budget_update as (
    update initiators i
    set pushes = b.pushes, pending = ${withoutPlaces('i', 'c.id')}, unanswered = b.unanswered,
      denied_at = b.denied_at, approved_at = b.approved_at, blocked_until = b.blocked_until,
      revision = i.revision + 1
    from c, budgets b
    where i.tenant_id = c.tenant_id and i.user_id = c.user_id and i.key = b.key
      and b.revision > 0
  )`

const report = `
  new_report as (
    insert into reports (tenant_id, id, user_id, device_id, challenge_id)
    select c.tenant_id, :reportId, c.user_id, :deviceId, c.id
    from c where :reportId::text is not null
  )`

const lockForReport = statement<
  { readonly tenantId: TenantId; readonly userId: UserId; readonly deviceId: DeviceId },
  { readonly id: ChallengeId }
>(
  'lock_for_report',
  `with u as materialized (
    select u.user_id from user_protections u
    where u.tenant_id = :tenantId and u.user_id = :userId
    for no key update
  ), d as materialized (
    select d.id from devices d, u
    where d.tenant_id = :tenantId and d.id = :deviceId and d.status = 'active'
    for share of d
  )
  select c.id from challenges c, d
  where c.tenant_id = :tenantId and c.user_id = :userId and ${isPending('c')}
  order by c.id for no key update of c`,
)

type RecordRow = {
  readonly proofSpent: boolean
  readonly protectionCurrent: boolean
  readonly deviceActive: boolean
  readonly challengeExpired: boolean
  readonly answerRecorded: boolean
  readonly pushes: DuePushJson[] | null
  readonly recordedEnd: RecordedEndJson | null
}

const recordAnswer = statement<RecordParams, RecordRow>(
  'record_answer',
  `${lockAndCheck}, ${report}, protection_update as (
    update user_protections u set ${protectionAssignments}
    from c
    where u.tenant_id = c.tenant_id and u.user_id = c.user_id and :isProtectionChanged::boolean
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
      details, notice)
    select c.tenant_id, x.id, c.user_id, x.type, x.severity, :actor, c.id, :deviceId, x.details,
      x.notice
    from c, unnest(:activityIds::text[], :activityTypes::text[], :activitySeverities::text[],
        :activityDetails::jsonb[], :activityNotices::text[])
      as x(id, type, severity, details, notice)
  ), closing as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, x.id, 'challenge_closed', c.id, x.device_id, 'queued', 1, clock_timestamp(),
      :leasedBy, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, unnest(:closingIds::text[], :closingDeviceIds::text[]) as x(id, device_id)
    where :status <> 'pending'
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      created_at + make_interval(secs => ${closingLifetimeSeconds}) as expires_at
  )
  select :isProofSpent::boolean or exists (select from p) as proof_spent,
    exists (select from u) as protection_current,
    exists (select from d) as device_active,
    exists (select from checked where expires_at <= clock_timestamp()) as challenge_expired,
    exists (select from c) as answer_recorded,
    ${duePushesJson('closing')} as pushes,
    (select ${recordedEndJson('c')} from c
      where :isFollowed::boolean and :status <> 'pending') as recorded_end`,
)

function outcomeOf(row: RecordRow): AnswerRecording {
  if (row.answerRecorded) {
    const end = row.recordedEnd && readRecordedEnd(row.recordedEnd)
    return { kind: 'recorded', pushes: readDuePushes(row.pushes), cancelledChallenges: [], end }
  }
  if (!row.proofSpent) return { kind: 'proof_replayed' }
  if (!row.protectionCurrent) return { kind: 'changed' }
  if (!row.deviceActive) return { kind: 'device_not_active' }
  return { kind: row.challengeExpired ? 'expired' : 'changed' }
}

/**
 * Ends a challenge, or counts against it, by a device's answer. A report also cancels all other
 * pending challenges of the user.
 */
export function buildAnswerRecording(
  database: Database,
  random: Pick<Random, 'id'>,
  lanes: Lanes,
): ChallengeStore['recordAnswer'] {
  async function record(db: Queries, params: RecordParams) {
    const row = await runOne(db, recordAnswer, params)
    return outcomeOf(row)
  }
  const lane = lanes.open<RecordParams, AnswerRecording>({
    name: 'answer',
    lineOf: (item) => item.tenantId,
    single: (item) => record(database.reserved, item),
    batch: (items) => recordBatch(database, items),
  })

  return (answer, proof) => {
    const params = recordParams(answer, proof, random)
    if (answer.reportId === null) return lane(params)
    // All pending challenges are locked first, in order: a cancellation locks the challenge before
    // its budget, as the report does. A separate statement sees what was created while the first
    // one waited for the user's lock, which is held until the commit.
    return database.transaction(async (tx) => {
      const { tenantId, userId, deviceId } = answer
      await run(tx, lockForReport, { tenantId, userId, deviceId })
      const result = await record(tx, params)
      if (result.kind !== 'recorded') return result
      return {
        ...result,
        cancelledChallenges: await cancelPending(tx, random, tenantId, userId),
      }
    })
  }
}

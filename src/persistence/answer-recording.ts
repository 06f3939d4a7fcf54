// Recording an answer: one statement that locks, then checks, then writes all effects of the
// answer.

import { needsPush } from '../domain/notice.ts'
import type { AnswerRecording, AnswerToRecord } from '../ports/challenge-answer.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { ProofToSpend } from '../ports/device-store.ts'
import type { Random } from '../ports/world.ts'
import { cancelPending } from './challenge-cancellation.ts'
import type { Database, Queries } from './database.ts'
import { closingLifetimeSeconds, leaseSeconds } from './deliveries.ts'
import { protectionSet, protectionValues } from './protections.ts'
import { addressColumns, type DuePushRow, isPending, toDuePushes } from './rows.ts'

// Lock first, check after (measured: the obvious `update ... where expires_at > clock_timestamp()`
// approved half a second late when the row was merely locked). `u` locks the user's locks and
// counters as of the decision, `d` makes unregistering wait and `k` serializes answers; only then
// does `a` read the clock. Lock modes are the weakest that suffice, so that foreign keys of other
// statements do not wait.
const lockAndCheck = `
  with p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select $1, $2, $4, $5 where not $6::boolean
    on conflict do nothing returning device_id
  ), u as materialized (
    select u.tenant_id, u.user_id from user_protections u
    where u.tenant_id = $1 and u.user_id = $24 and u.revision = $32::int
      and ($6::boolean or exists (select from p))
    for no key update
  ), d as materialized (
    select d.tenant_id, d.id from devices d, u
    where d.tenant_id = $1 and d.id = $2 and d.status = 'active'
    for share of d
  ), k as materialized (
    select c.tenant_id, c.id, c.user_id, c.expires_at
    from challenges c join d on c.tenant_id = d.tenant_id
    where c.id = $3 and c.status = 'pending' and c.wrong_numbers_left = $7
    for no key update of c
  ), a as (
    insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome, status_after,
      wrong_numbers_left, jws_sealed, kid, user_verified)
    select k.tenant_id, k.id, $2, $8, $9, $10, $11, $12, $13, $22, $23
    from k where k.expires_at > clock_timestamp()
    on conflict do nothing
    returning tenant_id, challenge_id, created_at
  ), c as (
    update challenges c
    set status = $11, reason = $14, wrong_numbers_left = $12,
      decided_at = case when $11 = 'pending' then null else a.created_at end,
      decided_device_id = case when $11 = 'pending' then null else $2 end,
      number_sealed = case when $11 = 'pending' then c.number_sealed end
    from a where c.tenant_id = a.tenant_id and c.id = a.challenge_id
    returning c.tenant_id, c.id, c.user_id, c.initiator_key, c.budget_key, a.created_at as at
  )`

// An approval gives its pushes back to the budget and makes the initiator known; a denial starts
// the gap. The row of the budget and, where it is another, the row of the initiator are different
// rows: no statement may change one row twice.
const useBudget = `
  budget_update as (
    update initiators i
    set revision = i.revision + 1, pending = i.pending - c.id,
      pushes = case when $10 = 'approved' then (
          select coalesce(jsonb_agg(e), '[]') from jsonb_array_elements(i.pushes) e
          where e->>'c' <> c.id)
        else i.pushes end,
      unanswered = case when $10 = 'approved' then 0 else i.unanswered end,
      denied_at = case when $10 = 'denied' then c.at else i.denied_at end,
      approved_at = case
        when i.key is distinct from c.initiator_key then i.approved_at
        when $10 = 'approved' then c.at
        when $9 = 'report' then null
        else i.approved_at end,
      blocked_until = case when $9 = 'report' and i.key = c.initiator_key
        then c.at + make_interval(secs => $34::int) else i.blocked_until end
    from c
    where $11 <> 'pending' and i.tenant_id = c.tenant_id and i.user_id = c.user_id
      and i.key = c.budget_key
  ), initiator_update as (
    insert into initiators as i (tenant_id, user_id, key, approved_at, blocked_until, revision)
    select c.tenant_id, c.user_id, c.initiator_key,
      case when $10 = 'approved' then c.at end,
      case when $9 = 'report' then c.at + make_interval(secs => $34::int) end, 1
    from c
    where c.initiator_key is not null and c.initiator_key <> c.budget_key
      and ($10 = 'approved' or $9 = 'report')
    on conflict (tenant_id, user_id, key) do update
    set approved_at = excluded.approved_at, revision = i.revision + 1,
      blocked_until = coalesce(excluded.blocked_until, i.blocked_until)
  )`

const report = `
  new_report as (
    insert into reports (tenant_id, id, user_id, device_id, challenge_id)
    select c.tenant_id, $33, c.user_id, $2, c.id from c where $33::text is not null
  )`

const lockForReport = `
  with u as materialized (
    select u.user_id from user_protections u where u.tenant_id = $1 and u.user_id = $2
    for no key update
  ), d as materialized (
    select d.id from devices d, u
    where d.tenant_id = $1 and d.id = $3 and d.status = 'active'
    for share of d
  )
  select c.id from challenges c, d
  where c.tenant_id = $1 and c.user_id = $2 and ${isPending('c')}
  order by c.id for no key update of c`

const recordAnswer = `${lockAndCheck}, ${useBudget}, ${report}, protection_update as (
    update user_protections u set ${protectionSet(25)}
    from c where u.tenant_id = c.tenant_id and u.user_id = c.user_id and $35::boolean
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
      details, notice)
    select c.tenant_id, x.id, c.user_id, x.type, x.severity, $18, c.id, $2, x.details, x.notice
    from c, unnest($15::text[], $16::text[], $17::text[], $36::jsonb[], $37::text[])
      as x(id, type, severity, details, notice)
  ), closing as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, x.id, 'challenge_closed', c.id, x.device_id, 'queued', 1, clock_timestamp(),
      $21, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, unnest($19::text[], $20::text[]) as x(id, device_id)
    where $11 <> 'pending'
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      created_at + make_interval(secs => ${closingLifetimeSeconds}) as expires_at
  )
  select $6::boolean or exists (select from p) as proof_spent,
    exists (select from u) as protection_current,
    exists (select from d) as device_active,
    exists (select from k where k.expires_at <= clock_timestamp()) as challenge_expired,
    exists (select from c) as answer_recorded,
    (select json_agg(x) from (
      select closing.*, ${addressColumns('v')}
      from closing join devices v
        on v.tenant_id = closing.tenant_id and v.id = closing.device_id and v.status = 'active'
    ) x) as pushes`

type RecordRow = {
  readonly proof_spent: boolean
  readonly protection_current: boolean
  readonly device_active: boolean
  readonly challenge_expired: boolean
  readonly answer_recorded: boolean
  readonly pushes: DuePushRow[] | null
}

function outcomeOf(row: RecordRow): AnswerRecording {
  if (row.answer_recorded) {
    return { kind: 'recorded', pushes: toDuePushes(row.pushes ?? []), cancelledChallenges: [] }
  }
  if (!row.proof_spent) return { kind: 'proof_replayed' }
  if (!row.protection_current) return { kind: 'changed' }
  if (!row.device_active) return { kind: 'device_not_active' }
  return { kind: row.challenge_expired ? 'expired' : 'changed' }
}

function valuesOf(
  answer: AnswerToRecord,
  proof: ProofToSpend | null,
  random: Pick<Random, 'id'>,
): unknown[] {
  const { effect, activities, protection, report } = answer
  return [
    answer.tenantId,
    answer.deviceId,
    answer.challengeId,
    proof?.jti ?? '',
    proof?.expiresAt ?? new Date(0),
    proof === null,
    answer.was.wrongNumbersLeft,
    answer.jti,
    answer.decision,
    effect.outcome,
    effect.status,
    effect.wrongNumbersLeft,
    answer.jwsSealed,
    effect.reason,
    activities.map(() => random.id('activity')),
    activities.map(({ type }) => type),
    activities.map(({ severity }) => severity),
    activities[0]?.actor,
    answer.closingDeviceIds.map(() => random.id('delivery')),
    answer.closingDeviceIds,
    answer.leasedBy,
    answer.kid,
    answer.userVerified,
    answer.userId,
    ...protectionValues(protection),
    report?.id ?? null,
    report?.initiatorBlockSeconds ?? 0,
    answer.was.protection !== protection,
    activities.map(({ details }) => JSON.stringify(details ?? {})),
    activities.map((one) => (needsPush(one) ? 'owed' : null)),
  ]
}

/**
 * Ends a challenge, or counts against it, by a device's answer. A report also cancels all other
 * pending challenges of the user.
 */
export function buildAnswerRecording(
  database: Database,
  random: Pick<Random, 'id'>,
): ChallengeStore['recordAnswer'] {
  async function record(db: Queries, answer: AnswerToRecord, proof: ProofToSpend | null) {
    const values = valuesOf(answer, proof, random)
    const [row] = await db.query<RecordRow>('record_answer', recordAnswer, values)
    if (!row) throw new Error('the answer statement always returns one row')
    return outcomeOf(row)
  }

  return (answer, proof) => {
    if (answer.report === null) return record(database, answer, proof)
    // All pending challenges are locked first, in order: a cancellation locks the challenge before
    // its budget, as the report does. A separate statement sees what was created while the first
    // one waited for the user's lock, which is held until the commit.
    return database.transaction(async (tx) => {
      await tx.query('lock_for_report', lockForReport, [
        answer.tenantId,
        answer.userId,
        answer.deviceId,
      ])
      const result = await record(tx, answer, proof)
      if (result.kind !== 'recorded') return result
      return {
        ...result,
        cancelledChallenges: await cancelPending(tx, random, answer.tenantId, answer.userId),
      }
    })
  }
}

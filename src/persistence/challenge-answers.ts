// Fetching and answering: what a device is asked, and its answer in one guarded statement.

import type { Id } from '../domain/ids.ts'
import type {
  AnswerRecorded,
  AnswerToRecord,
  ChallengeStore,
  PendingRequest,
  RecordedAnswer,
} from '../ports/challenge-store.ts'
import type { ProofToSpend } from '../ports/device-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database } from './database.ts'
import { closingLifetimeSeconds, leaseSeconds } from './deliveries.ts'
import {
  addressColumns,
  type ChallengeRow,
  type DuePushRow,
  deviceColumns,
  deviceKeysColumn,
  type KnownDeviceRow,
  toChallenge,
  toDuePushes,
  toKnownDevice,
} from './rows.ts'

const pendingMax = 50

type PendingRow = KnownDeviceRow & {
  readonly pending:
    | { id: Id<'challenge'>; kid: string; payload: string; fetched: string | null }[]
    | null
}

const loadPending = `
  select ${deviceColumns}, ${deviceKeysColumn}, p.pending
  from devices d
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'kid', x.signing_kid, 'payload', x.request_payload,
      'fetched', x.fetched_at) order by x.created_at desc) as pending
    from (
      select c.id, c.created_at, c.signing_kid, t.request_payload, t.fetched_at
      from challenges c join challenge_targets t
        on t.tenant_id = c.tenant_id and t.challenge_id = c.id and t.device_id = d.id
      where c.tenant_id = $1 and c.user_id = d.user_id and c.status = 'pending'
        and c.expires_at > clock_timestamp()
      order by c.created_at desc limit ${pendingMax}
    ) x
  ) p on true
  where d.tenant_id = $1 and d.id = $2`

const markFetched = `
  update challenge_targets set fetched_at = clock_timestamp()
  where tenant_id = $1 and device_id = $2 and challenge_id = any($3::text[]) and fetched_at is null`

const markReceived = `
  with p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at) values ($1, $2, $4, $5)
    on conflict do nothing returning device_id
  ), t as (
    update challenge_targets t
    set received_at = coalesce(t.received_at, clock_timestamp())
    from p where t.tenant_id = $1 and t.device_id = p.device_id and t.challenge_id = $3
    returning t.device_id
  )
  select exists (select from p) as proof_spent, exists (select from t) as asked`

type AnswerRow = KnownDeviceRow &
  ChallengeRow & {
    readonly target_payload: string | null
    readonly target_hash: string
    readonly others: Id<'device'>[] | null
    readonly outcome: RecordedAnswer['outcome'] | null
    readonly status_after: RecordedAnswer['statusAfter']
    readonly wrong_numbers_left_after: number
  }

const loadAnswer = `
  select ${deviceColumns}, ${deviceKeysColumn}, c.*, t.request_payload as target_payload,
    t.request_hash as target_hash, a.outcome, a.status_after,
    a.wrong_numbers_left as wrong_numbers_left_after,
    (select array_agg(distinct o.device_id) from deliveries o
     where o.tenant_id = c.tenant_id and o.challenge_id = c.id and o.kind = 'challenge_opened'
       and o.status in ('queued', 'sent') and o.device_id <> d.id) as others
  from devices d
  left join challenge_targets t
    on t.tenant_id = d.tenant_id and t.challenge_id = $3 and t.device_id = d.id
  left join challenges c on c.tenant_id = t.tenant_id and c.id = t.challenge_id
  left join answers a
    on a.tenant_id = t.tenant_id and a.challenge_id = t.challenge_id and a.device_id = d.id and a.jti = $4
  where d.tenant_id = $1 and d.id = $2`

// Lock first, judge after (measured: the obvious `update ... where expires_at > clock_timestamp()` approved half a second
// late when the row was merely locked). `d` makes unregistering wait and `k` serialises answers; only then does `a` look at
// the clock. Lock modes are the weakest that do it, so that foreign keys of other statements are not kept waiting.
const recordAnswer = `
  with p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select $1, $2, $4, $5 where not $6::boolean
    on conflict do nothing returning device_id
  ), d as materialized (
    select d.tenant_id, d.id from devices d
    where d.tenant_id = $1 and d.id = $2 and d.status = 'active'
      and ($6::boolean or exists (select from p))
    for share
  ), k as materialized (
    select c.tenant_id, c.id, c.user_id, c.expires_at
    from challenges c join d on c.tenant_id = d.tenant_id
    where c.id = $3 and c.status = 'pending' and c.wrong_numbers_left = $7
    for no key update of c
  ), a as (
    insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome, status_after,
      wrong_numbers_left, jws, kid, user_verified)
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
    returning c.tenant_id, c.id, c.user_id
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id)
    select c.tenant_id, $15, c.user_id, $16, $17, $18, c.id, $2 from c
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
    exists (select from d) as device_active,
    exists (select from k where k.expires_at <= clock_timestamp()) as over,
    exists (select from c) as recorded,
    (select json_agg(x) from (
      select closing.*, ${addressColumns('v')}
      from closing join devices v
        on v.tenant_id = closing.tenant_id and v.id = closing.device_id and v.status = 'active'
    ) x) as pushes`

type RecordRow = {
  readonly proof_spent: boolean
  readonly device_active: boolean
  readonly over: boolean
  readonly recorded: boolean
  readonly pushes: DuePushRow[] | null
}

function outcomeOf(row: RecordRow): AnswerRecorded {
  if (row.recorded) return { kind: 'recorded', pushes: toDuePushes(row.pushes ?? []) }
  if (!row.proof_spent) return { kind: 'proof_replayed' }
  if (!row.device_active) return { kind: 'device_not_active' }
  return { kind: row.over ? 'expired' : 'changed' }
}

/** The answering half of the challenge store. */
export function createChallengeAnswers(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<
  ChallengeStore,
  'loadPending' | 'markFetched' | 'markReceived' | 'loadAnswer' | 'recordAnswer'
> {
  return {
    async loadPending(tenantId, deviceId) {
      const [row] = await database.query<PendingRow>('load_pending', loadPending, [
        tenantId,
        deviceId,
      ])
      if (!row) return null
      const pending = (row.pending ?? []).map(
        ({ id, kid, payload, fetched }): PendingRequest => ({
          challengeId: id,
          signingKid: kid,
          requestPayload: payload,
          fetchedAt: fetched === null ? null : new Date(fetched),
        }),
      )
      return { known: toKnownDevice(row), pending }
    },

    async markFetched(tenantId, deviceId, ids) {
      await database.query('mark_fetched', markFetched, [tenantId, deviceId, ids])
    },

    async markReceived(challengeId, { tenantId, deviceId, jti, expiresAt }: ProofToSpend) {
      const [row] = await database.query<{ proof_spent: boolean; asked: boolean }>(
        'mark_received',
        markReceived,
        [tenantId, deviceId, challengeId, jti, expiresAt],
      )
      return row?.proof_spent ? row.asked : 'proof_replayed'
    },

    async loadAnswer({ tenantId, deviceId, challengeId, jti }) {
      const [row] = await database.query<AnswerRow>('load_answer', loadAnswer, [
        tenantId,
        deviceId,
        challengeId,
        jti,
      ])
      if (!row) return { known: null, asked: null, earlier: null }
      return {
        known: toKnownDevice(row),
        asked:
          row.target_payload === null
            ? null
            : {
                challenge: toChallenge(row),
                numberSealed: row.number_sealed,
                requestPayload: row.target_payload,
                requestHash: row.target_hash,
                otherDeviceIds: row.others ?? [],
              },
        earlier:
          row.outcome === null
            ? null
            : {
                outcome: row.outcome,
                statusAfter: row.status_after,
                wrongNumbersLeft: row.wrong_numbers_left_after,
              },
      }
    },

    async recordAnswer(answer: AnswerToRecord, proof: ProofToSpend | null) {
      const { effect, activity } = answer
      const [row] = await database.query<RecordRow>('record_answer', recordAnswer, [
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
        answer.jws,
        effect.reason,
        random.id('activity'),
        activity.type,
        activity.severity,
        activity.actor,
        answer.closing.map(() => random.id('delivery')),
        answer.closing,
        answer.leasedBy,
        answer.kid,
        answer.userVerified,
      ])
      if (!row) throw new Error('the answer statement always returns one row')
      return outcomeOf(row)
    },
  }
}

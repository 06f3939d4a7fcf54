// Fetching and answering: what a device receives, and its answer in one guarded statement.

import type { Id } from '../domain/ids.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import type { RecordedAnswer } from '../ports/challenge-answer.ts'
import type { ChallengeStore, PendingRequest } from '../ports/challenge-store.ts'
import type { ProofToSpend } from '../ports/device-store.ts'
import type { Random } from '../ports/world.ts'
import { buildAnswerRecording } from './answer-recording.ts'
import { readTime } from './column-types.ts'
import type { Database } from './database.ts'
import { buildFetchMarks } from './fetch-marks.ts'
import { type ProtectionJson, toProtection } from './protections.ts'
import {
  type ChallengeRow,
  deviceColumns,
  deviceKeysColumn,
  isPending,
  type KnownDeviceRow,
  toChallenge,
  toKnownDevice,
} from './rows.ts'

const pendingMax = 50

type PendingRow = KnownDeviceRow & {
  readonly pending:
    | { id: Id<'challenge'>; kid: string; payload: string; fetched_at: string | null }[]
    | null
}

const loadPending = `
  select ${deviceColumns}, ${deviceKeysColumn}, p.pending
  from devices d
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'kid', x.signing_kid,
      'payload', x.request_payload,
      'fetched_at', x.fetched_at) order by x.created_at desc) as pending
    from (
      select c.id, c.created_at, c.signing_kid, t.request_payload, t.fetched_at
      from challenges c join challenge_targets t
        on t.tenant_id = c.tenant_id and t.challenge_id = c.id and t.device_id = d.id
      where c.tenant_id = $1 and c.user_id = d.user_id and ${isPending('c')}
        and c.expires_at > clock_timestamp()
      order by c.created_at desc limit ${pendingMax}
    ) x
  ) p on true
  where d.tenant_id = $1 and d.id = $2`

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
  select exists (select from p) as proof_spent, exists (select from t) as is_target`

type AnswerRow = KnownDeviceRow &
  ChallengeRow & {
    readonly target_payload: string | null
    readonly target_hash: string
    readonly others: Id<'device'>[] | null
    readonly outcome: RecordedAnswer['outcome'] | null
    readonly status_after: RecordedAnswer['statusAfter']
    readonly wrong_numbers_left_after: number
    readonly protection: ProtectionJson
    readonly policy: unknown
    readonly rp_policy: unknown
    readonly now: Date
  }

const loadAnswer = `
  select ${deviceColumns}, ${deviceKeysColumn}, c.*, t.request_payload as target_payload,
    t.request_hash as target_hash, a.outcome, a.status_after,
    a.wrong_numbers_left as wrong_numbers_left_after,
    (select array_agg(distinct o.device_id) from deliveries o
     where o.tenant_id = c.tenant_id and o.challenge_id = c.id and o.kind = 'challenge_opened'
       and o.status in ('queued', 'sent') and o.device_id <> d.id) as others,
    row_to_json(u) as protection,
    tn.policy, r.policy as rp_policy, clock_timestamp() as now
  from devices d
  join tenants tn on tn.tenant_id = d.tenant_id
  join user_protections u on u.tenant_id = d.tenant_id and u.user_id = d.user_id
  left join challenge_targets t
    on t.tenant_id = d.tenant_id and t.challenge_id = $3 and t.device_id = d.id
  left join challenges c on c.tenant_id = t.tenant_id and c.id = t.challenge_id
  left join relying_parties r on r.tenant_id = c.tenant_id and r.id = c.rp_id
  left join answers a
    on a.tenant_id = t.tenant_id and a.challenge_id = t.challenge_id and a.device_id = d.id
      and a.jti = $4
  where d.tenant_id = $1 and d.id = $2`

/** The answering half of the challenge store. */
export function buildChallengeAnswers(
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
        ({ id, kid, payload, fetched_at: fetchedAt }): PendingRequest => ({
          challengeId: id,
          signingKid: kid,
          requestPayload: payload,
          fetchedAt: fetchedAt === null ? null : readTime(fetchedAt),
        }),
      )
      return { knownDevice: toKnownDevice(row), pending }
    },

    markFetched: buildFetchMarks(database),

    async markReceived(challengeId, { tenantId, deviceId, jti, expiresAt }: ProofToSpend) {
      const [row] = await database.query<{ proof_spent: boolean; is_target: boolean }>(
        'mark_received',
        markReceived,
        [tenantId, deviceId, challengeId, jti, expiresAt],
      )
      return row?.proof_spent ? row.is_target : 'proof_replayed'
    },

    async loadAnswer({ tenantId, deviceId, challengeId, jti }) {
      const [row] = await database.query<AnswerRow>('load_answer', loadAnswer, [
        tenantId,
        deviceId,
        challengeId,
        jti,
      ])
      if (!row) return null
      return {
        knownDevice: toKnownDevice(row),
        target:
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
        protection: toProtection(row.protection),
        policy: strictest(policyOf(row.policy), row.rp_policy),
        now: row.now,
      }
    },

    recordAnswer: buildAnswerRecording(database, random),
  }
}

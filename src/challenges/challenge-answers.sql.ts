// Fetching and answering: what a device receives, and its answer in one guarded statement.

import {
  deviceColumns,
  deviceKeysColumn,
  type KnownDeviceRow,
  toKnownDevice,
} from '../devices/device.rows.ts'
import type { ProofToSpend } from '../devices/device.store.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { ChallengeId, DeviceId, TenantId } from '../domain/ids.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { readTime } from '../platform/postgres/column-types.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { type ProtectionJson, toProtection } from '../protection/protections.sql.ts'
import { type InitiatorJson, toInitiator } from '../protection/push-budgets.sql.ts'
import { buildAnswerRecording } from './answer-recording.sql.ts'
import { challengeColumns, isPending, toChallenge } from './challenge.rows.ts'
import type { ChallengeStore, PendingRequest } from './challenge.store.ts'
import type { RecordedAnswer } from './challenge-answer.store.ts'
import { buildFetchMarks } from './fetch-marks.sql.ts'

const pendingMax = 50

type PendingRow = KnownDeviceRow & {
  readonly pending:
    | { id: ChallengeId; kid: string; payload: string; fetchedAt: string | null }[]
    | null
}

const loadPending = statement<
  { readonly tenantId: TenantId; readonly deviceId: DeviceId },
  PendingRow
>(
  'load_pending',
  `select ${deviceColumns}, ${deviceKeysColumn}, p.pending
  from devices d
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'kid', x.signing_kid,
      'payload', x.request_payload,
      'fetchedAt', x.fetched_at) order by x.created_at desc) as pending
    from (
      select c.id, c.created_at, c.signing_kid, t.request_payload, t.fetched_at
      from challenges c join challenge_targets t
        on t.tenant_id = c.tenant_id and t.challenge_id = c.id and t.device_id = d.id
      where c.tenant_id = :tenantId and c.user_id = d.user_id and ${isPending('c')}
        and c.expires_at > clock_timestamp()
      order by c.created_at desc limit ${pendingMax}
    ) x
  ) p on true
  where d.tenant_id = :tenantId and d.id = :deviceId`,
)

const markReceived = statement<
  ProofToSpend & { readonly challengeId: ChallengeId },
  { readonly proofSpent: boolean; readonly isTarget: boolean }
>(
  'mark_received',
  `with p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    values (:tenantId, :deviceId, :jti, :expiresAt)
    on conflict do nothing returning device_id
  ), t as (
    update challenge_targets t
    set received_at = coalesce(t.received_at, clock_timestamp())
    from p where t.tenant_id = :tenantId and t.device_id = p.device_id
      and t.challenge_id = :challengeId
    returning t.device_id
  )
  select exists (select from p) as proof_spent, exists (select from t) as is_target`,
)

/** The columns of the challenge, the target and the answer are null where there is none. */
type AnswerRow = KnownDeviceRow &
  Challenge & {
    readonly numberSealed: Buffer | null
    readonly targetPayload: string | null
    readonly targetHash: string
    readonly others: DeviceId[] | null
    readonly outcome: RecordedAnswer['outcome'] | null
    readonly statusAfter: RecordedAnswer['statusAfter']
    readonly wrongNumbersLeftAfter: number
    readonly protection: ProtectionJson
    readonly budget: InitiatorJson | null
    readonly initiator: InitiatorJson | null
    readonly policy: unknown
    readonly rpPolicy: unknown
    readonly now: Date
  }

const loadAnswer = statement<
  {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
    readonly challengeId: ChallengeId
    readonly jti: string
  },
  AnswerRow
>(
  'load_answer',
  `select ${deviceColumns}, ${deviceKeysColumn}, ${challengeColumns('c')},
    c.number_sealed, t.request_payload as target_payload,
    t.request_hash as target_hash, a.outcome, a.status_after,
    a.wrong_numbers_left as wrong_numbers_left_after,
    (select array_agg(distinct o.device_id) from deliveries o
     where o.tenant_id = c.tenant_id and o.challenge_id = c.id and o.kind = 'challenge_opened'
       and o.status in ('queued', 'sent') and o.device_id <> d.id) as others,
    row_to_json(u) as protection, row_to_json(b) as budget, row_to_json(i) as initiator,
    tn.policy, r.policy as rp_policy, clock_timestamp() as now
  from devices d
  join tenants tn on tn.tenant_id = d.tenant_id
  join user_protections u on u.tenant_id = d.tenant_id and u.user_id = d.user_id
  left join challenge_targets t
    on t.tenant_id = d.tenant_id and t.challenge_id = :challengeId and t.device_id = d.id
  left join challenges c on c.tenant_id = t.tenant_id and c.id = t.challenge_id
  left join relying_parties r on r.tenant_id = c.tenant_id and r.id = c.rp_id
  left join initiators b
    on b.tenant_id = d.tenant_id and b.user_id = d.user_id and b.key = c.budget_key
  left join initiators i
    on i.tenant_id = d.tenant_id and i.user_id = d.user_id and i.key = c.initiator_key
  left join answers a
    on a.tenant_id = t.tenant_id and a.challenge_id = t.challenge_id and a.device_id = d.id
      and a.jti = :jti
  where d.tenant_id = :tenantId and d.id = :deviceId`,
)

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
      const [row] = await run(database, loadPending, { tenantId, deviceId })
      if (!row) return null
      const pending = (row.pending ?? []).map(
        ({ id, kid, payload, fetchedAt }): PendingRequest => ({
          challengeId: id,
          signingKid: kid,
          requestPayload: payload,
          fetchedAt: fetchedAt === null ? null : readTime(fetchedAt),
        }),
      )
      return { knownDevice: toKnownDevice(row), pending }
    },

    markFetched: buildFetchMarks(database),

    async markReceived(challengeId, proof) {
      const [row] = await run(database, markReceived, { ...proof, challengeId })
      if (!row?.proofSpent) return 'proof_replayed'
      return row.isTarget ? 'done' : null
    },

    async loadAnswer(query) {
      const [row] = await run(database, loadAnswer, query)
      if (!row) return null
      return {
        knownDevice: toKnownDevice(row),
        target:
          row.targetPayload === null
            ? null
            : {
                challenge: toChallenge(row),
                numberSealed: row.numberSealed,
                requestPayload: row.targetPayload,
                requestHash: row.targetHash,
                otherDeviceIds: row.others ?? [],
              },
        earlier:
          row.outcome === null
            ? null
            : {
                outcome: row.outcome,
                statusAfter: row.statusAfter,
                wrongNumbersLeft: row.wrongNumbersLeftAfter,
              },
        protection: toProtection(row.protection),
        budget: row.budget && toInitiator(row.budget),
        initiator: row.initiator && toInitiator(row.initiator),
        policy: strictest(policyOf(row.policy), row.rpPolicy),
        now: row.now,
      }
    },

    recordAnswer: buildAnswerRecording(database, random),
  }
}

// Fetching and answering: what a device receives, and its answer in one guarded statement.

import {
  deviceColumns,
  deviceKeysColumn,
  type KnownDeviceRow,
  toKnownDevice,
} from '../../devices/device.rows.ts'
import type { ProofToSpend } from '../../devices/device.store.ts'
import { proofKey } from '../../devices/keys/spend-proof.sql.ts'
import type { Challenge } from '../../domain/challenge.ts'
import type { ChallengeId, DeviceId, TenantId } from '../../domain/ids.ts'
import { policyOf, strictest } from '../../domain/policy.ts'
import { readTime } from '../../platform/postgres/column-types.ts'
import type { Database } from '../../platform/postgres/database.ts'
import type { Lanes } from '../../platform/postgres/lane.ts'
import { type ListParams, rowList } from '../../platform/postgres/row-list.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import { type ProtectionJson, toProtection } from '../../protection/protections.sql.ts'
import { type InitiatorJson, toInitiator } from '../../protection/push-budgets.sql.ts'
import { challengeColumns, isPending, toChallenge } from '../challenge.rows.ts'
import type { ChallengeStore, PendingRequest } from '../challenge.store.ts'
import type { AnswerFacts, RecordedAnswer } from '../challenge-answer.store.ts'
import { buildAnswerRecording } from './answer-recording.sql.ts'
import { buildFetchMarks } from './fetch-marks.sql.ts'

const pendingMax = 50

type PendingItem = { readonly tenantId: TenantId; readonly deviceId: DeviceId }

type PendingRow = KnownDeviceRow & {
  readonly n: number
  readonly pending:
    | {
        id: ChallengeId
        kid: string
        payload: string
        returnUrl: string | null
        fetchedAt: string | null
      }[]
    | null
}

const pendingItems = rowList<'item', PendingItem>('item', { tenantId: 'text', deviceId: 'text' })

const loadPending = statement<ListParams<'item', PendingItem>, PendingRow>(
  'load_pending',
  `select x.n::int as n, ${deviceColumns}, ${deviceKeysColumn}, p.pending
  from ${pendingItems.as('x')}
  cross join lateral (
    select * from devices d where d.tenant_id = x.tenant_id and d.id = x.device_id offset 0
  ) d
  left join lateral (
    select json_agg(json_build_object('id', y.id, 'kid', y.signing_kid,
      'payload', y.request_payload, 'returnUrl', y.return_url,
      'fetchedAt', y.fetched_at) order by y.created_at desc) as pending
    from (
      select c.id, c.created_at, c.signing_kid, c.return_url, t.request_payload, t.fetched_at
      from (
        select * from challenges c
        where c.tenant_id = x.tenant_id and c.user_id = d.user_id and ${isPending('c')}
          and c.expires_at > clock_timestamp() offset 0
      ) c
      cross join lateral (
        select * from challenge_targets t
        where t.tenant_id = c.tenant_id and t.challenge_id = c.id and t.device_id = x.device_id
        offset 0
      ) t
      order by c.created_at desc limit ${pendingMax}
    ) y
  ) p on true`,
)

// The push may be about a question that was superseded meanwhile: its prompt is now that of the
// pending one of the chain. One row is locked, so that receipts and marks never deadlock.
const markReceived = statement<
  Omit<ProofToSpend, 'isSpent'> & { readonly challengeId: ChallengeId },
  { readonly isKeyLive: boolean; readonly proofSpent: boolean; readonly isTarget: boolean }
>(
  'mark_received',
  `with k as materialized (${proofKey}), p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select k.tenant_id, k.device_id, :jti, :expiresAt from k
    on conflict do nothing returning device_id
  ), t as (
    update challenge_targets t
    set received_at = coalesce(t.received_at, clock_timestamp())
    from p where t.tenant_id = :tenantId and t.device_id = p.device_id
      and t.challenge_id = coalesce((
        select n.challenge_id from (
          select o.tenant_id, o.user_id, coalesce(o.chain_id, o.id) as chain_id from challenges o
          where o.tenant_id = :tenantId and o.id = :challengeId and o.reason = 'superseded'
          offset 0
        ) o cross join lateral (
          select c.tenant_id, c.id from challenges c
          where c.tenant_id = o.tenant_id and c.user_id = o.user_id and ${isPending('c')}
            and c.chain_id = o.chain_id
          offset 0
        ) c cross join lateral (
          select n.challenge_id from challenge_targets n
          where n.tenant_id = c.tenant_id and n.challenge_id = c.id and n.device_id = :deviceId
          offset 0
        ) n
      ), :challengeId)
    returning t.device_id
  )
  select exists (select from k) as is_key_live, exists (select from p) as proof_spent,
    exists (select from t) as is_target`,
)

type AnswerItem = {
  readonly tenantId: TenantId
  readonly deviceId: DeviceId
  readonly challengeId: ChallengeId
  readonly jti: string
}

/** The columns of the challenge, the target and the answer are null where there is none. */
type AnswerRow = KnownDeviceRow &
  Challenge & {
    readonly n: number
    readonly numberSealed: Buffer | null
    readonly targetPayload: string | null
    readonly targetHash: string
    readonly targetVersion: number
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

const answerItems = rowList<'item', AnswerItem>('item', {
  tenantId: 'text',
  deviceId: 'text',
  challengeId: 'text',
  jti: 'text',
})

const loadAnswer = statement<ListParams<'item', AnswerItem>, AnswerRow>(
  'load_answer',
  `select x.n::int as n, ${deviceColumns}, ${deviceKeysColumn}, ${challengeColumns('c')},
    c.number_sealed, t.request_payload as target_payload,
    t.request_hash as target_hash, t.protocol_version as target_version, a.outcome, a.status_after,
    a.wrong_numbers_left as wrong_numbers_left_after,
    (select array_agg(distinct o.device_id) from deliveries o
     where o.tenant_id = c.tenant_id and o.challenge_id = c.id and o.kind = 'challenge_opened'
       and o.status in ('queued', 'sent') and o.device_id <> d.id) as others,
    (select row_to_json(u) from user_protections u
     where u.tenant_id = d.tenant_id and u.user_id = d.user_id) as protection,
    (select row_to_json(b) from initiators b where b.tenant_id = d.tenant_id
       and b.user_id = d.user_id and b.key = c.budget_key) as budget,
    (select row_to_json(i) from initiators i where i.tenant_id = d.tenant_id
       and i.user_id = d.user_id and i.key = c.initiator_key) as initiator,
    (select tn.policy from tenants tn where tn.tenant_id = d.tenant_id) as policy,
    (select r.policy from relying_parties r
     where r.tenant_id = c.tenant_id and r.id = c.rp_id) as rp_policy,
    clock_timestamp() as now
  from ${answerItems.as('x')}
  cross join lateral (
    select * from devices d where d.tenant_id = x.tenant_id and d.id = x.device_id offset 0
  ) d
  left join lateral (
    select * from challenge_targets t
    where t.tenant_id = x.tenant_id and t.challenge_id = x.challenge_id
      and t.device_id = x.device_id offset 0
  ) t on true
  left join lateral (
    select * from challenges c where c.tenant_id = t.tenant_id and c.id = t.challenge_id offset 0
  ) c on true
  left join lateral (
    select * from answers a
    where a.tenant_id = t.tenant_id and a.challenge_id = t.challenge_id
      and a.device_id = x.device_id and a.jti = x.jti offset 0
  ) a on true`,
)

function toPending(
  row: PendingRow,
): NonNullable<Awaited<ReturnType<ChallengeStore['loadPending']>>> {
  const pending = (row.pending ?? []).map(
    ({ id, kid, payload, returnUrl, fetchedAt }): PendingRequest => ({
      challengeId: id,
      signingKid: kid,
      requestPayload: payload,
      returnUrl,
      fetchedAt: fetchedAt === null ? null : readTime(fetchedAt),
    }),
  )
  return { knownDevice: toKnownDevice(row), pending }
}

function toFacts(row: AnswerRow): AnswerFacts {
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
            protocolVersion: row.targetVersion,
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
}

/** The answering half of the challenge store. */
export function buildChallengeAnswers(
  database: Database,
  random: Pick<Random, 'id'>,
  lanes: Lanes,
): Pick<
  ChallengeStore,
  'loadPending' | 'markFetched' | 'markReceived' | 'loadAnswer' | 'recordAnswer'
> {
  const fetchLane = lanes.openReads(database.reserved, {
    name: 'fetch',
    lineOf: (item: PendingItem) => item.tenantId,
    statement: loadPending,
    items: pendingItems,
  })
  const factsLane = lanes.openReads(database.reserved, {
    name: 'load_answer',
    lineOf: (item: AnswerItem) => item.tenantId,
    statement: loadAnswer,
    items: answerItems,
  })

  return {
    async loadPending(tenantId, deviceId, isGone) {
      const row = await fetchLane({ tenantId, deviceId }, isGone)
      return row && toPending(row)
    },
    markFetched: buildFetchMarks(database),

    async markReceived(challengeId, proof) {
      const [row] = await run(database, markReceived, { ...proof, challengeId })
      if (!row?.isKeyLive) return 'proof_invalid'
      if (!row.proofSpent) return 'proof_replayed'
      return row.isTarget ? 'done' : null
    },

    async loadAnswer(query) {
      const row = await factsLane(query)
      return row && toFacts(row)
    },
    recordAnswer: buildAnswerRecording(database, random, lanes),
  }
}

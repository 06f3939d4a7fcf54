// Creating a challenge: one statement saves it, as decided from the facts that were loaded.

import type { Challenge, EndReason } from '../../domain/challenge.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { isUniqueViolation } from '../../platform/postgres/database-errors.ts'
import type { Lanes } from '../../platform/postgres/lane.ts'
import { type LaneStatements, skippedItem } from '../../platform/postgres/lane-statements.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import { leaseSeconds } from '../../push/deliveries.sql.ts'
import { isKeyLive } from '../../tenants/live-api-key.sql.ts'
import type { ChallengeStore } from '../challenge.store.ts'
import { insertBatch } from './challenge-creation-batch.sql.ts'
import { buildCreationFacts } from './challenge-creation-facts.sql.ts'
import { type InsertParams, insertParams } from './challenge-creation-params.sql.ts'

const cancelReason = 'superseded' satisfies EndReason

// A key that asks must still be in force. The protection is locked first, so that no lock is set
// between the decision and the creation; then the devices, by id, so that none is unregistered
// between its choice and the creation; then the budget, which is used up only if it has not changed
// since the decision. An Idempotency-Key that was used meanwhile undoes all of it. A question to
// supersede is locked between the devices and the budget, and must still be pending with all its
// attempts. Its prompts move over with their receipts, so that what is retried, and what the end
// closes, are theirs; their locks come last, in the order of ids, in which outcomes of pushes are
// stored as well.
const insertChallenge = statement<InsertParams, Pick<Challenge, 'id'>>(
  'insert_challenge',
  `with guard as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = :tenantId and p.user_id = :userId and p.revision = :protectionRevision
      and ${isKeyLive(':tenantId', ':keyId::text')}
    for share
  ), live_devices as materialized (
    select d.id from devices d, guard
    where d.tenant_id = :tenantId and d.id = any(:targetDeviceIds::text[]) and d.status = 'active'
    order by d.id for share of d
  ), superseded as materialized (
    select k.tenant_id, k.id, k.expires_at from challenges k, guard
    where k.tenant_id = :tenantId and k.id = :supersededId::text and k.status = 'pending'
      and k.wrong_numbers_left = :supersededAttempts::smallint
      and (select count(*) from live_devices) = cardinality(:targetDeviceIds::text[])
    for no key update of k
  ), budget as (
    insert into initiators as i (tenant_id, user_id, key, pushes, pending, unanswered, revision)
    select :tenantId, :userId, :budgetKey, :budgetPushes, :budgetPending, :budgetUnanswered,
      :budgetRevision::int + 1
    where (select count(*) from live_devices) = cardinality(:targetDeviceIds::text[])
      and (:supersededId::text is null
        or (select s.expires_at > clock_timestamp() from superseded s))
    on conflict (tenant_id, user_id, key) do update
    set pushes = excluded.pushes, pending = excluded.pending, unanswered = excluded.unanswered,
      revision = excluded.revision
    where i.revision = :budgetRevision::int
    returning i.key
  ), c as (
    insert into challenges (tenant_id, id, rp_id, user_id, status, context, number_mode,
      number_digits, number_sealed, wrong_numbers_left, user_verification, binding, delivery_mode,
      signing_kid, result_jti, idempotency_key, request_hash, resends_left, last_push_at,
      created_at, expires_at, suppressed, initiator_key, return_url, chain_id, chain_started_at,
      budget_key)
    select :tenantId, :id, :rpId, :userId, 'pending', :context, :numberMode, :numberDigits,
      :numberSealed, :wrongNumbersLeft, :userVerification, :binding, :deliveryMode, :signingKid,
      :resultJti, :idempotencyKey, :requestHash, :resendsLeft, :lastPushAt, :createdAt, :expiresAt,
      :suppressed, :initiatorKey, :returnUrl, :chainId, :chainStartedAt, budget.key
    from budget
    returning tenant_id, id, user_id
  ), targets as (
    insert into challenge_targets (tenant_id, challenge_id, device_id, request_payload,
      request_hash, protocol_version, received_at)
    select c.tenant_id, c.id, x.device_id, x.payload, x.hash, x.version,
      (select t.received_at from superseded s join challenge_targets t
        on t.tenant_id = s.tenant_id and t.challenge_id = s.id and t.device_id = x.device_id)
    from c, unnest(:targetDeviceIds::text[], :targetPayloads::text[], :targetHashes::text[],
      :targetVersions::smallint[]) as x(device_id, payload, hash, version)
  ), pushes as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, x.id, 'challenge_opened', c.id, x.device_id, 'queued', 1, clock_timestamp(),
      :leasedBy, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, unnest(:deliveryIds::text[], :pushedDeviceIds::text[]) as x(id, device_id)
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, details)
    select c.tenant_id, :activityId, c.user_id, 'challenge_created', 'info', :actor, c.id,
      :activityDetails
    from c
  ), cancelled as (
    update challenges k set status = 'cancelled', reason = '${cancelReason}', number_sealed = null,
      decided_at = clock_timestamp()
    from c, superseded s where k.tenant_id = s.tenant_id and k.id = s.id
    returning k.tenant_id, k.id, k.user_id
  ), cancellation as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, details)
    select k.tenant_id, :supersededActivityId, k.user_id, 'challenge_cancelled', 'info', :actor,
      k.id, jsonb_build_object('reason', '${cancelReason}')
    from cancelled k
  ), prompts as materialized (
    select d.tenant_id, d.id, c.id as challenge_id
    from c, superseded s join deliveries d on d.tenant_id = s.tenant_id and d.challenge_id = s.id
    where d.kind = 'challenge_opened' and d.status in ('queued', 'sent')
      and d.device_id = any(:targetDeviceIds::text[])
    order by d.id for no key update of d
  ), moved as (
    update deliveries d set challenge_id = p.challenge_id
    from prompts p where d.tenant_id = p.tenant_id and d.id = p.id
  ), closings as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at)
    select k.tenant_id, x.id, 'challenge_closed', k.id, x.device_id, 'queued', 0, clock_timestamp()
    from cancelled k, unnest(:closingIds::text[], :closedDeviceIds::text[]) as x(id, device_id)
  )
  select id from c`,
)

/** The creating half of the challenge store. */
export function buildChallengeCreation(
  database: Database,
  random: Pick<Random, 'id'>,
  lanes: Lanes,
): Pick<ChallengeStore, 'loadCreation' | 'create'> {
  type Statements = LaneStatements<InsertParams, 'done' | 'changed'>
  const lineOf: Statements['lineOf'] = (item) => item.tenantId
  const single: Statements['single'] = async (item) => {
    try {
      const createdRows = await run(database.reserved, insertChallenge, item)
      return createdRows.length === 1 ? 'done' : 'changed'
    } catch (error) {
      if (isUniqueViolation(error, 'challenges_idempotency_key')) return 'changed'
      throw error
    }
  }
  const first = lanes.open({
    name: 'create',
    lineOf,
    weightOf: (item) => 1 + item.targetDeviceIds.length,
    single,
    batch: (items) => insertBatch(database, items),
  } satisfies Statements)
  // Each alone, tenants in turn: they would otherwise take the few turns of items that a batch has
  // skipped, for which the lanes of all tenants wait.
  const superseding = lanes.open({
    name: 'supersede',
    lineOf,
    weightOf: () => Number.POSITIVE_INFINITY,
    single,
    batch: async (items) => items.map((): typeof skippedItem => skippedItem),
  } satisfies Statements)
  return {
    ...buildCreationFacts(database, lanes),
    create(newChallenge, leasedBy, isGone) {
      const lane = newChallenge.superseded === null ? first : superseding
      return lane(insertParams(newChallenge, leasedBy, random), isGone)
    },
  }
}

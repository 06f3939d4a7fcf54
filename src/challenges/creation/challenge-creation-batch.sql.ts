// Creating many challenges by one statement: for each item what `insert_challenge` does for one.

import type { DeliveryId, DeviceId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { lockMoment, skippedItem } from '../../platform/postgres/lane-statements.ts'
import { byPlace, type ListParams, rowList } from '../../platform/postgres/row-list.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import { leaseSeconds } from '../../push/deliveries.sql.ts'
import { isKeyLive } from '../../tenants/live-api-key.sql.ts'
import type { NewTarget } from '../challenge.store.ts'
import type { InsertParams } from './challenge-creation-params.sql.ts'

type Lists =
  | 'targetDeviceIds'
  | 'targetPayloads'
  | 'targetHashes'
  | 'targetVersions'
  | 'deliveryIds'
  | 'pushedDeviceIds'
/** What only a question has that supersedes another: it has a lane of its own. */
type InChain =
  | 'chainId'
  | 'chainStartedAt'
  | 'supersededId'
  | 'supersededAttempts'
  | 'supersededActivityId'
  | 'closingIds'
  | 'closedDeviceIds'
type Item = Omit<InsertParams, Lists | InChain> & { readonly targetCount: number }
type Target = { readonly item: number } & {
  readonly deviceId: DeviceId
  readonly payload: NewTarget['requestPayload']
  readonly hash: NewTarget['requestHash']
  readonly version: number
}
type Push = { readonly item: number; readonly id: DeliveryId; readonly deviceId: DeviceId }

const items = rowList<'item', Item>('item', {
  tenantId: 'text',
  id: 'text',
  rpId: 'text',
  keyId: 'text',
  userId: 'text',
  context: 'jsonb',
  numberMode: 'text',
  numberDigits: 'smallint',
  numberSealed: 'bytea',
  wrongNumbersLeft: 'smallint',
  userVerification: 'text',
  binding: 'text',
  returnUrl: 'text',
  deliveryMode: 'text',
  signingKid: 'text',
  resultJti: 'text',
  idempotencyKey: 'text',
  requestHash: 'bytea',
  resendsLeft: 'smallint',
  lastPushAt: 'timestamptz',
  createdAt: 'timestamptz',
  expiresAt: 'timestamptz',
  suppressed: 'text',
  initiatorKey: 'text',
  budgetKey: 'text',
  budgetPushes: 'jsonb',
  budgetPending: 'jsonb',
  budgetUnanswered: 'int',
  budgetRevision: 'int',
  protectionRevision: 'int',
  targetCount: 'int',
  activityId: 'text',
  actor: 'text',
  activityDetails: 'jsonb',
  leasedBy: 'text',
})
const targets = rowList<'target', Target>('target', {
  item: 'int',
  deviceId: 'text',
  payload: 'text',
  hash: 'text',
  version: 'smallint',
})
const pushes = rowList<'push', Push>('push', { item: 'int', id: 'text', deviceId: 'text' })

const challengeMembers = `tenant_id, id, rp_id, user_id, context, number_mode, number_digits,
      number_sealed, wrong_numbers_left, user_verification, binding, delivery_mode, signing_kid,
      result_jti, idempotency_key, request_hash, resends_left, last_push_at, created_at, expires_at,
      suppressed, initiator_key, return_url, budget_key`

type Params = ListParams<'item', Item> & ListParams<'target', Target> & ListParams<'push', Push>

// The order of locks is that of all statements: users, devices, budgets, each sorted. A step locks
// the rows of the step before it, which it sorts: the sort reads that step to its end, and a
// sub-select with a locking clause is never pulled up, so that each row is reached by its full key.
// What is checked comes from the locked rows alone. A user is locked more strongly than for one
// challenge, so that the budgets below are written under this lock only.
const insertChallenges = statement<
  Params,
  { readonly n: number; readonly outcome: 'done' | 'changed' | 'skipped' }
>(
  'insert_challenges',
  `with ${lockMoment}, raw as materialized (
    select x.* from lock_moment cross join ${items.as('x')}
  ), x as materialized (
    select distinct on (raw.tenant_id, raw.user_id) raw.*
    from raw order by raw.tenant_id, raw.user_id, raw.n
  ), t as materialized (
    select t.* from ${targets.as('t')}
  ), u as materialized (
    select x.*, p.revision as found_revision
    from x cross join lateral (
      select p.revision from user_protections p
      where p.tenant_id = x.tenant_id and p.user_id = x.user_id
      for no key update skip locked
    ) p
  ), d as materialized (
    select s.n, s.device_id, v.status
    from (
      select u.n, u.tenant_id, t.device_id from u join t on t.item = u.n
      where u.found_revision = u.protection_revision order by u.tenant_id, t.device_id
    ) s cross join lateral (
      select v.status from devices v where v.tenant_id = s.tenant_id and v.id = s.device_id
      for share skip locked
    ) v
  ), alive as materialized (
    select u.* from u left join (
      select d.n, count(*) filter (where d.status = 'active') as live from d group by d.n
    ) g on g.n = u.n
    where u.found_revision = u.protection_revision and coalesce(g.live, 0) = u.target_count
      and ${isKeyLive('u.tenant_id', 'u.key_id')}
  ), b as materialized (
    select s.n, b.revision
    from (select * from alive order by tenant_id, user_id, budget_key) s cross join lateral (
      select b.revision from initiators b
      where b.tenant_id = s.tenant_id and b.user_id = s.user_id and b.key = s.budget_key
      for no key update skip locked
    ) b
  ), ok as materialized (
    select a.* from alive a left join b on b.n = a.n
    where case when b.n is not null then b.revision = a.budget_revision
      else (select true from initiators i where i.tenant_id = a.tenant_id
        and i.user_id = a.user_id and i.key = a.budget_key) is not true end
    order by a.tenant_id, a.rp_id, a.idempotency_key, a.n
  ), c as (
    -- An Idempotency-Key that another transaction has not yet committed cannot be skipped: it is
    -- waited for in the order of keys, for a moment.
    insert into challenges (status, ${challengeMembers})
    select 'pending', ${challengeMembers} from ok
    on conflict (tenant_id, rp_id, idempotency_key) where idempotency_key is not null do nothing
    returning tenant_id, id
  ), made as materialized (
    select ok.* from ok where (ok.tenant_id, ok.id) in (select c.tenant_id, c.id from c)
  ), budget as (
    insert into initiators as i (tenant_id, user_id, key, pushes, pending, unanswered, revision)
    select tenant_id, user_id, budget_key, budget_pushes, budget_pending, budget_unanswered,
      budget_revision + 1
    from made
    on conflict (tenant_id, user_id, key) do update
    set pushes = excluded.pushes, pending = excluded.pending, unanswered = excluded.unanswered,
      -- A row that was inserted between this statement's snapshot and its lock on the user was not
      -- checked, and the challenge exists already: a null undoes the whole batch.
      revision = case when i.revision = excluded.revision - 1 then excluded.revision end
  ), new_targets as (
    insert into challenge_targets (tenant_id, challenge_id, device_id, request_payload,
      request_hash, protocol_version)
    select made.tenant_id, made.id, t.device_id, t.payload, t.hash, t.version
    from made join t on t.item = made.n
  ), new_pushes as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select made.tenant_id, p.id, 'challenge_opened', made.id, p.device_id, 'queued', 1,
      clock_timestamp(), made.leased_by,
      clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from made join ${pushes.as('p')} on p.item = made.n
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, details)
    select tenant_id, activity_id, user_id, 'challenge_created', 'info', actor, id,
      activity_details
    from made
  )
  select raw.n::int as n, case
    when raw.n in (select n from made) then 'done'
    when raw.n not in (select n from x) then 'skipped'
    when raw.n not in (select n from u) then
      case when (select true from user_protections p
        where p.tenant_id = raw.tenant_id and p.user_id = raw.user_id) is true
      then 'skipped' else 'changed' end
    when (select u.found_revision <> u.protection_revision from u where u.n = raw.n) then 'changed'
    when exists (
      select from t where t.item = raw.n and (t.item, t.device_id) not in (
        select d.n, d.device_id from d)
      and (select true from devices v
        where v.tenant_id = raw.tenant_id and v.id = t.device_id) is true) then 'skipped'
    when raw.n not in (select n from alive) then 'changed'
    when raw.n not in (select n from b) and (select true from initiators i
      where i.tenant_id = raw.tenant_id and i.user_id = raw.user_id
        and i.key = raw.budget_key) is true then 'skipped'
    else 'changed' end as outcome
  from raw`,
)

type Outcome = 'done' | 'changed' | typeof skippedItem

/**
 * Creates the challenges that can be created without waiting, all in one transaction. None of them
 * supersedes another.
 */
export async function insertBatch(
  database: Database,
  batch: readonly InsertParams[],
): Promise<Outcome[]> {
  const rows = await run(database.reserved, insertChallenges, {
    ...items.params(batch.map((one) => ({ ...one, targetCount: one.targetDeviceIds.length }))),
    ...targets.params(
      batch.flatMap(({ targetDeviceIds, targetPayloads, targetHashes, targetVersions }, index) =>
        targetDeviceIds.map((deviceId, at) => ({
          item: index + 1,
          deviceId,
          payload: targetPayloads[at] as string,
          hash: targetHashes[at] as string,
          version: targetVersions[at] as number,
        })),
      ),
    ),
    ...pushes.params(
      batch.flatMap(({ deliveryIds, pushedDeviceIds }, index) =>
        deliveryIds.map((id, at) => ({
          item: index + 1,
          id,
          deviceId: pushedDeviceIds[at] as DeviceId,
        })),
      ),
    ),
  })
  return byPlace(rows, batch.length).map((row) => {
    if (!row || row instanceof Error)
      throw new Error('insert_challenges returned no row for an item, or two')
    return row.outcome === 'skipped' ? skippedItem : row.outcome
  })
}

// Creating a challenge: one statement to load what decides it and one to save it.

import type { Actor } from '../domain/activity.ts'
import type { Challenge } from '../domain/challenge.ts'
import type {
  ActivityId,
  DeliveryId,
  DeviceId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import { othersKey } from '../domain/initiator.ts'
import { otherFactorsOf } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { unusedBudget } from '../domain/push-throttling.ts'
import { identifierKey } from '../domain/user-name.ts'
import type {
  AskableDevice,
  ChallengeStore,
  CreationFacts,
  NewChallenge,
} from '../ports/challenge-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database } from './database.ts'
import { isUniqueViolation } from './database-errors.ts'
import { leaseSeconds } from './deliveries.ts'
import { namedUser } from './named-user.ts'
import { type OtherFactorsJson, otherFactorColumns, toOtherFactors } from './passcodes.ts'
import {
  budgetColumns,
  type InitiatorJson,
  type ProtectionJson,
  toInitiator,
  toProtection,
} from './protections.ts'
import {
  type AddressRow,
  addressColumns,
  challengeColumns,
  isPending,
  toAddress,
  toChallenge,
} from './rows.ts'
import { run, statement } from './statement.ts'

type LoadedDevice = AddressRow &
  Pick<AskableDevice, 'id' | 'hasVerificationKey' | 'appVersion' | 'platform' | 'parentDeviceId'>

/** The columns of the challenge are null where there is none. */
type CreationRow = Challenge & {
  readonly numberSealed: Buffer | null
  readonly requestHash: Buffer
  readonly now: Date
  readonly policy: unknown
  readonly rpPolicy: unknown
  readonly activeKid: string
  readonly foundUserId: UserId | null
  readonly devices: LoadedDevice[] | null
  readonly protection: ProtectionJson | null
  readonly initiator: InitiatorJson | null
  readonly others: InitiatorJson | null
  readonly factors: OtherFactorsJson
}

const loadedColumns = (c: string) => `
  ${challengeColumns(c)}, ${c}.number_sealed, ${c}.request_hash`

const loadCreation = (findUser: string) => `
  select ${loadedColumns('c')}, clock_timestamp() as now, t.policy, r.policy as rp_policy,
    (select s.kid from signing_keys s
     where s.tenant_id = :tenantId and s.status = 'active') as active_kid,
    u.user_id as found_user_id, dv.devices, row_to_json(p) as protection,
    row_to_json(i) as initiator, row_to_json(o) as others,
    (select row_to_json(f)
     from (select ${otherFactorColumns(':tenantId', 'u.user_id')}) f) as factors
  from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = :rpId
  left join lateral (${findUser}) u on true
  left join lateral (
    (select ${loadedColumns('k')} from challenges k
     where k.tenant_id = :tenantId and k.rp_id = :rpId and k.idempotency_key = :idempotencyKey
       and :idempotencyKey::text is not null)
    union all
    (select ${loadedColumns('k')} from challenges k
     where k.tenant_id = :tenantId and k.user_id = u.user_id and ${isPending('k')}
       and k.rp_id = :rpId and k.binding = :binding and k.request_hash = :requestHash
       and k.expires_at > clock_timestamp() and :idempotencyKey::text is null
     limit 1)
  ) c on true
  left join user_protections p on p.tenant_id = :tenantId and p.user_id = u.user_id
  left join initiators i on i.tenant_id = :tenantId and i.user_id = u.user_id
    and i.key = :initiatorKey
  left join initiators o
    on o.tenant_id = :tenantId and o.user_id = u.user_id and o.key = '${othersKey}'
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'hasVerificationKey', x.has_verification_key,
      'pushProvider', x.push_provider, 'pushEnvironment', x.push_environment, 'appId', x.app_id,
      'pushToken', x.push_token, 'appVersion', x.app_version, 'platform', x.platform,
      'parentDeviceId', x.parent_device_id) order by x.created_at) as devices
    from (
      select d.id, d.created_at, ${addressColumns('d')}, d.app_version, d.platform,
        d.parent_device_id,
        exists (select from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id
          and k.role = 'verification') as has_verification_key
      from devices d
      where d.tenant_id = :tenantId and d.user_id = u.user_id and d.status = 'active'
    ) x
  ) dv on true
  where t.tenant_id = :tenantId`

type LoadParams = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly namespaces: readonly string[]
  readonly idempotencyKey: string | null
  readonly binding: string | null
  readonly requestHash: Uint8Array
  readonly initiatorKey: string | null
}

const loadByIdentifier = statement<
  LoadParams & { readonly namespace: string; readonly value: string; readonly key: string },
  CreationRow
>(
  'load_creation',
  loadCreation(
    `select n.user_id from (${namedUser(':namespace', ':value', ':key')}) n
     where :namespace = any(:namespaces::text[])`,
  ),
)
const loadById = statement<LoadParams & { readonly userId: UserId }, CreationRow>(
  'load_creation_by_id',
  loadCreation(
    `select i.user_id from user_identifiers i
     where i.tenant_id = :tenantId and i.user_id = :userId
       and i.namespace = any(:namespaces::text[]) limit 1`,
  ),
)

// The protection is locked first, so that no lock is set between the decision and the creation;
// then the devices, by id, so that none is unregistered between its choice and the creation; then
// the budget, which is used up only if it has not changed since the decision. An Idempotency-Key
// that was used meanwhile undoes all of it.
const insertChallenge = statement<
  Omit<Challenge, 'status' | 'reason' | 'context' | 'decidedAt' | 'decidedDeviceId'> & {
    readonly context: string
    readonly numberSealed: Uint8Array | null
    readonly idempotencyKey: string | null
    readonly requestHash: Uint8Array
    readonly protectionRevision: number
    readonly budgetPushes: string
    readonly budgetPending: string
    readonly budgetUnanswered: number
    readonly budgetRevision: number
    readonly targetDeviceIds: readonly DeviceId[]
    readonly targetPayloads: readonly string[]
    readonly targetHashes: readonly string[]
    readonly deliveryIds: readonly DeliveryId[]
    readonly pushedDeviceIds: readonly DeviceId[]
    readonly leasedBy: string
    readonly activityId: ActivityId
    readonly actor: Actor
    readonly activityDetails: string
  },
  Pick<Challenge, 'id'>
>(
  'insert_challenge',
  `with guard as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = :tenantId and p.user_id = :userId and p.revision = :protectionRevision
    for share
  ), live_devices as materialized (
    select d.id from devices d, guard
    where d.tenant_id = :tenantId and d.id = any(:targetDeviceIds::text[]) and d.status = 'active'
    order by d.id for share of d
  ), budget as (
    insert into initiators as i (tenant_id, user_id, key, pushes, pending, unanswered, revision)
    select :tenantId, :userId, :budgetKey, :budgetPushes, :budgetPending, :budgetUnanswered,
      :budgetRevision::int + 1
    where (select count(*) from live_devices) = cardinality(:targetDeviceIds::text[])
    on conflict (tenant_id, user_id, key) do update
    set pushes = excluded.pushes, pending = excluded.pending, unanswered = excluded.unanswered,
      revision = excluded.revision
    where i.revision = :budgetRevision::int
    returning i.key
  ), c as (
    insert into challenges (tenant_id, id, rp_id, user_id, status, context, number_mode,
      number_digits, number_sealed, wrong_numbers_left, user_verification, binding, delivery_mode,
      signing_kid, result_jti, idempotency_key, request_hash, resends_left, last_push_at,
      created_at, expires_at, suppressed, initiator_key, budget_key)
    select :tenantId, :id, :rpId, :userId, 'pending', :context, :numberMode, :numberDigits,
      :numberSealed, :wrongNumbersLeft, :userVerification, :binding, :deliveryMode, :signingKid,
      :resultJti, :idempotencyKey, :requestHash, :resendsLeft, :lastPushAt, :createdAt, :expiresAt,
      :suppressed, :initiatorKey, budget.key
    from budget
    returning tenant_id, id, user_id
  ), targets as (
    insert into challenge_targets (tenant_id, challenge_id, device_id, request_payload,
      request_hash)
    select c.tenant_id, c.id, x.device_id, x.payload, x.hash
    from c, unnest(:targetDeviceIds::text[], :targetPayloads::text[], :targetHashes::text[])
      as x(device_id, payload, hash)
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
  )
  select id from c`,
)

function toAskable(device: LoadedDevice): AskableDevice {
  const { id, hasVerificationKey, appId, appVersion, platform, parentDeviceId } = device
  const address = toAddress(device)
  return {
    id,
    hasVerificationKey,
    appId,
    appVersion,
    platform,
    parentDeviceId,
    hasPushToken: address !== null,
    address,
  }
}

/** The creating half of the challenge store. */
export function buildChallengeCreation(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<ChallengeStore, 'loadCreation' | 'create'> {
  return {
    async loadCreation({ user, ...query }) {
      const [row] =
        'id' in user
          ? await run(database, loadById, { ...query, userId: user.id })
          : await run(database, loadByIdentifier, {
              ...query,
              namespace: user.namespace,
              value: user.value,
              key: identifierKey(user.value),
            })
      if (!row) throw new Error(`tenant ${query.tenantId} is gone although its key still works`)
      const policy = strictest(policyOf(row.policy), row.rpPolicy)
      return {
        now: row.now,
        policy,
        signingKid: row.activeKid,
        userId: row.foundUserId,
        devices: (row.devices ?? []).map(toAskable),
        protection: row.protection && toProtection(row.protection),
        initiator: row.initiator && toInitiator(row.initiator),
        others: row.others ? toInitiator(row.others) : unusedBudget,
        otherFactors: otherFactorsOf(policy, toOtherFactors(row.factors)),
        earlier:
          row.id === null
            ? null
            : {
                challenge: toChallenge(row),
                numberSealed: row.numberSealed,
                requestHash: row.requestHash,
              },
      } satisfies CreationFacts
    },

    async create(newChallenge: NewChallenge, leasedBy) {
      const { challenge, targets, pushes, activity, budget } = newChallenge
      const [budgetPushes, budgetPending, budgetUnanswered] = budgetColumns(budget)
      const values = {
        ...challenge,
        context: JSON.stringify(challenge.context),
        numberSealed: newChallenge.numberSealed,
        idempotencyKey: newChallenge.idempotencyKey,
        requestHash: newChallenge.requestHash,
        protectionRevision: newChallenge.protectionRevision,
        budgetPushes,
        budgetPending,
        budgetUnanswered,
        budgetRevision: budget.revision,
        targetDeviceIds: targets.map((target) => target.deviceId),
        targetPayloads: targets.map((target) => target.requestPayload),
        targetHashes: targets.map((target) => target.requestHash),
        deliveryIds: pushes.map((push) => push.id),
        pushedDeviceIds: pushes.map((push) => push.deviceId),
        leasedBy,
        activityId: random.id('activity'),
        actor: activity.actor,
        activityDetails: JSON.stringify(activity.details ?? {}),
      }
      try {
        return (await run(database, insertChallenge, values)).length === 1
      } catch (error) {
        if (isUniqueViolation(error, 'challenges_idempotency_key')) return false
        throw error
      }
    },
  }
}

// Creating a challenge: one statement to load what decides it and one to save it.

import type { Id } from '../domain/ids.ts'
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
  type ChallengeRow,
  isPending,
  toAddress,
  toChallenge,
} from './rows.ts'

type LoadedDevice = AddressRow & {
  readonly id: Id<'device'>
  readonly has_verification_key: boolean
  readonly app_version: string
  readonly platform: AskableDevice['platform']
  readonly parent_device_id: AskableDevice['parentDeviceId']
}

type CreationRow = ChallengeRow & {
  readonly now: Date
  readonly policy: unknown
  readonly rp_policy: unknown
  readonly active_kid: string
  readonly found_user_id: Id<'user'> | null
  readonly devices: LoadedDevice[] | null
  readonly protection: ProtectionJson | null
  readonly initiator: InitiatorJson | null
  readonly others: InitiatorJson | null
  readonly factors: OtherFactorsJson
}

const loadCreation = (findUser: string) => `
  select c.*, clock_timestamp() as now, t.policy, r.policy as rp_policy,
    (select s.kid from signing_keys s where s.tenant_id = $1 and s.status = 'active') as active_kid,
    u.user_id as found_user_id, dv.devices, row_to_json(p) as protection,
    row_to_json(i) as initiator, row_to_json(o) as others,
    (select row_to_json(f) from (select ${otherFactorColumns('$1', 'u.user_id')}) f) as factors
  from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = $2
  left join lateral (${findUser}) u on true
  left join lateral (
    (select k.* from challenges k
     where k.tenant_id = $1 and k.rp_id = $2 and k.idempotency_key = $3 and $3::text is not null)
    union all
    (select k.* from challenges k
     where k.tenant_id = $1 and k.user_id = u.user_id and ${isPending('k')} and k.rp_id = $2
       and k.binding = $7 and k.request_hash = $8 and k.expires_at > clock_timestamp()
       and $3::text is null
     limit 1)
  ) c on true
  left join user_protections p on p.tenant_id = $1 and p.user_id = u.user_id
  left join initiators i on i.tenant_id = $1 and i.user_id = u.user_id and i.key = $9
  left join initiators o
    on o.tenant_id = $1 and o.user_id = u.user_id and o.key = '${othersKey}'
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'has_verification_key', x.has_verification_key,
      'push_provider', x.push_provider, 'push_environment', x.push_environment, 'app_id', x.app_id,
      'push_token', x.push_token, 'app_version', x.app_version, 'platform', x.platform,
      'parent_device_id', x.parent_device_id) order by x.created_at) as devices
    from (
      select d.id, d.created_at, ${addressColumns('d')}, d.app_version, d.platform,
        d.parent_device_id,
        exists (select from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id
          and k.role = 'verification') as has_verification_key
      from devices d where d.tenant_id = $1 and d.user_id = u.user_id and d.status = 'active'
    ) x
  ) dv on true
  where t.tenant_id = $1`

const loadByIdentifier = loadCreation(
  `select n.user_id from (${namedUser('$6', '$5', '$10')}) n where $6 = any($4::text[])`,
)
const loadById = loadCreation(
  `select i.user_id from user_identifiers i
   where i.tenant_id = $1 and i.user_id = $5 and i.namespace = any($4::text[])
     and $6::text is null limit 1`,
)

// The protection is locked first, so that no lock is set between the decision and the creation;
// then the devices, by id, so that none is unregistered between its choice and the creation; then
// the budget, which is used up only if it has not changed since the decision. An Idempotency-Key
// that was used meanwhile undoes all of it.
const insertChallenge = `
  with guard as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = $1 and p.user_id = $4 and p.revision = $30
    for share
  ), live_devices as materialized (
    select d.id from devices d, guard
    where d.tenant_id = $1 and d.id = any($23::text[]) and d.status = 'active'
    order by d.id for share of d
  ), budget as (
    insert into initiators as i (tenant_id, user_id, key, pushes, pending, unanswered, revision)
    select $1, $4, $31, $32, $33, $34, $35::int + 1
    where (select count(*) from live_devices) = cardinality($23::text[])
    on conflict (tenant_id, user_id, key) do update
    set pushes = excluded.pushes, pending = excluded.pending, unanswered = excluded.unanswered,
      revision = excluded.revision
    where i.revision = $35::int
    returning i.key
  ), c as (
    insert into challenges (tenant_id, id, rp_id, user_id, status, context, number_mode,
      number_digits, number_sealed, wrong_numbers_left, user_verification, binding, delivery_mode,
      signing_kid, result_jti, idempotency_key, request_hash, resends_left, last_push_at,
      created_at, expires_at, suppressed, initiator_key, budget_key)
    select $1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
      $18, $19, $20, $36, $37, budget.key
    from budget
    returning tenant_id, id, user_id
  ), targets as (
    insert into challenge_targets (tenant_id, challenge_id, device_id, request_payload,
      request_hash)
    select c.tenant_id, c.id, x.device_id, x.payload, x.hash
    from c, unnest($23::text[], $24::text[], $25::text[]) as x(device_id, payload, hash)
  ), pushes as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, x.id, 'challenge_opened', c.id, x.device_id, 'queued', 1, clock_timestamp(),
      $28, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, unnest($26::text[], $27::text[]) as x(id, device_id)
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, details)
    select c.tenant_id, $21, c.user_id, 'challenge_created', 'info', $22, c.id, $29
    from c
  )
  select id from c`

function toAskable(device: LoadedDevice): AskableDevice {
  const address = toAddress(device)
  return {
    id: device.id,
    hasVerificationKey: device.has_verification_key,
    appId: device.app_id,
    appVersion: device.app_version,
    platform: device.platform,
    parentDeviceId: device.parent_device_id,
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
    async loadCreation({ tenantId, rpId, namespaces, user, idempotencyKey, ...request }) {
      const common = [tenantId, rpId, idempotencyKey, namespaces]
      const requestValues = [request.binding, request.requestHash, request.initiatorKey]
      const [row] =
        'id' in user
          ? await database.query<CreationRow>('load_creation_by_id', loadById, [
              ...common,
              user.id,
              null,
              ...requestValues,
            ])
          : await database.query<CreationRow>('load_creation', loadByIdentifier, [
              ...common,
              user.value,
              user.namespace,
              ...requestValues,
              identifierKey(user.value),
            ])
      if (!row) throw new Error(`tenant ${tenantId} is gone although its key still works`)
      const policy = strictest(policyOf(row.policy), row.rp_policy)
      return {
        now: row.now,
        policy,
        signingKid: row.active_kid,
        userId: row.found_user_id,
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
                numberSealed: row.number_sealed,
                requestHash: row.request_hash,
              },
      } satisfies CreationFacts
    },

    async create(newChallenge: NewChallenge, leasedBy) {
      const { challenge: c, targets, pushes, activity } = newChallenge
      const values = [
        c.tenantId,
        c.id,
        c.rpId,
        c.userId,
        JSON.stringify(c.context),
        c.numberMode,
        c.numberDigits,
        newChallenge.numberSealed,
        c.wrongNumbersLeft,
        c.userVerification,
        c.binding,
        c.deliveryMode,
        c.signingKid,
        c.resultJti,
        newChallenge.idempotencyKey,
        newChallenge.requestHash,
        c.resendsLeft,
        c.lastPushAt,
        c.createdAt,
        c.expiresAt,
        random.id('activity'),
        activity.actor,
        targets.map((target) => target.deviceId),
        targets.map((target) => target.requestPayload),
        targets.map((target) => target.requestHash),
        pushes.map((push) => push.id),
        pushes.map((push) => push.deviceId),
        leasedBy,
        JSON.stringify(activity.details ?? {}),
        newChallenge.protectionRevision,
        c.budgetKey,
        ...budgetColumns(newChallenge.budget),
        newChallenge.budget.revision,
        c.suppressed,
        c.initiatorKey,
      ]
      try {
        return (await database.query('insert_challenge', insertChallenge, values)).length === 1
      } catch (error) {
        if (isUniqueViolation(error, 'challenges_idempotency_key')) return false
        throw error
      }
    },
  }
}

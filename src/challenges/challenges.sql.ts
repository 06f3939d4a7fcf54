// Challenges of the relying party: their evidence, and how they are cancelled and expire.

import type { ActivityType, Actor, Severity } from '../domain/activity.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { KeyRole, PublicJwk } from '../domain/device.ts'
import type {
  ActivityId,
  ChallengeId,
  DeliveryId,
  DeviceId,
  RelyingPartyId,
  TenantId,
} from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import type { Lanes } from '../platform/postgres/lane.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { withoutPlaces } from '../protection/push-budgets.sql.ts'
import { closingLifetimeSeconds, leaseSeconds } from '../push/deliveries.sql.ts'
import { type DuePushJson, duePushesJson, readDuePushes } from '../push/due-pushes.sql.ts'
import { buildChallengeAnswers } from './answers/challenge-answers.sql.ts'
import { challengeColumns, toChallenge } from './challenge.rows.ts'
import type { ChallengeStore } from './challenge.store.ts'
import type { Evidence } from './challenge-answer.store.ts'
import { type EndedPrompts, enqueueClosings, pushedDevices } from './challenge-cancellation.sql.ts'
import { buildChallengeLists } from './challenge-lists.sql.ts'
import { buildChallengeResend } from './challenge-resend.sql.ts'
import { buildChallengeCreation } from './creation/challenge-creation.sql.ts'
import { buildChallengeReading } from './reading/challenge-reading.sql.ts'

// A challenge has at most as many targets as a user may have devices.
const targetsMax = 20

type ChallengeParams = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly id: ChallengeId
}

type EvidenceRow = Challenge & {
  readonly requestPayload: string
  readonly answerJti: string
  readonly jwsSealed: Buffer | null
  readonly jws: string | null
  readonly answerDeviceId: DeviceId
  readonly keyKid: string
  readonly keyRole: KeyRole
  readonly keyJwk: PublicJwk
  readonly passkeyKey: Evidence['passkeyKey']
  /** Of a key that was replaced. */
  readonly replacedMac: Buffer | null
}

const findEvidence = statement<ChallengeParams, EvidenceRow>(
  'find_evidence',
  `select ${challengeColumns('c')}, t.request_payload, a.jti as answer_jti, a.jws_sealed, a.jws,
    a.device_id as answer_device_id, k.kid as key_kid, k.role as key_role,
    k.public_jwk as key_jwk, k.replaced_mac,
    (select json_build_object('kid', v.kid, 'publicJwk', v.public_jwk) from device_keys v
      where v.tenant_id = a.tenant_id and v.device_id = a.device_id
        and v.role = 'verification' and v.kind = 'webauthn') as passkey_key
  from challenges c
  join answers a on a.tenant_id = c.tenant_id and a.challenge_id = c.id
    and (a.jws_sealed is not null or a.jws is not null)
  join challenge_targets t
    on t.tenant_id = a.tenant_id and t.challenge_id = a.challenge_id and t.device_id = a.device_id
  cross join lateral (
    select k.kid, k.role, k.public_jwk, null::bytea as replaced_mac from device_keys k
    where k.tenant_id = a.tenant_id and k.device_id = a.device_id and k.kid = a.kid
    union all
    select r.kid, r.role, r.public_jwk, r.mac from replaced_device_keys r
    where r.tenant_id = a.tenant_id and r.device_id = a.device_id and r.kid = a.kid
    limit 1
  ) k
  where c.tenant_id = :tenantId and c.rp_id = :rpId and c.id = :id`,
)

const cancelChallenge = statement<
  ChallengeParams & {
    readonly activityId: ActivityId
    readonly type: ActivityType
    readonly severity: Severity
    readonly actor: Actor
    readonly deliveryIds: readonly DeliveryId[]
    readonly leasedBy: string
  },
  { readonly pushes: DuePushJson[] | null }
>(
  'cancel_challenge',
  `with k as materialized (
    select c.tenant_id, c.id, c.expires_at from challenges c
    where c.tenant_id = :tenantId and c.rp_id = :rpId and c.id = :id and c.status = 'pending'
    for no key update
  ), c as (
    update challenges c
    set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
    from k where c.tenant_id = k.tenant_id and c.id = k.id and k.expires_at > clock_timestamp()
    returning c.tenant_id, c.id, c.user_id, c.budget_key
  ), budget_update as (
    update initiators i
    set pending = ${withoutPlaces('i', 'c.id')}, revision = i.revision + 1
    from c where i.tenant_id = c.tenant_id and i.user_id = c.user_id and i.key = c.budget_key
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id)
    select c.tenant_id, :activityId, c.user_id, :type, :severity, :actor, c.id from c
  ), recipients as (
    select o.device_id, row_number() over (order by o.device_id) as n
    from c join deliveries o on o.tenant_id = c.tenant_id and o.challenge_id = c.id
      and o.kind = 'challenge_opened' and o.status in ('queued', 'sent')
    group by o.device_id
  ), closing as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, (:deliveryIds::text[])[recipients.n], 'challenge_closed', c.id,
      recipients.device_id, 'queued', 1, clock_timestamp(), :leasedBy,
      clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, recipients
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      created_at + make_interval(secs => ${closingLifetimeSeconds}) as expires_at
  )
  select ${duePushesJson('closing')} as pushes from c`,
)

// A single challenge is waited for (its reader must see the outcome that the lock's holder
// commits); the sweep skips locked rows. `statement_timestamp()` can be looked up in an index,
// which the clock cannot, and is the earlier of the two. Only the sweep says `decided_at is null`,
// so that the planner offers no other statement the index over the pending challenges of all
// tenants.
const expireChallenges = (which: string, skip: string) => `
  with k as materialized (
    select c.tenant_id, c.id, c.user_id from challenges c
    where c.status = 'pending' and c.expires_at <= statement_timestamp() ${which}
    order by c.expires_at limit :limit
    for no key update ${skip}
  ), c as (
    update challenges c
    set status = 'expired', decided_at = clock_timestamp(), number_sealed = null
    from k where c.tenant_id = k.tenant_id and c.id = k.id
    returning c.tenant_id, c.id, c.user_id
  ), numbers as (
    select c.*, row_number() over (order by c.id) as n from c
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id)
    select tenant_id, (:activityIds::text[])[n], user_id, 'challenge_expired', 'info', 'service', id
    from numbers
  )
  select c.tenant_id, c.id, ${pushedDevices('c')} as pushed_devices from c`
type ExpireParams = { readonly limit: number; readonly activityIds: readonly ActivityId[] }
const expireOne = statement<
  ExpireParams & { readonly tenantId: TenantId; readonly id: ChallengeId },
  EndedPrompts
>('expire_challenge', expireChallenges('and c.tenant_id = :tenantId and c.id = :id', ''))
const expireDue = statement<ExpireParams, EndedPrompts>(
  'expire_challenges',
  expireChallenges('and c.decided_at is null', 'skip locked'),
)

/** The challenges of all tenants; every statement names its tenant. */
export function buildChallengeStore(
  database: Database,
  random: Pick<Random, 'id'>,
  lanes: Lanes,
): ChallengeStore {
  const ids = <K extends 'activity' | 'delivery'>(kind: K, count: number) =>
    Array.from({ length: count }, () => random.id(kind))

  return {
    ...buildChallengeCreation(database, random, lanes),
    ...buildChallengeAnswers(database, random, lanes),
    ...buildChallengeReading(database, lanes),
    ...buildChallengeResend(database, random),

    list: buildChallengeLists(database),

    async findEvidence(tenantId, rpId, id) {
      const [row] = await run(database, findEvidence, { tenantId, rpId, id })
      const jws = row?.jwsSealed ?? row?.jws
      if (!row || !jws) return null
      return {
        challenge: toChallenge(row),
        requestPayload: row.requestPayload,
        answer: { jti: row.answerJti, jws },
        deviceId: row.answerDeviceId,
        deviceKey: { kid: row.keyKid, role: row.keyRole, publicJwk: row.keyJwk },
        passkeyKey: row.passkeyKey,
        replacedMac: row.replacedMac,
      }
    },

    async cancel(tenantId, rpId, id, { type, severity, actor }, leasedBy) {
      const [row] = await run(database, cancelChallenge, {
        tenantId,
        rpId,
        id,
        activityId: random.id('activity'),
        type,
        severity,
        actor,
        deliveryIds: ids('delivery', targetsMax),
        leasedBy,
      })
      return row ? { pushes: readDuePushes(row.pushes) } : null
    },

    async expire(only, limit) {
      const activityIds = ids('activity', limit)
      return database.transaction(async (tx) => {
        const challenges = only
          ? await run(tx, expireOne, { limit, activityIds, ...only })
          : await run(tx, expireDue, { limit, activityIds })
        await enqueueClosings(tx, random, challenges)
        return challenges.map(({ id }) => id)
      })
    },
  }
}

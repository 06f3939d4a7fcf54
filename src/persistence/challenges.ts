// Reading challenges, and ending or resending them for the relying party or because time is up.

import type { PublicJwk } from '../domain/device.ts'
import type { Id } from '../domain/ids.ts'
import type { ChallengeStore, DeviceProgress } from '../ports/challenge-store.ts'
import type { Random } from '../ports/world.ts'
import { buildChallengeAnswers } from './challenge-answers.ts'
import { buildChallengeCreation } from './challenge-creation.ts'
import { buildChallengeLists } from './challenge-lists.ts'
import { buildChallengeResend } from './challenge-resend.ts'
import { readTime } from './column-types.ts'
import type { Database } from './database.ts'
import { closingLifetimeSeconds, leaseSeconds } from './deliveries.ts'
import {
  addressColumns,
  type ChallengeRow,
  type DuePushRow,
  toChallenge,
  toDuePushes,
} from './rows.ts'

// A challenge has at most as many targets as a user may have devices.
const targetsMax = 20

type FoundRow = ChallengeRow & {
  readonly now: Date
  readonly devices: {
    device_id: Id<'device'>
    fetched_at: string | null
    received_at: string | null
    status: NonNullable<DeviceProgress['push']>['status'] | null
    reason: string | null
    attempts: number
    settled_at: string | null
  }[]
  readonly decided_activated_at: Date | null
  readonly decided_verified: boolean | null
  readonly decided_attested: boolean | null
}

// `is true` keeps the device out of every index: it may have been sent thousands of pushes, the
// challenge a few.
const findChallenge = `
  select c.*, clock_timestamp() as now, p.devices, v.activated_at as decided_activated_at,
    v.attestation_verdict = 'verified' as decided_attested,
    (select a.user_verified from answers a
     where a.tenant_id = c.tenant_id and a.challenge_id = c.id
       and a.outcome in ('approved', 'denied')
       and a.device_id = c.decided_device_id) as decided_verified
  from challenges c
  left join devices v on v.tenant_id = c.tenant_id and v.id = c.decided_device_id
  left join lateral (
    select json_agg(json_build_object('device_id', t.device_id, 'fetched_at', t.fetched_at,
      'received_at', t.received_at, 'status', o.status, 'reason', o.reason, 'attempts', o.attempts,
      'settled_at', o.settled_at) order by t.device_id) as devices
    from challenge_targets t
    left join lateral (
      select d.status, d.reason, d.attempts, d.settled_at from deliveries d
      where d.tenant_id = t.tenant_id and d.challenge_id = t.challenge_id
        and (d.device_id = t.device_id) is true and d.kind = 'challenge_opened'
      order by d.id desc limit 1
    ) o on true
    where t.tenant_id = c.tenant_id and t.challenge_id = c.id
  ) p on true
  where c.tenant_id = $1 and c.rp_id = $2 and c.id = $3`

const findEvidence = `
  select c.*, t.request_payload, a.jti as answer_jti, a.jws_sealed, a.jws,
    a.device_id as answer_device_id, k.kid as key_kid, k.public_jwk as key_jwk
  from challenges c
  join answers a on a.tenant_id = c.tenant_id and a.challenge_id = c.id
    and (a.jws_sealed is not null or a.jws is not null)
  join challenge_targets t
    on t.tenant_id = a.tenant_id and t.challenge_id = a.challenge_id and t.device_id = a.device_id
  join device_keys k on k.tenant_id = a.tenant_id and k.device_id = a.device_id and k.kid = a.kid
  where c.tenant_id = $1 and c.rp_id = $2 and c.id = $3`

type EvidenceRow = ChallengeRow & {
  readonly request_payload: string
  readonly answer_jti: string
  readonly jws_sealed: Buffer | null
  readonly jws: string | null
  readonly answer_device_id: Id<'device'>
  readonly key_kid: string
  readonly key_jwk: PublicJwk
}

/** Columns of a delivery that has just been inserted, and what its receiver needs. */
const deliveryColumns = (
  lifetime: string,
) => `tenant_id, id, kind, challenge_id, device_id, attempts,
  ${lifetime} as expires_at`

const duePushes = (source: string) => `
  (select json_agg(x) from (
    select ${source}.*, ${addressColumns('v')}
    from ${source} join devices v
      on v.tenant_id = ${source}.tenant_id and v.id = ${source}.device_id and v.status = 'active'
  ) x) as pushes`

const leaseEnd = `clock_timestamp() + make_interval(secs => ${leaseSeconds})`

const cancelChallenge = `
  with k as materialized (
    select c.tenant_id, c.id, c.expires_at from challenges c
    where c.tenant_id = $1 and c.rp_id = $2 and c.id = $3 and c.status = 'pending'
    for no key update
  ), c as (
    update challenges c
    set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
    from k where c.tenant_id = k.tenant_id and c.id = k.id and k.expires_at > clock_timestamp()
    returning c.tenant_id, c.id, c.user_id, c.budget_key
  ), budget_update as (
    update initiators i set pending = i.pending - c.id, revision = i.revision + 1
    from c where i.tenant_id = c.tenant_id and i.user_id = c.user_id and i.key = c.budget_key
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id)
    select c.tenant_id, $4, c.user_id, $5, $6, $7, c.id from c
  ), recipients as (
    select o.device_id, row_number() over (order by o.device_id) as n
    from c join deliveries o on o.tenant_id = c.tenant_id and o.challenge_id = c.id
      and o.kind = 'challenge_opened' and o.status in ('queued', 'sent')
    group by o.device_id
  ), closing as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, ($8::text[])[recipients.n], 'challenge_closed', c.id, recipients.device_id,
      'queued', 1, clock_timestamp(), $9, ${leaseEnd}
    from c, recipients
    returning ${deliveryColumns(`created_at + make_interval(secs => ${closingLifetimeSeconds})`)}
  )
  select c.id, ${duePushes('closing')} from c`

// A single challenge is waited for (its reader must see the outcome that the lock's holder
// commits); the sweep skips locked rows. `statement_timestamp()` can be looked up in an index,
// which the clock cannot, and is the earlier of the two. Only the sweep says `decided_at is null`,
// so that the planner offers no other statement the index over the pending challenges of all
// tenants.
const expireChallenges = (which: string, skip: string) => `
  with k as materialized (
    select c.tenant_id, c.id, c.user_id from challenges c
    where c.status = 'pending' and c.expires_at <= statement_timestamp() ${which}
    order by c.expires_at limit $1
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
    select tenant_id, ($2::text[])[n], user_id, 'challenge_expired', 'info', 'service', id
    from numbers
  )
  select id from c`
const expireOne = expireChallenges('and c.tenant_id = $3 and c.id = $4', '')
const expireDue = expireChallenges('and c.decided_at is null', 'skip locked')

function toProgress(row: FoundRow['devices'][number]): DeviceProgress {
  const date = (text: string | null) => (text === null ? null : readTime(text))
  return {
    deviceId: row.device_id,
    fetchedAt: date(row.fetched_at),
    receivedAt: date(row.received_at),
    push: row.status && {
      status: row.status,
      reason: row.reason,
      attempts: row.attempts,
      settledAt: date(row.settled_at),
    },
  }
}

/** The challenges of all tenants; every statement names its tenant. */
export function buildChallengeStore(
  database: Database,
  random: Pick<Random, 'id'>,
): ChallengeStore {
  const ids = <K extends 'activity' | 'delivery'>(kind: K, count: number) =>
    Array.from({ length: count }, () => random.id(kind))

  return {
    ...buildChallengeCreation(database, random),
    ...buildChallengeAnswers(database, random),
    ...buildChallengeResend(database, random),

    async find(tenantId, rpId, id) {
      const [row] = await database.query<FoundRow>('find_challenge', findChallenge, [
        tenantId,
        rpId,
        id,
      ])
      if (!row) return null
      const challenge = toChallenge(row)
      const { decidedDeviceId } = challenge
      return {
        challenge,
        devices: row.devices.map(toProgress),
        decidedBy: decidedDeviceId && {
          id: decidedDeviceId,
          activatedAt: row.decided_activated_at,
          userVerified: row.decided_verified === true,
          hardwareBacked: row.decided_attested === true,
        },
        now: row.now,
      }
    },

    list: buildChallengeLists(database),

    async findEvidence(tenantId, rpId, id) {
      const [row] = await database.query<EvidenceRow>('find_evidence', findEvidence, [
        tenantId,
        rpId,
        id,
      ])
      const jws = row?.jws_sealed ?? row?.jws
      if (!row || !jws) return null
      return {
        challenge: toChallenge(row),
        requestPayload: row.request_payload,
        answer: { jti: row.answer_jti, jws },
        deviceId: row.answer_device_id,
        deviceKey: { kid: row.key_kid, publicJwk: row.key_jwk },
      }
    },

    async cancel(tenantId, rpId, id, { type, severity, actor }, leasedBy) {
      const commonValues = [type, severity, actor, ids('delivery', targetsMax), leasedBy]
      const [row] = await database.query<{ pushes: DuePushRow[] | null }>(
        'cancel_challenge',
        cancelChallenge,
        [tenantId, rpId, id, random.id('activity'), ...commonValues],
      )
      return row ? { pushes: toDuePushes(row.pushes ?? []) } : null
    },

    async expire(only, limit) {
      const activityIds = ids('activity', limit)
      const rows = only
        ? await database.query<{ id: Id<'challenge'> }>('expire_challenge', expireOne, [
            limit,
            activityIds,
            only.tenantId,
            only.id,
          ])
        : await database.query<{ id: Id<'challenge'> }>('expire_challenges', expireDue, [
            limit,
            activityIds,
          ])
      return rows.map((row) => row.id)
    },
  }
}

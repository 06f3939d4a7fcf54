// Pushing a challenge once more: a resend is a push like any other, on the same budget.

import type { Actor } from '../domain/activity.ts'
import type {
  ActivityId,
  ChallengeId,
  DeliveryId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import { otherFactorsOf } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { unusedBudget } from '../domain/push-budget.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { type ProtectionJson, toProtection } from '../protection/protections.sql.ts'
import { budgetColumns, type InitiatorJson, toInitiator } from '../protection/push-budgets.sql.ts'
import { leaseSeconds } from '../push/deliveries.sql.ts'
import { type DuePushJson, duePushesJson, readDuePushes } from '../push/due-pushes.sql.ts'
import {
  type OtherFactorsJson,
  otherFactorColumns,
  toOtherFactors,
} from '../users/other-factors.sql.ts'
import type { ChallengeStore } from './challenge.store.ts'

type LoadedRow = {
  readonly policy: unknown
  readonly rpPolicy: unknown
  readonly protection: ProtectionJson
  readonly budget: InitiatorJson | null
  readonly factors: OtherFactorsJson
  readonly now: Date
}

const loadResend = statement<
  {
    readonly tenantId: TenantId
    readonly rpId: RelyingPartyId
    readonly userId: UserId
    readonly budgetKey: string
  },
  LoadedRow
>(
  'load_resend',
  `select t.policy, r.policy as rp_policy, row_to_json(p) as protection, row_to_json(i) as budget,
    (select row_to_json(f)
     from (select ${otherFactorColumns(':tenantId', ':userId')}) f) as factors,
    clock_timestamp() as now
  from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = :rpId
  join user_protections p on p.tenant_id = t.tenant_id and p.user_id = :userId
  left join initiators i on i.tenant_id = t.tenant_id and i.user_id = :userId
    and i.key = :budgetKey
  where t.tenant_id = :tenantId`,
)

const resendChallenge = statement<
  {
    readonly tenantId: TenantId
    readonly id: ChallengeId
    readonly userId: UserId
    readonly protectionRevision: number
    readonly resendsLeftBefore: number
    readonly resendsLeft: number
    readonly expiresAt: Date
    readonly budgetKey: string
    readonly budgetPushes: string
    readonly budgetPending: string
    readonly budgetUnanswered: number
    readonly budgetRevision: number
    readonly activityId: ActivityId
    readonly actor: Actor
    readonly deliveryIds: readonly DeliveryId[]
    readonly leasedBy: string
  },
  { readonly current: boolean; readonly pushes: DuePushJson[] | null }
>(
  'resend_challenge',
  `with guard as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = :tenantId and p.user_id = :userId
      and p.revision = :protectionRevision::int
    for share
  ), k as materialized (
    select c.tenant_id, c.id, c.expires_at from challenges c, guard
    where c.tenant_id = :tenantId and c.id = :id and c.status = 'pending'
      and c.resends_left = :resendsLeftBefore
    for no key update of c
  ), reachable as materialized (
    select t.device_id, row_number() over (order by t.device_id) as n
    from k join challenge_targets t on t.tenant_id = k.tenant_id and t.challenge_id = k.id
    join devices v on v.tenant_id = t.tenant_id and v.id = t.device_id and v.status = 'active'
      and v.push_token_sealed is not null
  ), budget as (
    update initiators i set pushes = :budgetPushes::jsonb,
      pending = :budgetPending::jsonb, unanswered = :budgetUnanswered, revision = i.revision + 1
    from k
    where i.tenant_id = :tenantId and i.user_id = :userId and i.key = :budgetKey
      and i.revision = :budgetRevision::int
      and k.expires_at > clock_timestamp() and exists (select from reachable)
    returning i.key
  ), c as (
    update challenges c set resends_left = :resendsLeft, last_push_at = clock_timestamp(),
      delivery_mode = 'push', suppressed = null
    from k, budget where c.tenant_id = k.tenant_id and c.id = k.id
    returning c.tenant_id, c.id, c.user_id, c.expires_at
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id)
    select c.tenant_id, :activityId, c.user_id, 'challenge_resent', 'info', :actor, c.id from c
  ), new_pushes as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, (:deliveryIds::text[])[r.n], 'challenge_opened', c.id, r.device_id,
      'queued', 1, clock_timestamp(), :leasedBy,
      clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, reachable r
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      :expiresAt::timestamptz as expires_at
  )
  select exists (select from c)
      or exists (select from k where k.expires_at > clock_timestamp())
        and not exists (select from reachable) as current,
    ${duePushesJson('new_pushes')} as pushes`,
)

// A challenge has at most as many targets as a user may have devices.
const targetsMax = 20

/** The resending part of the challenge store. */
export function buildChallengeResend(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<ChallengeStore, 'loadResend' | 'resend'> {
  return {
    async loadResend({ tenantId, rpId, userId, budgetKey }) {
      const [row] = await run(database, loadResend, { tenantId, rpId, userId, budgetKey })
      if (!row) return null
      const policy = strictest(policyOf(row.policy), row.rpPolicy)
      return {
        policy,
        otherFactors: otherFactorsOf(policy, toOtherFactors(row.factors)),
        protection: toProtection(row.protection),
        budget: row.budget ? toInitiator(row.budget) : unusedBudget,
        now: row.now,
      }
    },

    async resend({ challenge, resendsLeft, budget, protectionRevision, activity, leasedBy }) {
      const { tenantId, id, userId, expiresAt, budgetKey } = challenge
      const [budgetPushes, budgetPending, budgetUnanswered] = budgetColumns(budget)
      const [row] = await run(database, resendChallenge, {
        tenantId,
        id,
        userId,
        protectionRevision,
        resendsLeftBefore: challenge.resendsLeft,
        resendsLeft,
        expiresAt,
        budgetKey,
        budgetPushes,
        budgetPending,
        budgetUnanswered,
        budgetRevision: budget.revision,
        activityId: random.id('activity'),
        actor: activity.actor,
        deliveryIds: Array.from({ length: targetsMax }, () => random.id('delivery')),
        leasedBy,
      })
      return row?.current ? { pushes: readDuePushes(row.pushes) } : 'changed'
    },
  }
}

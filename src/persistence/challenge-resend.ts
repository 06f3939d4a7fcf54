// Pushing a challenge once more: a resend is a push like any other, on the same budget.

import { otherFactorsOf } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { unusedBudget } from '../domain/push-throttling.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database } from './database.ts'
import { leaseSeconds } from './deliveries.ts'
import { type OtherFactorsJson, otherFactorColumns, toOtherFactors } from './passcodes.ts'
import {
  budgetColumns,
  type InitiatorJson,
  type ProtectionJson,
  toInitiator,
  toProtection,
} from './protections.ts'
import { addressColumns, type DuePushRow, toDuePushes } from './rows.ts'

const loadResend = `
  select t.policy, r.policy as rp_policy, row_to_json(p) as protection, row_to_json(i) as budget,
    (select row_to_json(f) from (select ${otherFactorColumns('$1', '$3')}) f) as factors,
    clock_timestamp() as now
  from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = $2
  join user_protections p on p.tenant_id = t.tenant_id and p.user_id = $3
  left join initiators i on i.tenant_id = t.tenant_id and i.user_id = $3 and i.key = $4
  where t.tenant_id = $1`

type LoadedRow = {
  readonly policy: unknown
  readonly rp_policy: unknown
  readonly protection: ProtectionJson
  readonly budget: InitiatorJson | null
  readonly factors: OtherFactorsJson
  readonly now: Date
}

const resendChallenge = `
  with guard as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = $1 and p.user_id = $10 and p.revision = $11::int
    for share
  ), k as materialized (
    select c.tenant_id, c.id, c.expires_at from challenges c, guard
    where c.tenant_id = $1 and c.id = $2 and c.status = 'pending' and c.resends_left = $3
    for no key update of c
  ), reachable as materialized (
    select t.device_id, row_number() over (order by t.device_id) as n
    from k join challenge_targets t on t.tenant_id = k.tenant_id and t.challenge_id = k.id
    join devices v on v.tenant_id = t.tenant_id and v.id = t.device_id and v.status = 'active'
      and v.push_token_sealed is not null
  ), budget as (
    update initiators i set pushes = $13::jsonb, pending = $14::jsonb, unanswered = $15,
      revision = i.revision + 1
    from k
    where i.tenant_id = $1 and i.user_id = $10 and i.key = $12 and i.revision = $16::int
      and k.expires_at > clock_timestamp() and exists (select from reachable)
    returning i.key
  ), c as (
    update challenges c set resends_left = $4, last_push_at = clock_timestamp(),
      delivery_mode = 'push', suppressed = null
    from k, budget where c.tenant_id = k.tenant_id and c.id = k.id
    returning c.tenant_id, c.id, c.user_id, c.expires_at
  ), activity as (
    insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id)
    select c.tenant_id, $5, c.user_id, 'challenge_resent', 'info', $6, c.id from c
  ), new_pushes as (
    insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at,
      leased_by, leased_until)
    select c.tenant_id, ($7::text[])[r.n], 'challenge_opened', c.id, r.device_id, 'queued', 1,
      clock_timestamp(), $8, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    from c, reachable r
    returning tenant_id, id, kind, challenge_id, device_id, attempts,
      $9::timestamptz as expires_at
  )
  select exists (select from c)
      or exists (select from k where k.expires_at > clock_timestamp())
        and not exists (select from reachable) as current,
    (select json_agg(x) from (
      select new_pushes.*, ${addressColumns('v')}
      from new_pushes join devices v
        on v.tenant_id = new_pushes.tenant_id and v.id = new_pushes.device_id
          and v.status = 'active'
    ) x) as pushes`

// A challenge has at most as many targets as a user may have devices.
const targetsMax = 20

/** The resending part of the challenge store. */
export function buildChallengeResend(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<ChallengeStore, 'loadResend' | 'resend'> {
  return {
    async loadResend({ tenantId, rpId, userId, budgetKey }) {
      const [row] = await database.query<LoadedRow>('load_resend', loadResend, [
        tenantId,
        rpId,
        userId,
        budgetKey,
      ])
      if (!row) return null
      const policy = strictest(policyOf(row.policy), row.rp_policy)
      return {
        policy,
        otherFactors: otherFactorsOf(policy, toOtherFactors(row.factors)),
        protection: toProtection(row.protection),
        budget: row.budget ? toInitiator(row.budget) : unusedBudget,
        now: row.now,
      }
    },

    async resend({ challenge, resendsLeft, budget, protectionRevision, activity, leasedBy }) {
      const [row] = await database.query<{ current: boolean; pushes: DuePushRow[] | null }>(
        'resend_challenge',
        resendChallenge,
        [
          challenge.tenantId,
          challenge.id,
          challenge.resendsLeft,
          resendsLeft,
          random.id('activity'),
          activity.actor,
          Array.from({ length: targetsMax }, () => random.id('delivery')),
          leasedBy,
          challenge.expiresAt,
          challenge.userId,
          protectionRevision,
          challenge.budgetKey,
          ...budgetColumns(budget),
          budget.revision,
        ],
      )
      return row?.current ? { pushes: toDuePushes(row.pushes ?? []) } : null
    },
  }
}

// Rows of `initiators`: read, and written as the domain decided. Every transaction that inserts one
// holds the user's protection.

import type { ChallengeId, TenantId, UserId } from '../domain/ids.ts'
import type { Budget, BudgetChange, KnownInitiator } from '../domain/push-budget.ts'
import { readTimeOrNull } from '../platform/postgres/column-types.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'

/** A row of `initiators` as JSON. */
export type InitiatorJson = {
  readonly pushes: readonly { readonly c: ChallengeId; readonly t: number }[]
  readonly pending: Readonly<Record<ChallengeId, number>>
  readonly unanswered: number
  readonly denied_at: string | null
  readonly approved_at: string | null
  readonly blocked_until: string | null
  readonly revision: number
}

/** From its row. */
export function toInitiator(row: InitiatorJson): KnownInitiator {
  return {
    pushes: row.pushes.map(({ c, t }) => ({ challengeId: c, at: new Date(t) })),
    pending: Object.entries(row.pending).map(([challengeId, until]) => ({
      challengeId: challengeId as ChallengeId,
      until: new Date(until),
    })),
    unanswered: row.unanswered,
    deniedAt: readTimeOrNull(row.denied_at),
    approvedAt: readTimeOrNull(row.approved_at),
    blockedUntil: readTimeOrNull(row.blocked_until),
    revision: row.revision,
  }
}

const pushesJson = ({ pushes }: Pick<Budget, 'pushes'>) =>
  pushes.map(({ challengeId, at }) => ({ c: challengeId, t: at.getTime() }))

/** The columns of a budget that a creation writes: pushes, pending, unanswered. */
export function budgetColumns(budget: Budget): [string, string, number] {
  const { pending, unanswered } = budget
  return [
    JSON.stringify(pushesJson(budget)),
    JSON.stringify(
      Object.fromEntries(pending.map(({ challengeId, until }) => [challengeId, until.getTime()])),
    ),
    unanswered,
  ]
}

/** The rows of what `budgetsParam` writes, in this JSON. */
export const budgetRecords = (budgets: string) => `
  jsonb_to_recordset(${budgets}) as b(key text, revision int, pushes jsonb, unanswered int,
    denied_at timestamptz, approved_at timestamptz, blocked_until timestamptz)`

/** Budgets in their next state; `pending` is not among what an answer decides. */
export function budgetsParam(changes: readonly BudgetChange[]): string {
  return JSON.stringify(
    changes.map(({ key, next }) => ({
      key,
      revision: next.revision,
      pushes: pushesJson(next),
      unanswered: next.unanswered,
      denied_at: next.deniedAt,
      approved_at: next.approvedAt,
      blocked_until: next.blockedUntil,
    })),
  )
}

/**
 * The places of a budget without those of these challenges, by SQL and only here: an end must not
 * be refused because its budget has changed, and what is removed by id is removed under any
 * revision.
 */
export const withoutPlaces = (budget: string, ids: string) => `${budget}.pending - ${ids}`

type UserParams = { readonly tenantId: TenantId; readonly userId: UserId }

const freePlaces = statement<UserParams & { readonly ids: readonly ChallengeId[] }>(
  'free_places',
  `with k as materialized (
    select i.key from initiators i
    where i.tenant_id = :tenantId and i.user_id = :userId and i.pending ?| :ids::text[]
    order by i.key for no key update
  )
  update initiators i set pending = ${withoutPlaces('i', ':ids::text[]')}, revision = i.revision + 1
  from k where i.tenant_id = :tenantId and i.user_id = :userId and i.key = k.key`,
)

/** Frees the places of ended challenges; after the challenges are locked, as everywhere. */
export async function freePlacesOf(
  tx: Queries,
  tenantId: TenantId,
  userId: UserId,
  ids: readonly ChallengeId[],
): Promise<void> {
  if (ids.length > 0) await run(tx, freePlaces, { tenantId, userId, ids })
}

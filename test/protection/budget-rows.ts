// The rows of the push budgets, for tests of their contents.

import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Stores, TestUser } from '../support/stores.ts'

/** Another challenge of the budget, from before. */
export const otherChallenge = 'chl_other' as ChallengeId
const past = new Date('2020-01-01T00:00:00Z')
const future = new Date('2100-01-01T00:00:00Z')

type BudgetRow = {
  /** The challenges that were pushed, once for each push. */
  readonly pushes: readonly ChallengeId[]
  readonly pending: readonly ChallengeId[]
  readonly unanswered: number
  readonly deniedAt: Date | null
  readonly approvedAt: Date | null
  readonly blockedUntil: Date | null
  readonly revision: number
}

/** The row of the user's budget under this key. */
export async function budgetOf(
  { database }: Stores,
  { tenantId, userId }: TestUser,
  key: string,
): Promise<BudgetRow | undefined> {
  const [row] = await database.query<BudgetRow>(
    'budget_of',
    `select array(select e ->> 'c' from jsonb_array_elements(pushes) e) as pushes,
       array(select jsonb_object_keys(pending)) as pending, unanswered, denied_at as "deniedAt",
       approved_at as "approvedAt", blocked_until as "blockedUntil", revision
     from initiators where tenant_id = $1 and user_id = $2 and key = $3`,
    [tenantId, userId, key],
  )
  return row
}

/**
 * Such a row after many other changes: pushes and pending entries of another challenge and of this
 * one, and every time set.
 */
export async function fillBudget(
  { database }: Stores,
  { tenantId, userId }: TestUser,
  key: string,
  id: ChallengeId | null = null,
): Promise<void> {
  const ids = id === null ? [otherChallenge] : [otherChallenge, id, otherChallenge]
  await database.query(
    'fill_budget',
    `insert into initiators (tenant_id, user_id, key, pushes, pending, unanswered, denied_at,
       approved_at, blocked_until, revision)
     values ($1, $2, $3, $4, $5, 3, $6, $6, $7, 7)
     on conflict (tenant_id, user_id, key) do update set pushes = excluded.pushes,
       pending = excluded.pending, unanswered = 3, denied_at = $6, approved_at = $6,
       blocked_until = $7, revision = 7`,
    [
      ...[tenantId, userId, key],
      JSON.stringify(ids.map((c, t) => ({ c, t }))),
      JSON.stringify(Object.fromEntries(ids.map((c) => [c, 1]))),
      ...[past, future],
    ],
  )
}

/** What `fillBudget` leaves, except for these. */
export const filledBudget = (more: Partial<BudgetRow> = {}): BudgetRow => ({
  pushes: [otherChallenge],
  pending: [otherChallenge],
  unanswered: 3,
  deniedAt: past,
  approvedAt: past,
  blockedUntil: future,
  revision: 7,
  ...more,
})

/** A new row, except for these. */
export const newBudget = (more: Partial<BudgetRow> = {}): BudgetRow => ({
  pushes: [],
  pending: [],
  unanswered: 0,
  deniedAt: null,
  approvedAt: null,
  blockedUntil: null,
  revision: 1,
  ...more,
})

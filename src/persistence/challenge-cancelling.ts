import type { ChallengeId, TenantId, UserId } from '../domain/ids.ts'
import type { Queries } from './database.ts'

// In the order of ids, as everybody who locks several challenges takes them.
const cancelPendingOfUser = `
  with k as materialized (
    select c.id from challenges c
    where c.tenant_id = $1 and c.user_id = $2 and c.status = 'pending'
    order by c.id for no key update
  )
  update challenges c set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
  from k where c.tenant_id = $1 and c.id = k.id
  returning c.id`

const freeBudgets = `
  update initiators set pending = '{}', revision = revision + 1
  where tenant_id = $1 and user_id = $2 and pending <> '{}'`

/**
 * Cancels everything that a user is asked. Inside a transaction that has changed the user's protection already: from then on
 * nothing new is created on the old terms, and what was created before is seen.
 */
export async function cancelPending(
  tx: Queries,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const cancelled = await tx.query<{ id: ChallengeId }>('cancel_pending', cancelPendingOfUser, [
    tenantId,
    userId,
  ])
  await tx.query('free_budgets', freeBudgets, [tenantId, userId])
  return cancelled.map(({ id }) => id)
}

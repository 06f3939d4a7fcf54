// Ending what a user is asked, on account of a report, of a suspension, or because no device is left to answer.

import { activity } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Queries } from './database.ts'
import { isPending } from './rows.ts'

// In the order of ids, as everybody who locks several challenges takes them.
const cancelPendingOfUser = `
  with k as materialized (
    select c.id from challenges c
    where c.tenant_id = $1 and c.user_id = $2 and ${isPending('c')}
    order by c.id for no key update
  )
  update challenges c set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
  from k where c.tenant_id = $1 and c.id = k.id
  returning c.id, (
    select coalesce(json_agg(distinct o.device_id), '[]') from deliveries o
    where o.tenant_id = c.tenant_id and o.challenge_id = c.id and o.kind = 'challenge_opened'
      and o.status in ('queued', 'sent')) as told`

const endOrphaned = `
  with k as materialized (
    select c.id, c.expires_at from challenges c
    where c.tenant_id = $1 and c.user_id = $2 and ${isPending('c')} and not exists (
      select from challenge_targets t join devices v
        on v.tenant_id = t.tenant_id and v.id = t.device_id and v.status = 'active'
      where t.tenant_id = c.tenant_id and t.challenge_id = c.id)
    order by c.id for no key update
  )
  update challenges c set status = 'denied', reason = 'no_device_left', number_sealed = null,
    decided_at = clock_timestamp()
  from k where c.tenant_id = $1 and c.id = k.id and k.expires_at > clock_timestamp()
  returning c.id`

const freePlaces = `
  update initiators i set pending = i.pending - $3::text[], revision = i.revision + 1
  where i.tenant_id = $1 and i.user_id = $2 and i.pending ?| $3::text[]`

// Nobody holds them: the sweep sends them within half a second.
const owe = `
  insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at)
  select $1, x.id, 'challenge_closed', x.challenge_id, x.device_id, 'queued', 0, clock_timestamp()
  from unnest($2::text[], $3::text[], $4::text[]) as x(id, challenge_id, device_id)`

type Cancelled = { readonly id: ChallengeId; readonly told: readonly DeviceId[] }

/** Gives their places back to the budgets that hold them; after the challenges are locked, as everybody does. */
async function freePlacesOf(
  tx: Queries,
  tenantId: TenantId,
  userId: UserId,
  ids: readonly ChallengeId[],
): Promise<void> {
  if (ids.length > 0) await tx.query('free_places', freePlaces, [tenantId, userId, ids])
}

/** Ends the user's pending challenges that have no active device left, inside a transaction that holds the user's row. */
export async function endOrphanedChallenges(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const ended = await tx.query<{ id: ChallengeId }>('end_orphaned', endOrphaned, [tenantId, userId])
  const ids = ended.map(({ id }) => id)
  await freePlacesOf(tx, tenantId, userId, ids)
  const details = { reason: 'no_device_left' }
  const denied = ids.map((challengeId) =>
    activity({ userId, type: 'challenge_denied', actor: 'service', challengeId, details }),
  )
  await recordActivities(tx, random, tenantId, denied)
  return ids
}

/**
 * Cancels everything that a user is asked, frees the places, tells the user, and owes "Already answered" to the devices that were
 * pushed. Inside a transaction that has changed the user's protection already: from then on nothing new is created on the old
 * terms, and what was created before is seen.
 */
export async function cancelPending(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const who = [tenantId, userId]
  const cancelled = await tx.query<Cancelled>('cancel_pending', cancelPendingOfUser, who)
  if (cancelled.length === 0) return []
  const ids = cancelled.map(({ id }) => id)
  await freePlacesOf(tx, tenantId, userId, ids)
  const owed = cancelled.flatMap(({ id, told }) => told.map((device) => ({ id, device })))
  await tx.query('owe_closing', owe, [
    tenantId,
    owed.map(() => random.id('delivery')),
    owed.map(({ id }) => id),
    owed.map(({ device }) => device),
  ])
  await recordActivities(
    tx,
    random,
    tenantId,
    ids.map((challengeId) =>
      activity({ userId, type: 'challenge_cancelled', actor: 'service', challengeId }),
    ),
  )
  return ids
}

// Ending a user's pending challenges because of a report, of a suspension, or because no device is
// left to answer.

import { activity } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Queries } from './database.ts'
import { isPending } from './rows.ts'

// In the order of ids, as every statement that locks several challenges takes them.
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
      and o.status in ('queued', 'sent')) as pushed_devices`

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

// Nobody leases them: the sweep sends them within half a second.
const enqueueClosings = `
  insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at)
  select $1, x.id, 'challenge_closed', x.challenge_id, x.device_id, 'queued', 0, clock_timestamp()
  from unnest($2::text[], $3::text[], $4::text[]) as x(id, challenge_id, device_id)`

type CancelledRow = {
  readonly id: ChallengeId
  readonly pushed_devices: readonly DeviceId[]
}

/**
 * Gives their places back to the budgets that count them; after the challenges are locked, as
 * everywhere.
 */
async function freePlacesOf(
  tx: Queries,
  tenantId: TenantId,
  userId: UserId,
  ids: readonly ChallengeId[],
): Promise<void> {
  if (ids.length > 0) await tx.query('free_places', freePlaces, [tenantId, userId, ids])
}

/**
 * Ends the user's pending challenges that have no active device left, inside a transaction that has
 * locked the user's row.
 */
export async function endOrphanedChallenges(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const endedRows = await tx.query<{ id: ChallengeId }>('end_orphaned', endOrphaned, [
    tenantId,
    userId,
  ])
  const ids = endedRows.map(({ id }) => id)
  await freePlacesOf(tx, tenantId, userId, ids)
  const details = { reason: 'no_device_left' }
  const denials = ids.map((challengeId) =>
    activity({ userId, type: 'challenge_denied', actor: 'service', challengeId, details }),
  )
  await recordActivities(tx, random, tenantId, denials)
  return ids
}

/**
 * Cancels all pending challenges of a user, frees their places, notifies the user, and queues
 * "Already answered" for the devices that were pushed. Inside a transaction that has changed the
 * user's protection already: from then on no challenge is created under the old protection, and
 * those created before are seen.
 */
export async function cancelPending(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const who = [tenantId, userId]
  const challenges = await tx.query<CancelledRow>('cancel_pending', cancelPendingOfUser, who)
  if (challenges.length === 0) return []
  const ids = challenges.map(({ id }) => id)
  await freePlacesOf(tx, tenantId, userId, ids)
  const closings = challenges.flatMap(({ id, pushed_devices: devices }) =>
    devices.map((device) => ({ id, device })),
  )
  await tx.query('owe_closing', enqueueClosings, [
    tenantId,
    closings.map(() => random.id('delivery')),
    closings.map(({ id }) => id),
    closings.map(({ device }) => device),
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

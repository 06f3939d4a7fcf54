// Ending a user's pending challenges because of a report, of a suspension, or because no device is
// left to answer.

import { activity } from '../domain/activity.ts'
import type { ChallengeId, DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { freePlacesOf } from '../protection/push-budgets.sql.ts'
import { isPending } from './challenge.rows.ts'

type UserParams = { readonly tenantId: TenantId; readonly userId: UserId }

/**
 * The devices that were pushed about the challenge under this alias, as a JSON list: their prompts
 * are to be replaced when it ends.
 */
export const pushedDevices = (c: string) => `
  (select coalesce(json_agg(distinct o.device_id), '[]') from deliveries o
    where o.tenant_id = ${c}.tenant_id and o.challenge_id = ${c}.id
      and o.kind = 'challenge_opened' and o.status in ('queued', 'sent'))`

// In the order of ids, as every statement that locks several challenges takes them.
const cancelPendingOfUser = statement<UserParams, EndedPrompts>(
  'cancel_pending',
  `with k as materialized (
    select c.id from challenges c
    where c.tenant_id = :tenantId and c.user_id = :userId and ${isPending('c')}
    order by c.id for no key update
  )
  update challenges c set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
  from k where c.tenant_id = :tenantId and c.id = k.id
  returning c.tenant_id, c.id, ${pushedDevices('c')} as pushed_devices`,
)

const endOrphaned = statement<UserParams, { readonly id: ChallengeId }>(
  'end_orphaned',
  `with k as materialized (
    select c.id, c.expires_at from challenges c
    where c.tenant_id = :tenantId and c.user_id = :userId and ${isPending('c')} and not exists (
      select from challenge_targets t join devices v
        on v.tenant_id = t.tenant_id and v.id = t.device_id and v.status = 'active'
      where t.tenant_id = c.tenant_id and t.challenge_id = c.id)
    order by c.id for no key update
  )
  update challenges c set status = 'denied', reason = 'no_device_left', number_sealed = null,
    decided_at = clock_timestamp()
  from k where c.tenant_id = :tenantId and c.id = k.id and k.expires_at > clock_timestamp()
  returning c.id`,
)

// Nobody leases them: the sweep sends them within half a second.
const insertClosings = statement<{
  readonly tenantIds: readonly TenantId[]
  readonly ids: readonly DeliveryId[]
  readonly challengeIds: readonly ChallengeId[]
  readonly deviceIds: readonly DeviceId[]
}>(
  'enqueue_closings',
  `insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, attempts, due_at)
  select x.tenant_id, x.id, 'challenge_closed', x.challenge_id, x.device_id, 'queued', 0,
    clock_timestamp()
  from unnest(:tenantIds::text[], :ids::text[], :challengeIds::text[], :deviceIds::text[])
    as x(tenant_id, id, challenge_id, device_id)`,
)

/** A challenge that has just ended, and the devices whose prompts are to be replaced. */
export type EndedPrompts = {
  readonly tenantId: TenantId
  readonly id: ChallengeId
  readonly pushedDevices: readonly DeviceId[]
}

/** Queues the quiet push that replaces the prompts, inside the transaction that ended them. */
export async function enqueueClosings(
  tx: Queries,
  random: Pick<Random, 'id'>,
  challenges: readonly EndedPrompts[],
): Promise<void> {
  const closings = challenges.flatMap(({ tenantId, id, pushedDevices: devices }) =>
    devices.map((device) => ({ tenantId, id, device })),
  )
  if (closings.length === 0) return
  await run(tx, insertClosings, {
    tenantIds: closings.map(({ tenantId }) => tenantId),
    ids: closings.map(() => random.id('delivery')),
    challengeIds: closings.map(({ id }) => id),
    deviceIds: closings.map(({ device }) => device),
  })
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
  const endedRows = await run(tx, endOrphaned, { tenantId, userId })
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
 * Cancels all pending challenges of a user, frees their places, notifies the user, and replaces
 * the prompts on devices that were pushed. Inside a transaction that has changed the
 * user's protection already: from then on no challenge is created under the old protection, and
 * those created before are seen.
 */
export async function cancelPending(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<ChallengeId[]> {
  const challenges = await run(tx, cancelPendingOfUser, { tenantId, userId })
  if (challenges.length === 0) return []
  const ids = challenges.map(({ id }) => id)
  await freePlacesOf(tx, tenantId, userId, ids)
  await enqueueClosings(tx, random, challenges)
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

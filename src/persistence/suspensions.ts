import { activity } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, EnrollmentId } from '../domain/ids.ts'
import type {
  DeviceSuspension,
  SuspensionStore,
  UserSuspension,
} from '../ports/suspension-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import { cancelPending, endOrphanedChallenges } from './challenge-cancelling.ts'
import type { Database, Queries } from './database.ts'
import { endEnrollmentsOf, lockUserRow, unregisterDevices } from './devices.ts'

// Locked first, so that the time written down is the time from which no answer commits. A device takes its companions along,
// with the same time: those come back with it, and none that was suspended by itself.
const suspendDevice = `
  with k as materialized (
    select d.id from devices d
    where d.tenant_id = $1 and d.user_id = $2 and (d.id = $3 or d.parent_device_id = $3)
      and d.status = 'active'
    order by d.id for no key update
  ), t as materialized (
    select clock_timestamp() as at from (select count(*) from k) held
    where exists (select from k where k.id = $3)
  )
  update devices d set status = 'suspended', suspended_at = t.at
  from k, t where d.tenant_id = $1 and d.id = k.id
  returning d.id, d.name, t.at`

const activateDevice = `
  with k as materialized (
    select d.id, d.suspended_at as since from devices d
    where d.tenant_id = $1 and d.user_id = $2 and d.id = $3 and d.status = 'suspended'
    for no key update
  )
  update devices d set status = 'active', suspended_at = null
  from k where d.tenant_id = $1 and d.user_id = $2 and d.status = 'suspended'
    and (d.id = k.id or d.parent_device_id = k.id and d.suspended_at = k.since)
  returning d.id, d.name, clock_timestamp() as at`

// Locked first, so that the time written down is the time from which no approval commits; the next revision makes every answer
// and creation that was decided before decide again.
const suspendUser = `
  with k as materialized (
    select p.user_id from user_protections p
    where p.tenant_id = $1 and p.user_id = $2 and p.suspended_at is null
    for no key update
  )
  update user_protections p set suspended_at = clock_timestamp(), revision = p.revision + 1
  from k where p.tenant_id = $1 and p.user_id = k.user_id
  returning p.suspended_at as at`

const activateUser = `
  update user_protections set suspended_at = null, revision = revision + 1
  where tenant_id = $1 and user_id = $2 and suspended_at is not null
  returning clock_timestamp() as at`

// By id, as whoever guesses at several takes them.
const voidEnrollments = `
  with k as materialized (
    select e.id from enrollments e
    where e.tenant_id = $1 and e.user_id = $2 and e.status in ('open', 'claimed')
    order by e.id for no key update
  )
  update enrollments e set status = 'void', reason = 'user_suspended', number_sealed = null,
    ended_at = clock_timestamp()
  from k where e.tenant_id = $1 and e.id = k.id
  returning e.id, e.device_id as "deviceId"`

const endPortalSessions = `
  update portal_sessions set ended_at = clock_timestamp()
  where tenant_id = $1 and user_id = $2 and ended_at is null`

/** Ends what a user who was suspended a moment ago has under way; statements of their own, because only these see what waited. */
async function endUnderWay(tx: Queries, random: Pick<Random, 'id'>, command: UserSuspension) {
  const { tenantId, userId } = command
  const who = [tenantId, userId]
  const ended = await tx.query<{ id: EnrollmentId; deviceId: DeviceId | null }>(
    'void_enrollments_of_user',
    voidEnrollments,
    who,
  )
  const deviceIds = ended.flatMap(({ deviceId }) => deviceId ?? [])
  const orphaned: readonly ChallengeId[] =
    deviceIds.length === 0
      ? []
      : (await unregisterDevices(tx, random, { ...command, deviceIds, reason: 'not_confirmed' }))
          .endedChallenges
  const cancelled = await cancelPending(tx, random, tenantId, userId)
  await tx.query('end_portal_sessions', endPortalSessions, who)
  return {
    endedChallenges: [...orphaned, ...cancelled],
    endedEnrollments: ended.map(({ id }) => id),
  }
}

/** Suspending and going on. */
export function createSuspensionStore(
  database: Database,
  random: Pick<Random, 'id'>,
): SuspensionStore {
  /** Runs one of the statements while the user's row is held, and records it. */
  async function change(
    tx: Queries,
    type: 'device_suspended' | 'device_activated',
    { tenantId, userId, deviceId, actor }: DeviceSuspension,
  ) {
    await lockUserRow(tx, tenantId, userId)
    const text = type === 'device_suspended' ? suspendDevice : activateDevice
    type Row = { id: DeviceId; name: string; at: Date }
    const changed = await tx.query<Row>(type, text, [tenantId, userId, deviceId])
    const at = changed.find(({ id }) => id === deviceId)?.at
    if (!at) return null
    await recordActivities(
      tx,
      random,
      tenantId,
      changed.map(({ id, name }) =>
        activity({ userId, type, actor, deviceId: id, details: { name } }),
      ),
    )
    return { at, deviceIds: changed.map(({ id }) => id) }
  }

  return {
    suspendDevice: (command) =>
      database.transaction(async (tx) => {
        const suspended = await change(tx, 'device_suspended', command)
        if (!suspended) return null
        const { tenantId, userId } = command
        const { deviceIds } = suspended
        const ended = { tenantId, userId, deviceIds, reason: 'device_suspended' } as const
        const claimed = await endEnrollmentsOf(tx, ended)
        if (claimed.length > 0) {
          const about = { ...command, deviceIds: claimed, reason: 'not_confirmed' } as const
          await unregisterDevices(tx, random, about)
        }
        const endedChallenges = await endOrphanedChallenges(tx, random, tenantId, userId)
        return { at: suspended.at, endedChallenges }
      }),

    suspendUser: (command) =>
      database.transaction(async (tx) => {
        const { tenantId, userId, actor } = command
        await lockUserRow(tx, tenantId, userId)
        const who = [tenantId, userId]
        const [suspended] = await tx.query<{ at: Date }>('suspend_user', suspendUser, who)
        if (!suspended) return null
        const ended = await endUnderWay(tx, random, command)
        const details = { cancelled: ended.endedChallenges.length }
        const event = activity({ userId, type: 'user_suspended', actor, details })
        await recordActivities(tx, random, tenantId, [event])
        return { ...suspended, ...ended }
      }),

    activateUser: ({ tenantId, userId, actor }) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        const who = [tenantId, userId]
        const [activated] = await tx.query<{ at: Date }>('activate_user', activateUser, who)
        if (!activated) return null
        const event = activity({ userId, type: 'user_activated', actor })
        await recordActivities(tx, random, tenantId, [event])
        return activated
      }),

    activateDevice: (command) =>
      database.transaction((tx) => change(tx, 'device_activated', command)),
  }
}

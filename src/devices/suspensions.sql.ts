import { cancelPending, endOrphanedChallenges } from '../challenges/challenge-cancellation.sql.ts'
import { activity } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, EnrollmentId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { endEnrollmentsOf, endSessionsOf, unregisterDevices } from './device-unregistration.sql.ts'
import { lockUserRow } from './devices.sql.ts'
import type {
  DeviceSuspension,
  SuspensionEffects,
  SuspensionStore,
  UserSuspension,
} from './suspension.store.ts'

type ByUser = Pick<UserSuspension, 'tenantId' | 'userId'>
type ByDevice = Pick<DeviceSuspension, 'tenantId' | 'userId' | 'deviceId'>
type ChangedDeviceRow = { readonly id: DeviceId; readonly name: string; readonly at: Date }
type TimeRow = { readonly at: Date }

// Locked first, so that the recorded time is the time from which no answer commits. A device
// suspends its companions with it, with the same time: those are activated with it, and none that
// was suspended by itself.
const suspendDevice = statement<ByDevice, ChangedDeviceRow>(
  'device_suspended',
  `with k as materialized (
     select d.id from devices d
     where d.tenant_id = :tenantId and d.user_id = :userId
       and (d.id = :deviceId or d.parent_device_id = :deviceId) and d.status = 'active'
     order by d.id for no key update
   ), t as materialized (
     select clock_timestamp() as at from (select count(*) from k) locked_rows
     where exists (select from k where k.id = :deviceId)
   )
   update devices d set status = 'suspended', suspended_at = t.at
   from k, t where d.tenant_id = :tenantId and d.id = k.id
   returning d.id, d.name, t.at`,
)

const activateDevice = statement<ByDevice, ChangedDeviceRow>(
  'device_activated',
  `with k as materialized (
     select d.id, d.suspended_at as since from devices d
     where d.tenant_id = :tenantId and d.user_id = :userId and d.id = :deviceId
       and d.status = 'suspended'
     for no key update
   )
   update devices d set status = 'active', suspended_at = null
   from k where d.tenant_id = :tenantId and d.user_id = :userId and d.status = 'suspended'
     and (d.id = k.id or d.parent_device_id = k.id and d.suspended_at = k.since)
   returning d.id, d.name, clock_timestamp() as at`,
)

// Locked first, so that the recorded time is the time from which no approval commits; the next
// revision makes every answer and creation that was decided before decide again.
const suspendUser = statement<ByUser, TimeRow>(
  'suspend_user',
  `with k as materialized (
     select p.user_id from user_protections p
     where p.tenant_id = :tenantId and p.user_id = :userId and p.suspended_at is null
     for no key update
   )
   update user_protections p set suspended_at = clock_timestamp(), revision = p.revision + 1
   from k where p.tenant_id = :tenantId and p.user_id = k.user_id
   returning p.suspended_at as at`,
)

const activateUser = statement<ByUser, TimeRow>(
  'activate_user',
  `update user_protections set suspended_at = null, revision = revision + 1
   where tenant_id = :tenantId and user_id = :userId and suspended_at is not null
   returning clock_timestamp() as at`,
)

// By id, as guesses at several lock them.
const voidEnrollments = statement<
  ByUser,
  { readonly id: EnrollmentId; readonly deviceId: DeviceId | null }
>(
  'void_enrollments_of_user',
  `with k as materialized (
     select e.id from enrollments e
     where e.tenant_id = :tenantId and e.user_id = :userId and e.status in ('open', 'claimed')
     order by e.id for no key update
   )
   update enrollments e set status = 'void', reason = 'user_suspended', number_sealed = null,
     ended_at = clock_timestamp()
   from k where e.tenant_id = :tenantId and e.id = k.id
   returning e.id, e.device_id`,
)

const endPortalSessions = statement<ByUser>(
  'end_portal_sessions',
  `update portal_sessions set ended_at = clock_timestamp()
   where tenant_id = :tenantId and user_id = :userId and ended_at is null`,
)

/**
 * Ends what a just suspended user has under way; in separate statements, because only these see
 * rows that were waited for.
 */
async function endUnderWay(tx: Queries, random: Pick<Random, 'id'>, command: UserSuspension) {
  const { tenantId, userId } = command
  const voidRows = await run(tx, voidEnrollments, { tenantId, userId })
  const deviceIds = voidRows.flatMap(({ deviceId }) => deviceId ?? [])
  const orphanedChallenges: readonly ChallengeId[] =
    deviceIds.length === 0
      ? []
      : (await unregisterDevices(tx, random, { ...command, deviceIds, reason: 'not_confirmed' }))
          .endedChallenges
  const cancelledChallenges = await cancelPending(tx, random, tenantId, userId)
  await run(tx, endPortalSessions, { tenantId, userId })
  return {
    endedChallenges: [...orphanedChallenges, ...cancelledChallenges],
    endedEnrollments: voidRows.map(({ id }) => id),
  }
}

/** Runs one of the statements while the user's row is locked, and records it. */
async function change(
  tx: Queries,
  random: Pick<Random, 'id'>,
  type: 'device_suspended' | 'device_activated',
  { tenantId, userId, deviceId, actor }: DeviceSuspension,
) {
  const changeStatement = type === 'device_suspended' ? suspendDevice : activateDevice
  const changedRows = await run(tx, changeStatement, { tenantId, userId, deviceId })
  const at = changedRows.find(({ id }) => id === deviceId)?.at
  if (!at) return null
  await recordActivities(
    tx,
    random,
    tenantId,
    changedRows.map(({ id, name }) =>
      activity({ userId, type, actor, deviceId: id, details: { name } }),
    ),
  )
  return { at, deviceIds: changedRows.map(({ id }) => id) }
}

/** The suspension itself, inside a transaction that has locked the user's row. */
export async function suspendDeviceOf(
  tx: Queries,
  random: Pick<Random, 'id'>,
  command: DeviceSuspension,
): Promise<SuspensionEffects | null> {
  const suspension = await change(tx, random, 'device_suspended', command)
  if (!suspension) return null
  const { tenantId, userId } = command
  const { deviceIds } = suspension
  await endSessionsOf(tx, { ...command, deviceIds })
  const enrollmentsToEnd = { tenantId, userId, deviceIds, reason: 'device_suspended' } as const
  const claimedDeviceIds = await endEnrollmentsOf(tx, enrollmentsToEnd)
  if (claimedDeviceIds.length > 0) {
    const about = { ...command, deviceIds: claimedDeviceIds, reason: 'not_confirmed' } as const
    await unregisterDevices(tx, random, about)
  }
  const endedChallenges = await endOrphanedChallenges(tx, random, tenantId, userId)
  return { at: suspension.at, endedChallenges }
}

/** Suspending and activating. */
export function buildSuspensionStore(
  database: Database,
  random: Pick<Random, 'id'>,
): SuspensionStore {
  return {
    suspendDevice: (command) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, command.tenantId, command.userId)
        return suspendDeviceOf(tx, random, command)
      }),

    suspendUser: (command) =>
      database.transaction(async (tx) => {
        const { tenantId, userId, actor } = command
        await lockUserRow(tx, tenantId, userId)
        const [suspension] = await run(tx, suspendUser, { tenantId, userId })
        if (!suspension) return null
        const endings = await endUnderWay(tx, random, command)
        const details = { cancelled: endings.endedChallenges.length }
        const event = activity({ userId, type: 'user_suspended', actor, details })
        await recordActivities(tx, random, tenantId, [event])
        return { ...suspension, ...endings }
      }),

    activateUser: ({ tenantId, userId, actor }) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        const [activation] = await run(tx, activateUser, { tenantId, userId })
        if (!activation) return null
        const event = activity({ userId, type: 'user_activated', actor })
        await recordActivities(tx, random, tenantId, [event])
        return activation
      }),

    activateDevice: (command) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, command.tenantId, command.userId)
        return change(tx, random, 'device_activated', command)
      }),
  }
}

import { activity } from '../domain/activity.ts'
import type { DeviceSuspension, SuspensionStore } from '../ports/suspension-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database, Queries } from './database.ts'
import {
  endEnrolmentsOf,
  endOrphanedChallenges,
  lockUserRow,
  unregisterDevices,
} from './devices.ts'

// Locked first, so that the time written down is the time from which no answer commits.
const suspendDevice = `
  with k as materialized (
    select d.id from devices d
    where d.tenant_id = $1 and d.user_id = $2 and d.id = $3 and d.status = 'active'
    for no key update
  )
  update devices d set status = 'suspended', suspended_at = clock_timestamp()
  from k where d.tenant_id = $1 and d.id = k.id
  returning d.name, d.suspended_at as at`

const activateDevice = `
  update devices d set status = 'active', suspended_at = null
  where d.tenant_id = $1 and d.user_id = $2 and d.id = $3 and d.status = 'suspended'
  returning d.name, clock_timestamp() as at`

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
    const [row] = await tx.query<{ name: string; at: Date }>(type, text, [
      tenantId,
      userId,
      deviceId,
    ])
    if (!row) return null
    const { name, at } = row
    await recordActivities(tx, random, tenantId, [
      activity({ userId, type, actor, deviceId, details: { name } }),
    ])
    return { at }
  }

  return {
    suspendDevice: (command) =>
      database.transaction(async (tx) => {
        const suspended = await change(tx, 'device_suspended', command)
        if (!suspended) return null
        const { tenantId, userId } = command
        const ended = { tenantId, userId, deviceIds: [command.deviceId] } as const
        const claimed = await endEnrolmentsOf(tx, { ...ended, reason: 'device_suspended' })
        if (claimed.length > 0) {
          const about = { ...command, deviceIds: claimed, reason: 'not_confirmed' } as const
          await unregisterDevices(tx, random, about)
        }
        const endedChallenges = await endOrphanedChallenges(tx, random, tenantId, userId)
        return { ...suspended, endedChallenges }
      }),

    activateDevice: (command) =>
      database.transaction((tx) => change(tx, 'device_activated', command)),
  }
}

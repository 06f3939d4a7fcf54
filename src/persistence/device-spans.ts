import type { DeviceId, UserId } from '../domain/ids.ts'
import type { DeviceSpanStore } from '../ports/device-span-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database } from './database.ts'

const liveInSpan = `
  select d.id, d.user_id as "userId" from devices d
  where d.tenant_id = $1 and d.created_at >= $2 and d.created_at < $3 and d.status <> 'unregistered'
  order by d.created_at, d.id limit $4`

/** Devices by the time of their registration. */
export function buildDeviceSpanStore(
  database: Database,
  random: Pick<Random, 'id'>,
): DeviceSpanStore {
  return {
    take: (tenantId, { from, to }, limit, event) =>
      database.transaction(async (tx) => {
        await recordAudit(tx, random, tenantId, event)
        type Row = { id: DeviceId; userId: UserId }
        return tx.query<Row>('live_devices_in_span', liveInSpan, [tenantId, from, to, limit])
      }),
  }
}

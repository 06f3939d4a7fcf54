import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { DeviceSpanStore, Span } from './device-span.store.ts'

const liveInSpan = statement<
  Span & { readonly tenantId: TenantId; readonly limit: number },
  { readonly id: DeviceId; readonly userId: UserId }
>(
  'live_devices_in_span',
  `select d.id, d.user_id from devices d
  where d.tenant_id = :tenantId and d.created_at >= :from and d.created_at < :to
    and d.status <> 'unregistered'
  order by d.created_at, d.id limit :limit`,
)

/** Devices by the time of their registration. */
export function buildDeviceSpanStore(
  database: Database,
  random: Pick<Random, 'id'>,
): DeviceSpanStore {
  return {
    take: (tenantId, { from, to }, limit, event) =>
      database.transaction(async (tx) => {
        await recordAudit(tx, random, tenantId, event)
        return run(tx, liveInSpan, { tenantId, from, to, limit })
      }),
  }
}

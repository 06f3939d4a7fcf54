import type { DeviceId, TenantId } from '../../domain/ids.ts'
import type { PushFacts } from '../../domain/push-advice.ts'

/** What was pushed to a device, as far as the database knows. */
export type PushHistory = Pick<PushFacts, 'tokenSetAt' | 'now' | 'pushes'>

/** The last pushes of devices, read off every hot path. */
export interface PushHistoryStore {
  /**
   * The last `limit` pushes to a device, newest first, by one statement that reads no others; null
   * when the tenant has no such device.
   */
  find(tenantId: TenantId, deviceId: DeviceId, limit: number): Promise<PushHistory | null>
}

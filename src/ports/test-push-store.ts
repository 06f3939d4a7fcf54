import type { NewActivity } from '../domain/activity.ts'
import type { DeliveryId, DeviceId, TenantId } from '../domain/ids.ts'
import type { DuePush } from './challenge-store.ts'
import type { DeliveryStatus } from './push.ts'

/** A test push and what became of it. */
export type TestPush = {
  readonly id: DeliveryId
  readonly deviceId: DeviceId
  readonly status: DeliveryStatus
  /** Why it failed or was suppressed, in the provider's words or ours. */
  readonly reason: string | null
  readonly attempts: number
  readonly createdAt: Date
  readonly settledAt: Date | null
}

/** Harmless pushes that admins ask for, to see whether a device can be reached. */
export interface TestPushStore {
  /**
   * Owes a test push to an active device with a push token and records it, if the last one is long enough ago: judged by the
   * update that takes the turn, so that of any number at once one is owed. Null otherwise.
   */
  owe(command: {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
    readonly id: DeliveryId
    readonly gapSeconds: number
    readonly activity: NewActivity
    readonly leasedBy: string
  }): Promise<readonly DuePush[] | null>
  /** The last test push of a device; null when there was none. */
  findLast(tenantId: TenantId, deviceId: DeviceId): Promise<TestPush | null>
}

import type { NewActivity } from '../domain/activity.ts'
import type { DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
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

/**
 * A test push that is owed, or why none is: too many of late, or device or protection are not what they were when it was decided;
 * then read and decide again.
 */
export type Owed =
  | { readonly kind: 'owed'; readonly pushes: readonly DuePush[] }
  | { readonly kind: 'too_soon'; readonly retryAfterSeconds: number }
  | { readonly kind: 'changed' }

/** Harmless pushes that admins ask for, to see whether a device can be reached. */
export interface TestPushStore {
  /**
   * Owes a test push to an active device with a push token and records it, if the last one is `gapSeconds` ago, fewer than
   * `perHourMax` went within the hour, and the user's protection is of the revision that was judged: decided by the update that
   * takes the turn, so that of any number at once one is owed.
   */
  owe(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly deviceId: DeviceId
    readonly id: DeliveryId
    readonly protectionRevision: number
    readonly gapSeconds: number
    readonly perHourMax: number
    readonly activity: NewActivity
    readonly leasedBy: string
  }): Promise<Owed>
  /** The last test push of a device; null when there was none. */
  findLast(tenantId: TenantId, deviceId: DeviceId): Promise<TestPush | null>
}

import type { ProofFault, ProofToSpend } from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { DeliveryStatus } from '../domain/push.ts'
import type { DuePush } from './due-push.store.ts'

/** A test push and its outcome. */
export type TestPush = {
  readonly id: DeliveryId
  readonly deviceId: DeviceId
  readonly status: DeliveryStatus
  /** Why it failed or was suppressed, as reported by the provider or by us. */
  readonly reason: string | null
  readonly attempts: number
  readonly createdAt: Date
  readonly settledAt: Date | null
}

/** A test push to be queued, and what its decision was based on. */
export type NewTestPush = {
  readonly tenantId: TenantId
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly id: DeliveryId
  readonly protectionRevision: number
  readonly gapSeconds: number
  readonly perHourMax: number
  readonly activity: NewActivity
  readonly leasedBy: string
}

/**
 * A queued test push, or why there is none: too many lately, or device or protection have changed
 * since the decision; then read and decide again.
 */
export type TestPushOutcome =
  | { readonly kind: 'owed'; readonly pushes: readonly DuePush[] }
  | { readonly kind: 'too_soon'; readonly retryAfterSeconds: number }
  | { readonly kind: 'changed' }

/** Harmless pushes that admins and users request, to see whether a device can be reached. */
export interface TestPushStore {
  /**
   * Queues a test push to an active device with a push token and records it, if the last one is
   * `gapSeconds` ago, fewer than `perHourMax` were sent within the hour, and the user's protection
   * still has the checked revision: decided by the update that takes the slot, so that of any
   * number of concurrent calls one succeeds.
   */
  enqueue(push: NewTestPush): Promise<TestPushOutcome>
  /** The same at a device's own request: its proof is spent, whatever the outcome is. */
  enqueueWithProof(push: NewTestPush, proof: ProofToSpend): Promise<TestPushOutcome | ProofFault>
  /**
   * Records that a test push arrived; the first receipt counts. Null when it was not to this
   * device.
   */
  confirm(id: DeliveryId, proof: ProofToSpend): Promise<'done' | ProofFault | null>
  /** The last test push of a device; null when there was none. */
  findLast(tenantId: TenantId, deviceId: DeviceId): Promise<TestPush | null>
}

import type { SealedAddress } from '../devices/device.store.ts'
import type { ActivityId, ChallengeId, DeliveryId, DeviceId, TenantId } from '../domain/ids.ts'
import type { PushKind } from '../domain/push.ts'

/** A push that a committed change has queued, ready to be sent. */
export type DuePush = {
  readonly tenantId: TenantId
  readonly id: DeliveryId
  readonly kind: PushKind
  /** The challenge that it is about; null for the other kinds. */
  readonly challengeId: ChallengeId | null
  /** The first question of its chain, whose prompts it replaces. */
  readonly chainId?: ChallengeId | null
  /** The activity that it is about. */
  readonly activityId?: ActivityId | null
  /** How many activities a digest is about. */
  readonly more?: number
  readonly deviceId: DeviceId
  readonly address: SealedAddress
  /** Languages of its person by preference: those of the device, the user and the tenant. */
  readonly languages: readonly string[]
  readonly attempts: number
  /** After this time the push is worthless. */
  readonly expiresAt: Date
}

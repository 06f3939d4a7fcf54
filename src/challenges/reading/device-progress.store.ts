import type { DeviceId } from '../../domain/ids.ts'
import type { DeliveryStatus } from '../../domain/push.ts'

/** One device's part in a challenge, as the relying party sees it. */
export type DeviceProgress = {
  readonly deviceId: DeviceId
  readonly fetchedAt: Date | null
  readonly receivedAt: Date | null
  readonly push: {
    readonly status: DeliveryStatus
    readonly reason: string | null
    readonly attempts: number
    readonly settledAt: Date | null
  } | null
}

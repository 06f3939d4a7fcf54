import type { Actor } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, TenantId, UserId } from '../domain/ids.ts'

export type DeviceSuspension = {
  readonly tenantId: TenantId
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly actor: Actor
}

/** What a suspension brought about, for the signals that follow. */
export type Suspended = {
  /** The database's time from which nothing of it counts. */
  readonly at: Date
  /** Challenges that ended (`no_device_left`) because nobody was left to answer them. */
  readonly endedChallenges: readonly ChallengeId[]
}

/** What stops for a while and can go on: beside unregistering, which is for ever. */
export interface SuspensionStore {
  /**
   * Suspends an active device: locks user, then device, then challenges, so that no answer of it commits after this returns.
   * It keeps keys, push token and its place among the user's devices. Null when it is not active.
   */
  suspendDevice(command: DeviceSuspension): Promise<Suspended | null>
  /** Makes a suspended device active again; null when it is not suspended. */
  activateDevice(command: DeviceSuspension): Promise<{ readonly at: Date } | null>
}

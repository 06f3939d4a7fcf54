import type { Actor } from '../domain/activity.ts'
import type { ChallengeId, DeviceId, EnrollmentId, TenantId, UserId } from '../domain/ids.ts'

export type UserSuspension = {
  readonly tenantId: TenantId
  readonly userId: UserId
  readonly actor: Actor
}

export type DeviceSuspension = UserSuspension & { readonly deviceId: DeviceId }

/** The effects of a suspension, for the signals that follow. */
export type SuspensionEffects = {
  /** The database's time from which the suspension is in force. */
  readonly at: Date
  /** Challenges that ended (`no_device_left`) because no device was left to answer them. */
  readonly endedChallenges: readonly ChallengeId[]
}

/** The effects of the suspension of a user, for the signals that follow. */
export type UserSuspensionEffects = SuspensionEffects & {
  /** Enrollments that are void from now on. */
  readonly endedEnrollments: readonly EnrollmentId[]
}

/** Stops that can be reverted, unlike unregistering, which is permanent. */
export interface SuspensionStore {
  /**
   * Suspends an active device: locks user, then device, then challenges, so that no answer of it
   * commits after this returns. It keeps its keys, push token and place among the user's devices.
   * Null when it is not active.
   */
  suspendDevice(command: DeviceSuspension): Promise<SuspensionEffects | null>
  /** Makes a suspended device active again; null when it is not suspended. */
  activateDevice(command: DeviceSuspension): Promise<{ readonly at: Date } | null>
  /**
   * Suspends a user: locks the protection, then cancels what is pending, so that after this returns
   * no approval commits and no challenge stays pending that was being created concurrently. Open
   * enrollments become void, sessions of the portal end. Devices and factors are kept. Null when
   * there is no such user or it is suspended.
   */
  suspendUser(command: UserSuspension): Promise<UserSuspensionEffects | null>
  /**
   * Reverts the suspension; null when the user is not suspended. Locks that were in force before
   * still are.
   */
  activateUser(command: UserSuspension): Promise<{ readonly at: Date } | null>
}

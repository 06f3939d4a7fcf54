import type { ActivityType, NewActivity } from '../domain/activity.ts'
import type { ActivityId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import type { NewPostedActivity, PostedActivity } from '../domain/posted-activity.ts'
import type { PageRequest } from '../platform/paging.ts'

/** One recorded thing that happened to a user. */
export type Activity = Required<Omit<NewActivity, 'challengeId' | 'deviceId' | 'enrollmentId'>> & {
  readonly id: ActivityId
  readonly challengeId: string | null
  readonly deviceId: string | null
  readonly enrollmentId: string | null
  /** What a relying party posted; null for what the service itself recorded. */
  readonly posted: PostedActivity | null
  readonly occurredAt: Date
}

/**
 * Restricts what a reader sees: a relying party sees what it posted itself and nothing that others
 * posted; the user sees all but the hidden types, and of a sign-in the application (in `details`),
 * as long as the challenge is kept.
 */
export type ActivityView =
  | { readonly rpId: RelyingPartyId | null }
  | { readonly hiddenTypes: readonly ActivityType[] }

export interface ActivityStore {
  find(tenantId: TenantId, id: ActivityId): Promise<Activity | null>
  /**
   * A page of a user's activities, newest first; without a view only those that the service itself
   * recorded.
   */
  list(
    tenantId: TenantId,
    userId: UserId,
    page: PageRequest,
    view?: ActivityView,
  ): Promise<Activity[]>
  /**
   * Records what a relying party posted, once for each idempotency key: when the key was used
   * before, the activity recorded then is returned with the hash of its request. `postHash` is null
   * for a new one. Null when the user was erased meanwhile.
   */
  post(command: {
    readonly tenantId: TenantId
    readonly activity: NewPostedActivity
    readonly idempotencyKey: string | null
    readonly postHash: Uint8Array
  }): Promise<{ readonly activity: Activity; readonly postHash: Uint8Array | null } | null>
}

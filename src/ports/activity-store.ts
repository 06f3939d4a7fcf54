import type { NewActivity } from '../domain/activity.ts'
import type { ActivityId, TenantId, UserId } from '../domain/ids.ts'
import type { PageRequest } from './directory-store.ts'

/** One recorded thing that happened to a user. */
export type Activity = Required<Omit<NewActivity, 'challengeId' | 'deviceId' | 'enrolmentId'>> & {
  readonly id: ActivityId
  readonly challengeId: string | null
  readonly deviceId: string | null
  readonly enrolmentId: string | null
  readonly occurredAt: Date
}

export interface ActivityStore {
  /** A page of a user's activities, newest first. */
  list(tenantId: TenantId, userId: UserId, page: PageRequest): Promise<Activity[]>
}

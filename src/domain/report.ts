import type { ActivityId, ChallengeId, DeviceId, ReportId, TenantId, UserId } from './ids.ts'

/** What an admin concluded about a report. */
export const reportResolutions = ['fraud', 'false_alarm'] as const
export type ReportResolution = (typeof reportResolutions)[number]

export const reportStatuses = ['open', 'resolved'] as const
export type ReportStatus = (typeof reportStatuses)[number]

/** "This wasn't me", about a challenge or an activity: one entry in the queue of admins. */
export type Report = {
  readonly tenantId: TenantId
  readonly id: ReportId
  readonly userId: UserId
  /** The device that reported; null when the user did so in the portal. */
  readonly deviceId: DeviceId | null
  readonly challengeId: ChallengeId | null
  readonly activityId: ActivityId | null
  readonly status: ReportStatus
  readonly resolution: ReportResolution | null
  readonly note: string | null
  readonly resolvedBy: string | null
  readonly createdAt: Date
  readonly resolvedAt: Date | null
}

import type { ProofFault, ProofToSpend } from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { NewAuditEvent } from '../domain/audit.ts'
import type {
  ActivityId,
  ChallengeId,
  DeviceId,
  PortalSessionId,
  ReportId,
  TenantId,
} from '../domain/ids.ts'
import type { Protection } from '../domain/protection.ts'
import type { KnownInitiator } from '../domain/push-budget.ts'
import type { Report, ReportResolution } from '../domain/report.ts'
import type { PageRequest } from '../platform/paging.ts'

/** The reporter: a device with the proof to spend, or the user in the portal. */
export type Reporter =
  | { readonly kind: 'device'; readonly deviceId: DeviceId; readonly proof: ProofToSpend | null }
  | { readonly kind: 'portal'; readonly sessionId: PortalSessionId }

export interface ReportStore {
  find(tenantId: TenantId, id: ReportId): Promise<Report | null>
  /** A page of the tenant's reports, newest first. */
  list(tenantId: TenantId, status: Report['status'] | null, page: PageRequest): Promise<Report[]>
  /** Resolves an open report and records it; null when it is not open. */
  resolve(
    report: {
      readonly tenantId: TenantId
      readonly id: ReportId
      readonly resolution: ReportResolution
      readonly note: string | null
      readonly resolvedBy: string
    },
    audit: NewAuditEvent,
  ): Promise<Report | null>
  /**
   * Reports an activity of the user: saves the next protection if it is unchanged (optimistic
   * lock), blocks the initiator of the challenge that the activity is about, and cancels pending
   * challenges; `changed` when the protection has changed: read and decide again; the
   * proof stays spent. `reporter_gone` when the device or the session is no longer live.
   */
  reportActivity(command: {
    readonly report: Pick<Report, 'tenantId' | 'id' | 'userId'> & {
      readonly activityId: ActivityId
      readonly challengeId: ChallengeId | null
    }
    readonly by: Reporter
    readonly protection: Protection
    /** What becomes of the initiator. */
    readonly initiator: Pick<KnownInitiator, 'approvedAt' | 'blockedUntil'>
    readonly activities: readonly NewActivity[]
  }): Promise<
    | {
        readonly kind: 'reported'
        readonly id: ReportId
        readonly cancelledChallenges: readonly ChallengeId[]
      }
    | { readonly kind: 'reporter_gone' }
    | { readonly kind: 'changed' }
    | { readonly kind: ProofFault }
  >
}

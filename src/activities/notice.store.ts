import type { ProofFault, ProofToSpend } from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { ActivityId, DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { NoticeFacts, NoticeOutcome, NoticePreferences, NoticePush } from '../domain/notice.ts'
import type { DuePush } from '../push/due-push.store.ts'

/** The pending activities of one user, with everything that decides how to notify the user. */
export type PendingNotices = NoticeFacts & { readonly tenantId: TenantId; readonly userId: UserId }

/**
 * The cursor of a scan over waiting activities: the tenant, user and activity that were read last.
 */
export type NoticeCursor = readonly [tenantId: string, userId: string, id: string]
export const firstNoticeCursor: NoticeCursor = ['', '', '']

/** Activities that users are to be notified of by a push, and users' preferences. */
export interface NoticeStore {
  /**
   * Pending activities by user: new ones, the oldest first, or those that wait for a digest and
   * come after `waitingAfter`. `last` is the cursor for the next call; null when there were fewer
   * than `limit`.
   */
  loadPending(query: {
    readonly waitingAfter: NoticeCursor | null
    readonly limit: number
  }): Promise<{ readonly users: PendingNotices[]; readonly last: NoticeCursor | null }>
  /** Records the outcome of pending activities that are not pushed. */
  settle(tenantId: TenantId, ids: readonly ActivityId[], outcome: NoticeOutcome): Promise<void>
  /**
   * Queues one push for each device, if the user had fewer than `pushesMax` of its budget within
   * the last hour, or it is a digest and the last digest is long enough ago: one guarded statement
   * that takes from the budget, so that no number of concurrent calls exceeds it. Empty when
   * nothing was pending any more, or the budget is used up.
   */
  enqueue(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly push: NoticePush
    readonly deliveries: readonly { readonly id: DeliveryId; readonly deviceId: DeviceId }[]
    readonly leasedBy: string
  }): Promise<DuePush[]>

  findPreferences(tenantId: TenantId, userId: UserId): Promise<NoticePreferences>
  /**
   * Sets a user's preferences on behalf of a live device, and records it; null when the device is
   * not live any more.
   */
  changePreferences(
    change: {
      readonly tenantId: TenantId
      readonly userId: UserId
      readonly preferences: NoticePreferences
      readonly activity: NewActivity
    },
    proof: ProofToSpend,
  ): Promise<'done' | ProofFault | null>
}

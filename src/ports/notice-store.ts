import type { NewActivity } from '../domain/activity.ts'
import type { ActivityId, DeliveryId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { NoticeFacts, NoticeOutcome, NoticePreferences, NoticePush } from '../domain/notice.ts'
import type { DuePush } from './challenge-store.ts'
import type { ProofToSpend } from './device-store.ts'

/** What one user is owed, with everything that decides how it is told. */
export type OwedNotices = NoticeFacts & { readonly tenantId: TenantId; readonly userId: UserId }

/** Where a walk over waiting activities stands: the tenant, user and activity that it looked at last. */
export type NoticePlace = readonly [tenantId: string, userId: string, id: string]
export const noticesBegin: NoticePlace = ['', '', '']

/** Activities that users are owed a push about, and what users wish to hear of. */
export interface NoticeStore {
  /**
   * Owed activities by user: fresh ones, the oldest first, or those that wait to be gathered and lie after `waitingAfter`. `last`
   * is where to go on; null when there were fewer than `limit`.
   */
  loadOwed(query: {
    readonly waitingAfter: NoticePlace | null
    readonly limit: number
  }): Promise<{ readonly users: OwedNotices[]; readonly last: NoticePlace | null }>
  /** Writes down what became of owed activities that are not pushed. */
  settle(tenantId: TenantId, ids: readonly ActivityId[], outcome: NoticeOutcome): Promise<void>
  /**
   * Owes one push to each device, if the user had fewer than `pushesMax` of its budget within the last hour, or it gathers and
   * the last that did lies far enough back: one guarded statement that takes from the budget, so that no number of calls at once
   * gets past it. Empty when nothing was owed any more, or the budget is used up.
   */
  owe(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly push: NoticePush
    readonly deliveries: readonly { readonly id: DeliveryId; readonly deviceId: DeviceId }[]
    readonly leasedBy: string
  }): Promise<DuePush[]>

  findPreferences(tenantId: TenantId, userId: UserId): Promise<NoticePreferences>
  /** Sets a user's preferences on behalf of a live device, and records it; false when the device is not live any more. */
  changePreferences(
    change: {
      readonly tenantId: TenantId
      readonly userId: UserId
      readonly preferences: NoticePreferences
      readonly activity: NewActivity
    },
    proof: ProofToSpend,
  ): Promise<boolean | 'proof_replayed'>
}

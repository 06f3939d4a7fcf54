import type { Actor } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { Unregistered } from './device-store.ts'

/** Rows of one user by table, as they are kept, without what is secret or sealed. */
export type PersonalData = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

export interface PersonalDataStore {
  /** Everything that is held on a user, table by table. */
  export(tenantId: TenantId, userId: UserId): Promise<PersonalData>
  /**
   * Ends what is pending, unregisters every device, takes away the names and records the erasure, in one transaction: when it returns,
   * nobody finds the user, and nothing of theirs signs in. What stays says that there was a user, with which devices, from when until
   * when (NIST SP 800-63B-4, 4.1).
   */
  cutOff(tenantId: TenantId, userId: UserId, actor: Actor): Promise<Unregistered>
  /**
   * Takes away keys, contexts, answers and details of a user who was cut off, page by page, each in a transaction of its own; may be
   * repeated, and by several at once. False when `pagesMax` pages (of 1,000 rows) were not enough.
   */
  eraseRest(tenantId: TenantId, userId: UserId, pagesMax: number): Promise<boolean>
  /** Users who were cut off at least a minute ago and of whom something may be left, oldest first. */
  findErasing(limit: number): Promise<{ readonly tenantId: TenantId; readonly userId: UserId }[]>
  /** Nothing is left of the user. */
  settleErasure(tenantId: TenantId, userId: UserId): Promise<void>
}

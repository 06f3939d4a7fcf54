import type { Actor } from '../domain/activity.ts'
import type { Exemption } from '../domain/audit-exemption.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { Unregistered } from './device-store.ts'
import type { Exempt } from './retention-store.ts'

/**
 * Some rows of a table, each as a JSON object, as they are kept, without what is secret or sealed.
 */
export type PersonalDataPage = { readonly table: string; readonly rows: readonly string[] }

/** Everything that is held on a user at one moment. Who opened it closes it. */
export type PersonalDataReading = {
  /**
   * The next few hundred rows, each table after the other, also those without rows; null at the
   * end.
   */
  next(): Promise<PersonalDataPage | null>
  /** Gives back what the reading holds; at any time, more than once. */
  close(): Promise<void>
}

/** Details that go: the event that will say so, and the rows about the user from before a time that they are counted by. */
export type GoneDetails = Pick<Exemption, 'event' | 'from' | 'before' | 'count' | 'digest'>

export interface PersonalDataStore {
  /**
   * Begins to read everything that is held on a user; `busy` while another one of the tenant is being read, or several by this
   * process: a reading keeps a connection for as long as whoever asked for it takes.
   */
  openExport(tenantId: TenantId, userId: UserId): Promise<PersonalDataReading | 'busy'>
  /**
   * Ends what is pending, unregisters every device, takes away the names and records the erasure with what `exempt` says, in one
   * transaction: when it returns,
   * nobody finds the user, and nothing of theirs signs in. What stays says that there was a user, with which devices, from when until
   * when (NIST SP 800-63B-4, 4.1).
   */
  cutOff(
    tenantId: TenantId,
    userId: UserId,
    actor: Actor,
    exempt: Exempt<GoneDetails>,
  ): Promise<Unregistered>
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

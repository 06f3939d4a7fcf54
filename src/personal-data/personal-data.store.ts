import type { ErasedDetails, Exempt } from '../audit/retention.store.ts'
import type { UnregistrationEffects } from '../devices/device.store.ts'
import type { Actor } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'

/** Some rows of a table, each as a JSON object, as stored, without secret or sealed values. */
export type PersonalDataPage = { readonly table: string; readonly rows: readonly string[] }

/**
 * All data stored about a user, as of one moment. It must be closed by the caller that opened it.
 */
export type PersonalDataReading = {
  /**
   * The next few hundred rows, one table after the other, including empty tables; null at the end.
   */
  next(): Promise<PersonalDataPage | null>
  /** Releases the resources of the reading; may be called at any time, more than once. */
  close(): Promise<void>
}

export interface PersonalDataStore {
  /**
   * Opens a reading of all data stored about a user; `busy` while another one of the tenant is
   * open, or several of this process: a reading occupies a connection for as long as its client
   * takes.
   */
  openExport(tenantId: TenantId, userId: UserId): Promise<PersonalDataReading | 'busy'>
  /**
   * Ends what is pending, unregisters every device, removes the names and records the erasure with
   * the details from `exempt`, in one transaction: when it returns, nobody can find the user, and
   * nothing of theirs can sign in. The remaining rows show that there was a user, with which
   * devices, from when until when (NIST SP 800-63B-4, 4.1).
   */
  cutOff(
    tenantId: TenantId,
    userId: UserId,
    actor: Actor,
    exempt: Exempt<ErasedDetails>,
  ): Promise<UnregistrationEffects>
  /**
   * Erases keys, contexts, answers and details of a user who was cut off, page by page, each in a
   * transaction of its own; may be repeated, also concurrently. `more` when `pagesMax` pages (of
   * 1,000 rows) were not enough.
   */
  eraseRest(tenantId: TenantId, userId: UserId, pagesMax: number): Promise<'done' | 'more'>
  /** Users who were cut off at least a minute ago and may have data left, oldest first. */
  findErasing(limit: number): Promise<{ readonly tenantId: TenantId; readonly userId: UserId }[]>
  /** Marks that nothing is left of the user. */
  settleErasure(tenantId: TenantId, userId: UserId): Promise<void>
}

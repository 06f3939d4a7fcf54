import type { Actor } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { Unregistered } from './device-store.ts'

/** Rows of one user by table, as they are kept, without what is secret or sealed. */
export type PersonalData = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

export interface PersonalDataStore {
  /** Everything that is held on a user, table by table. */
  export(tenantId: TenantId, userId: UserId): Promise<PersonalData>
  /**
   * Ends what is pending, unregisters every device and takes away keys, tokens, contexts and names, in one transaction, and
   * records it. What stays says that there was a user, with which devices, from when until when (NIST SP 800-63B-4, 4.1).
   */
  erase(tenantId: TenantId, userId: UserId, actor: Actor): Promise<Unregistered>
}

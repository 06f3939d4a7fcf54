import type { TenantId, UserId } from '../domain/ids.ts'
import type { Protection } from '../domain/protection.ts'

/** A user's protection with the database's time of reading it. */
export type ProtectionRecord = {
  readonly protection: Protection
  readonly now: Date
}

/** Reads what protects a user. */
export interface ProtectionReader {
  /** Null when there is no such user. */
  find(tenantId: TenantId, userId: UserId): Promise<ProtectionRecord | null>
}

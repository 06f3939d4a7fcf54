import type { ProofFault, ProofToSpend } from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { Protection } from '../domain/protection.ts'
import type { ProtectionReader } from '../users/protection-reader.store.ts'

export interface ProtectionStore extends ProtectionReader {
  /**
   * Saves the next state with its activities, if nothing changed since it was read (optimistic lock
   * on `next.revision`).
   */
  change(
    tenantId: TenantId,
    userId: UserId,
    next: Protection,
    activities: readonly NewActivity[],
    proof: ProofToSpend | null,
  ): Promise<'done' | 'changed' | ProofFault | 'device_not_active'>
  /** The same for an unlock, which also lifts the blocks of initiators that the user reported. */
  unlock(
    tenantId: TenantId,
    userId: UserId,
    next: Protection,
    activities: readonly NewActivity[],
  ): Promise<'done' | 'changed'>
}

import type { NewAuditEvent } from '../domain/audit.ts'
import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'

/** From the first time, up to and excluding the second. */
export type Span = { readonly from: Date; readonly to: Date }

export interface DeviceSpanStore {
  /**
   * The oldest devices, at most `limit`, that were registered in the span and are not unregistered.
   * Records the event in the same transaction, so that the actor is on record before anything is
   * done to them.
   */
  take(
    tenantId: TenantId,
    span: Span,
    limit: number,
    event: NewAuditEvent,
  ): Promise<readonly { readonly id: DeviceId; readonly userId: UserId }[]>
}

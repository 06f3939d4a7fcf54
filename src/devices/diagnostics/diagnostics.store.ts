import type { NewActivity } from '../../domain/activity.ts'
import type { DeviceId, DiagnosticsId, TenantId, UserId } from '../../domain/ids.ts'
import type { PageRequest } from '../../platform/paging.ts'
import type { ProofFault, ProofToSpend } from '../device.store.ts'

/** Lines of an app's own log; the text is returned only when a single one is read. */
export type Diagnostics = {
  readonly tenantId: TenantId
  /** The incident id that the person gives to their help desk. */
  readonly id: DiagnosticsId
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly appVersion: string
  readonly createdAt: Date
}

export interface DiagnosticsStore {
  /**
   * Stores them, counted in the same statement: at most `perHourMax` of one device within any hour,
   * exact also for parallel calls. Otherwise how many seconds to wait, or null when the device is
   * not live.
   */
  create(
    diagnostics: Omit<Diagnostics, 'createdAt'> & { readonly text: string },
    perHourMax: number,
    activity: NewActivity,
    proof: ProofToSpend,
  ): Promise<
    | { readonly kind: 'added' }
    | { readonly kind: 'too_many'; readonly retryAfterSeconds: number }
    | { readonly kind: ProofFault | 'device_gone' }
  >
  /** A page of the tenant's, newest first. */
  list(tenantId: TenantId, page: PageRequest): Promise<Diagnostics[]>
  find(
    tenantId: TenantId,
    id: DiagnosticsId,
  ): Promise<(Diagnostics & { readonly text: string }) | null>
}

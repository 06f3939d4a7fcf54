import type { TenantId } from '../domain/ids.ts'
import type { DeviceKind, UserGroup } from '../domain/readiness-counts.ts'

export interface ReadinessCountStore {
  /** The kinds of the tenant's active devices, the most frequent first. */
  listKinds(tenantId: TenantId): Promise<DeviceKind[]>
  /**
   * The users with an identifier in one of these namespaces, in groups; `kinds` are those that may
   * be asked, `percent` is how far the roll-out is.
   */
  groupUsers(
    tenantId: TenantId,
    namespaces: readonly string[],
    percent: number,
    kinds: readonly DeviceKind[],
  ): Promise<UserGroup[]>
}

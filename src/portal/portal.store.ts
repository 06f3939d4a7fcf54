import type { NewActivity } from '../domain/activity.ts'
import type { PortalSessionId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'

export interface PortalStore {
  /**
   * Stores a link, to be opened once within `linkSeconds`; returns its end, or null when the user
   * is suspended.
   */
  createLink(
    link: {
      readonly tenantId: TenantId
      readonly id: PortalSessionId
      readonly userId: UserId
      readonly rpId: RelyingPartyId
      readonly linkHash: Uint8Array
      readonly linkSeconds: number
    },
    activity: NewActivity,
  ): Promise<Date | null>
  /**
   * Opens the link: of any number of attempts exactly one gets the session. Null when it was opened
   * before, has expired, or never existed.
   */
  open(
    tenantId: TenantId,
    linkHash: Uint8Array,
    session: { readonly hash: Uint8Array; readonly seconds: number },
  ): Promise<PortalSession | null>
  /** The session of this cookie; null when it has ended. */
  find(tenantId: TenantId, sessionHash: Uint8Array): Promise<PortalSession | null>
  /** Ends the session. */
  end(tenantId: TenantId, id: PortalSessionId): Promise<void>
}

import type { PortalSessionId, RelyingPartyId, TenantId, UserId } from './ids.ts'

/** How long the link works, in seconds. */
export const portalLinkSeconds = 15 * 60
/** How long the session lasts that it opens, in seconds; there is no prolonging it. */
export const portalSessionSeconds = 15 * 60

/** A user who looks after their devices in a browser. */
export type PortalSession = {
  readonly tenantId: TenantId
  readonly id: PortalSessionId
  readonly userId: UserId
  /** Who made the link: what it may see of the user, its link may show. */
  readonly rpId: RelyingPartyId
  readonly tenantName: string
  readonly userName: string
  readonly expiresAt: Date
}

/** Whether the portal shows a session this activity: the user's own, and of what relying parties posted only what the link's maker did. */
export function isShownTo(
  { userId, rpId }: PortalSession,
  activity: {
    readonly userId: UserId
    readonly posted: { readonly relyingParty: { readonly id: RelyingPartyId } } | null
  },
): boolean {
  const { posted } = activity
  return activity.userId === userId && (posted === null || posted.relyingParty.id === rpId)
}

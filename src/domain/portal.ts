import type { PortalSessionId, RelyingPartyId, TenantId, UserId } from './ids.ts'

/** How long the link works, in seconds. */
export const portalLinkSeconds = 15 * 60
/** How long the session that it opens lasts, in seconds; it cannot be prolonged. */
export const portalSessionSeconds = 15 * 60

/** The session of a user who manages their devices in a browser. */
export type PortalSession = {
  readonly tenantId: TenantId
  readonly id: PortalSessionId
  readonly userId: UserId
  /**
   * The relying party that created the link: the session shows only what this relying party may see
   * of the user.
   */
  readonly rpId: RelyingPartyId
  readonly tenantName: string
  readonly userName: string
  readonly expiresAt: Date
}

/**
 * Whether the portal shows this activity in a session: it must be the user's own, and if a relying
 * party posted it, the one that created the link.
 */
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

import type { ChallengeId, PortalSessionId, RelyingPartyId, TenantId, UserId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'
import { allows, type Scope } from './scope.ts'

/** How users enter the portal, from the laxest to the strictest. */
export const portalSignInModes = ['link_or_device', 'link'] as const

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
  readonly openedAt: Date
  readonly expiresAt: Date
  /** When the user last typed a code in it: a second factor, and another one than the link. */
  readonly verifiedAt: Date | null
  /** What the API key that made the link might do itself. */
  readonly linkScopes: readonly string[]
  /** The question by whose approval it was opened; null for one that a link opened. */
  readonly challengeId: ChallengeId | null
  /** The database's time at which the session was read. */
  readonly readAt: Date
}

/** What a session may do: look, and suspend or end devices; or everything. */
export type PortalAccess = 'look_and_end' | 'everything'

/** What this session may do. */
export const portalAccessOf = ({
  challengeId,
}: Pick<PortalSession, 'challengeId'>): PortalAccess =>
  challengeId === null ? 'everything' : 'look_and_end'

/**
 * Refuses to a session that a device opened all but looking, suspending and ending: the thief of
 * an unlocked phone must not gain or hide anything by it that stays when the phone is ended.
 */
export function checkPortalAccess(
  session: Pick<PortalSession, 'challengeId'>,
  access: PortalAccess,
): Refusal<'portal_link_needed'> | undefined {
  return access === 'look_and_end' || portalAccessOf(session) === 'everything'
    ? undefined
    : refuse('portal_link_needed')
}

/**
 * The outcome of a write that is decided on what was read before, in a session: `changed` when that
 * is another by now.
 */
export type PortalWriteResult = 'done' | 'changed' | 'session_gone'

/** For how long a link that was just opened, or a code that was just typed, counts; in seconds. */
export const stepUpSeconds = 5 * 60

/**
 * What a stolen cookie must not be able to do, each with the scope that the same takes in the
 * server API. Without the scope a key that may only unregister devices could, by a link that its
 * holder opens, add a phone of the holder's own or read everything about the user.
 */
const scopeOf = {
  add_phone: 'enrollments:write',
  make_recovery_codes: 'enrollments:write',
  export_data: 'admin',
  silence_pushes: 'admin',
} as const satisfies Readonly<Record<string, Scope>>
export type GuardedAction = keyof typeof scopeOf

function isRecent(at: Date | null, { readAt }: Pick<PortalSession, 'readAt'>): boolean {
  // Not `>`: an invalid time counts as long ago.
  return at !== null && readAt.getTime() - at.getTime() < stepUpSeconds * 1000
}

/**
 * Refuses what needs more than a session, unless a code was typed in it within five minutes, or its
 * link was opened within them and was made by a key that might do the same itself. Nothing makes a
 * session that a device opened do it.
 */
export function checkStepUp(
  session: Pick<PortalSession, 'challengeId' | 'openedAt' | 'verifiedAt' | 'linkScopes' | 'readAt'>,
  action: GuardedAction,
): Refusal<'portal_step_up_needed'> | undefined {
  if (portalAccessOf(session) !== 'everything') return refuse('portal_step_up_needed')
  const isLinkEnough =
    isRecent(session.openedAt, session) && allows(session.linkScopes, scopeOf[action])
  if (isLinkEnough || isRecent(session.verifiedAt, session)) return undefined
  return refuse('portal_step_up_needed')
}

/** A request for erasure within this time of the last one is the same request; in seconds. */
export const erasureRequestGapSeconds = 24 * 60 * 60

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

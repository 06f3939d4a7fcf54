// A user enters the portal by an approval on a device of their own, without a link.

import type { Challenge } from './challenge.ts'
import type { ChallengeId, RelyingPartyId, TenantId } from './ids.ts'
import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'

/** How long a browser waits for the approval, in seconds. */
export const portalWaitSeconds = 120
/** How long after that an approval of the last moment still opens a session, in seconds. */
export const portalGraceSeconds = 60
/** Age of a device from which on it may open the portal, in seconds. */
export const portalDeviceAgeSeconds = 24 * 60 * 60

/**
 * A sign-in that one browser began. Whether anybody is asked does not show in it: a name that
 * nobody has gets a number as well.
 */
export type PendingSignIn = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  /** The question that is asked where there is somebody to ask. */
  readonly challengeId: ChallengeId
  readonly number: string
  /** The end of the wait. */
  readonly expiresAt: Date
}

/** Refuses where the policy lets nobody in without a link. */
export function checkPortalSignIn({
  portalSignIn,
}: Pick<Policy, 'portalSignIn'>): Refusal<'portal_link_invalid'> | undefined {
  return portalSignIn === 'link_or_device' ? undefined : refuse('portal_link_invalid')
}

export type PortalSignInState = 'waiting' | 'approved' | 'over'

/**
 * What the browser that began a sign-in learns. A denial, a wrong number, a question that nobody
 * could be asked and a name that nobody has are all the same: it waits until the end.
 */
export function portalSignInState(
  { expiresAt }: Pick<PendingSignIn, 'expiresAt'>,
  question: Pick<Challenge, 'status'> | null,
  now: Date,
): PortalSignInState {
  const lateMs = now.getTime() - expiresAt.getTime()
  if (question?.status === 'approved') {
    // Not `>`: an invalid time counts as over.
    return lateMs < portalGraceSeconds * 1000 ? 'approved' : 'over'
  }
  return lateMs < 0 ? 'waiting' : 'over'
}

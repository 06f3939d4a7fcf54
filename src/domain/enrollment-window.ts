// A window in which a user may enroll a first device by themselves, where a sign-in asks for one.
// Who asks for it knows a first factor only, so that it is never there by itself, and never for
// somebody who has, or had, a second one: they use that, or go to the help desk.

import { type Refusal, refuse } from './refusal.ts'

/** How long a window may be open. */
export const windowMinutesMax = 24 * 60

/** What decides about a window; times are the database's. */
export type WindowFacts = {
  /** Until when one was opened; null for none. */
  readonly until: Date | null
  readonly suspendedAt: Date | null
  /** A device that was ever active, or is about to be; its passcodes are part of it. */
  readonly hadDevice: boolean
  /** Recovery codes, used or not. A temporary code is none: it is what the help desk gives. */
  readonly hadRecoveryCodes: boolean
  readonly now: Date
}

/** Refuses a window to a user who is suspended, or has or had another second factor. */
export function checkWindow({
  suspendedAt,
  hadDevice,
  hadRecoveryCodes,
}: Pick<WindowFacts, 'suspendedAt' | 'hadDevice' | 'hadRecoveryCodes'>):
  | Refusal<'user_suspended' | 'enrolled_before'>
  | undefined {
  if (suspendedAt !== null) return refuse('user_suspended')
  return hadDevice || hadRecoveryCodes ? refuse('enrolled_before') : undefined
}

/**
 * Until when the user may enroll; null outside a window, and once the user would get none: the
 * first device closes it.
 */
export function mayEnrollUntil(facts: WindowFacts): Date | null {
  const { until, now } = facts
  if (until === null || checkWindow(facts) !== undefined) return null
  return until > now ? until : null
}

// A first device that is enrolled at the page of a prompt. Who sits there knows a first factor at
// most (Entra sends everybody who has typed a password), so that the page permits nothing by
// itself: a window does, which a relying party has opened, or a temporary code of the help desk.

import { checkWindow, mayEnrollUntil, type WindowFacts } from './enrollment-window.ts'
import { nextRound, type Prompt, type PromptRequest } from './prompt.ts'
import type { PromptSettings } from './prompt-settings.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

/** What permits a first device at a prompt. */
export type FirstDevicePermit = 'enrollment_window' | 'temporary_code'

/**
 * Whether a prompt has this way at all, for whomever it asks: where the integration wants it, and
 * the client itself says who is asked. A name that the browser may have changed never enrolls.
 */
export function offersEnrollment(
  { isBound }: Pick<PromptRequest, 'isBound'>,
  { enrollmentAllowed }: Pick<PromptSettings, 'enrollmentAllowed'>,
): boolean {
  return isBound && enrollmentAllowed
}

/**
 * Whether an enrollment may begin: while the prompt goes on, and another number is left by which
 * the new device is asked. The device alone answers nothing.
 */
export function mayBeginEnrollment(
  prompt: Pick<Prompt, 'outcome' | 'expiresAt' | 'round'>,
  now: Date,
): boolean {
  return !isRefusal(nextRound(prompt, now))
}

/**
 * What permits the first device, an open window before a code, which then stays unused. Nothing
 * does for a user who is suspended, or has or had another second factor.
 */
export function firstDevicePermit(
  facts: WindowFacts,
  hasTemporaryCode: boolean,
): FirstDevicePermit | Refusal<'user_suspended' | 'enrolled_before' | 'enrollment_not_allowed'> {
  const fault = checkWindow(facts)
  if (fault) return fault
  if (mayEnrollUntil(facts) !== null) return 'enrollment_window'
  return hasTemporaryCode ? 'temporary_code' : refuse('enrollment_not_allowed')
}

/** For how long the codes of the enrollment work: no longer than the prompt goes on. */
export function promptEnrollmentSeconds(
  { expiresAt }: Pick<Prompt, 'expiresAt'>,
  ttlSeconds: number,
  now: Date,
): number {
  const secondsLeft = Math.floor((expiresAt.getTime() - now.getTime()) / 1000)
  return Math.max(1, Math.min(ttlSeconds, secondsLeft))
}

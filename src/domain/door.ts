// How a question at a door ends. The set is closed, so that each wire format says what it makes of each end.

import type { Challenge } from './challenge.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

export type DoorOutcome =
  | 'approved'
  | 'denied'
  | 'reported'
  | 'expired'
  /** Ended by whoever asked, or because the connection was lost or the service stopped. */
  | 'cancelled'
  /** The person has no device that can answer. */
  | 'no_device'
  /** The person is suspended, or push sign-in is locked for them or for where this comes from. */
  | 'locked'
  /** Too many questions to this person. */
  | 'suppressed'
  | 'user_unknown'
  /** The question or whoever asks it is refused. */
  | 'not_allowed'
  /** Not decided; asking again makes sense. */
  | 'unavailable'

/** The end with what led to it: a refusal's code, or why the challenge was denied. */
export type DoorEnd = {
  readonly outcome: DoorOutcome
  readonly why: RefusalCode | NonNullable<Challenge['reason']> | null
  readonly retryAfterSeconds?: number
  /** What else the person could sign in with, where it is known who they are. */
  readonly otherFactors?: readonly string[]
}

const ofRefusals: Partial<Record<RefusalCode, DoorOutcome>> = {
  user_not_found: 'user_unknown',
  no_capable_device: 'no_device',
  user_suspended: 'locked',
  push_locked: 'locked',
  initiator_blocked: 'locked',
  too_many_pending: 'suppressed',
  push_suppressed: 'suppressed',
  passcode_locked: 'locked',
  conflict: 'unavailable',
  too_many_requests: 'unavailable',
}

/** What a refusal means at a door. One that is not known to mean something else is a no. */
export function endOfRefusal({ refused, retryAfterSeconds, facts }: Refusal): DoorEnd {
  const otherFactors = facts?.otherFactors
  return {
    outcome: ofRefusals[refused] ?? 'not_allowed',
    why: refused,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(Array.isArray(otherFactors) && { otherFactors }),
  }
}

/** How an ended challenge ends the question; undefined while it is pending. */
export function endOfChallenge({
  status,
  reason,
}: Pick<Challenge, 'status' | 'reason'>): DoorEnd | undefined {
  if (status === 'pending') return undefined
  if (status !== 'denied') return { outcome: status, why: null }
  if (reason === 'user_reported') return { outcome: 'reported', why: reason }
  return { outcome: reason === 'no_device_left' ? 'no_device' : 'denied', why: reason }
}

/**
 * Unfinished answers that a client may get about one question: some let the person in after twenty. The next one is a no, whatever
 * becomes of the challenge.
 */
export const unfinishedAnswersMax = 14

/** How long an answer waits for the end of a question, so that the lifetime is over long before the answers are. */
export function holdMsOf(lifetimeMs: number): number {
  return Math.ceil(lifetimeMs / 10)
}

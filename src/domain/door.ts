// How a question at a door ends. The set is closed, so that each wire format maps every end.

import type { Challenge } from './challenge.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

export type DoorOutcome =
  | 'approved'
  | 'denied'
  | 'reported'
  | 'expired'
  /** Cancelled by the client, or because the connection was lost or the service stopped. */
  | 'cancelled'
  /** The person has no device that can answer. */
  | 'no_device'
  /** The person is suspended, or push sign-in is locked for them or for this initiator. */
  | 'locked'
  /** Too many questions to this person. */
  | 'suppressed'
  | 'user_unknown'
  /** The question or the client that asks it is refused. */
  | 'not_allowed'
  /** Not decided; asking again makes sense. */
  | 'unavailable'

/** The end with its reason: a refusal's code, or why the challenge was denied. */
export type DoorEnd = {
  readonly outcome: DoorOutcome
  readonly why: RefusalCode | NonNullable<Challenge['reason']> | null
  readonly retryAfterSeconds?: number
  /** Other factors with which the person could sign in, where the person is known. */
  readonly otherFactors?: readonly string[]
}

const ofRefusals: Partial<Record<RefusalCode, DoorOutcome>> = {
  user_not_found: 'user_unknown',
  no_capable_device: 'no_device',
  user_suspended: 'locked',
  push_locked: 'locked',
  push_sign_in_off: 'locked',
  initiator_blocked: 'locked',
  too_many_pending: 'suppressed',
  push_suppressed: 'suppressed',
  passcode_locked: 'locked',
  conflict: 'unavailable',
  too_many_requests: 'unavailable',
}

/** What a refusal means at a door. Any code without a mapping is a denial. */
export function endOfRefusal({ refused: code, retryAfterSeconds, facts }: Refusal): DoorEnd {
  const otherFactors = facts?.otherFactors
  return {
    outcome: ofRefusals[code] ?? 'not_allowed',
    why: code,
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
 * How many unfinished answers a client may get about one question: some clients let the person in
 * after twenty. The next answer is a denial, whatever becomes of the challenge.
 */
export const unfinishedAnswersMax = 14

/**
 * How long one answer waits for the end of a question, chosen so that the lifetime ends long before
 * the answers are used up.
 */
export function holdMsOf(lifetimeMs: number): number {
  return Math.ceil(lifetimeMs / 10)
}

import type { NewActivity, Severity } from './activity.ts'
import type { RelyingPartyId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'

/**
 * What a relying party reports to have happened to a user; every text is bounded and showable
 * (domain/text.ts).
 */
export type PostedActivity = {
  /** The relying party's own name for it, such as `password_changed`. */
  readonly type: string
  readonly title: string
  readonly message?: string
  /** RFC 3339, UTC. */
  readonly occurredAt: string
  readonly fields?: readonly { readonly label: string; readonly value: string }[]
  /** The relying party that reports it, under its name at that time. */
  readonly relyingParty: { readonly id: RelyingPartyId; readonly name: string }
}

/** A posted activity ready to be recorded. */
export type NewPostedActivity = Pick<NewActivity, 'userId' | 'actor'> & {
  readonly type: 'posted'
  readonly severity: Severity
  readonly posted: PostedActivity
}

const pastMsMax = 30 * 24 * 60 * 60 * 1000
const futureMsMax = 60 * 1000

/** Refuses a time that is too old to notify the user of, or in the future. */
export function checkOccurredAt(
  occurredAt: Date,
  now: Date,
): Refusal<'invalid_request'> | undefined {
  const ageMs = now.getTime() - occurredAt.getTime()
  if (ageMs <= pastMsMax && ageMs >= -futureMsMax) return undefined
  return refuse('invalid_request', {
    hint: 'occurredAt must lie within the past 30 days; leave it out for now.',
  })
}

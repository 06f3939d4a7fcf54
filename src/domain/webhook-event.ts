// The events that relying parties' endpoints receive: which events a fact causes, their audience
// and their content.

import type { Severity } from './activity.ts'
import type { Challenge } from './challenge.ts'
import type {
  ActivityId,
  ChallengeId,
  DeviceId,
  EnrollmentId,
  RelyingPartyId,
  TenantId,
  UserId,
} from './ids.ts'

/**
 * Goes up when a member of an event changes its meaning or is removed; members may be added at any
 * time.
 */
export const webhookEventVersion = 1

type Audience = 'owner' | 'viewers'

// The owner is the relying party that asked, enrolled or posted; viewers are those that may see the
// user.
const audiences = {
  'challenge.created': 'owner',
  'challenge.delivered': 'owner',
  'challenge.delivery_failed': 'owner',
  'challenge.fetched': 'owner',
  'challenge.approved': 'owner',
  'challenge.denied': 'owner',
  'challenge.reported': 'owner',
  'challenge.expired': 'owner',
  'challenge.cancelled': 'owner',
  'enrollment.claimed': 'owner',
  'enrollment.confirmed': 'owner',
  'device.registered': 'viewers',
  'device.unregistered': 'viewers',
  'device.suspended': 'viewers',
  'device.push_token_lost': 'viewers',
  'user.fraud_reported': 'viewers',
  'user.push_locked': 'viewers',
  'user.unlocked': 'viewers',
  'activity.recorded': 'viewers',
} as const satisfies Readonly<Record<string, Audience>>

/** What an endpoint may subscribe to. A closed set: names are never changed or reused. */
export type SubscribedEventType = keyof typeof audiences
export const subscribedEventTypes = Object.keys(audiences) as SubscribedEventType[]

/** The same and the test event, which is sent only to the endpoint that requested it. */
export type WebhookEventType = SubscribedEventType | 'webhook.test'
export const webhookEventTypes: readonly WebhookEventType[] = [
  ...subscribedEventTypes,
  'webhook.test',
]

/**
 * Events that end a challenge; there is exactly one of them for each. They carry the signed result.
 */
const endingTypes = [
  'challenge.approved',
  'challenge.denied',
  'challenge.reported',
  'challenge.expired',
  'challenge.cancelled',
] as const

/** True for events that carry the signed result of their challenge. */
export function carriesResult(type: WebhookEventType): boolean {
  return (endingTypes as readonly string[]).includes(type)
}

/** A challenge as its events describe it. */
export type EventChallenge = Pick<
  Challenge,
  | 'userId'
  | 'status'
  | 'reason'
  | 'deliveryMode'
  | 'binding'
  | 'createdAt'
  | 'expiresAt'
  | 'decidedAt'
  | 'decidedDeviceId'
> & { readonly idempotencyKey: string | null }

/** Something that happened, recorded by the database in the same transaction. */
export type WebhookFact = {
  readonly tenantId: TenantId
  readonly kind: 'activity' | 'challenge_fetched' | 'push_sent' | 'push_failed' | 'push_token_lost'
  readonly userId: UserId
  readonly activityId: ActivityId | null
  readonly activityType: string | null
  readonly severity: Severity | null
  readonly challengeId: ChallengeId | null
  readonly deviceId: DeviceId | null
  readonly enrollmentId: EnrollmentId | null
  readonly reason: string | null
  readonly ownerRpId: RelyingPartyId | null
  readonly viewerRpIds: readonly RelyingPartyId[]
  readonly occurredAt: Date
  /** The same in microseconds since 1970, to compare with the creation of endpoints. */
  readonly occurredAtMicros: number
  /**
   * The current state of the challenge that it is about; null without one, or once it is deleted.
   */
  readonly challenge: EventChallenge | null
}

export type WebhookData = Readonly<Record<string, string | number | null>>

/** One event, and the relying parties whose endpoints may receive it. */
export type WebhookEvent = {
  readonly type: WebhookEventType
  readonly rpIds: readonly RelyingPartyId[]
  readonly userId: UserId
  readonly data: WebhookData
  readonly occurredAt: Date
  /** When nobody waits for it any more. */
  readonly staleAt: Date
}

const ofActivity: Readonly<Record<string, readonly SubscribedEventType[]>> = {
  challenge_created: ['challenge.created'],
  challenge_approved: ['challenge.approved'],
  challenge_denied: ['challenge.denied'],
  challenge_reported: ['challenge.reported', 'user.fraud_reported'],
  challenge_expired: ['challenge.expired'],
  challenge_cancelled: ['challenge.cancelled'],
  enrollment_claimed: ['enrollment.claimed'],
  device_added: ['enrollment.confirmed', 'device.registered'],
  device_unregistered: ['device.unregistered'],
  device_suspended: ['device.suspended'],
  activity_reported: ['user.fraud_reported'],
  push_locked: ['user.push_locked'],
  push_unlocked: ['user.unlocked'],
}

const ofKind: Readonly<Record<WebhookFact['kind'], readonly SubscribedEventType[]>> = {
  activity: ['activity.recorded'],
  challenge_fetched: ['challenge.fetched'],
  push_sent: ['challenge.delivered'],
  push_failed: ['challenge.delivery_failed'],
  push_token_lost: ['device.push_token_lost'],
}

/**
 * The events that a fact causes; a fact about a deleted challenge causes none of the challenge's
 * events.
 */
export function eventsOf(fact: WebhookFact): WebhookEvent[] {
  const types = [...(ofActivity[fact.activityType ?? ''] ?? []), ...ofKind[fact.kind]]
  return types.flatMap((type) => {
    const data = dataOf(type, fact)
    return data === null
      ? []
      : {
          type,
          rpIds: audienceOf(type, fact),
          userId: fact.userId,
          data: { version: webhookEventVersion, ...data },
          occurredAt: fact.occurredAt,
          staleAt: staleAt(type, fact.occurredAt, fact.challenge?.expiresAt ?? null),
        }
  })
}

// What one relying party posted is not shown to another, as in the list of activities.
function audienceOf(type: SubscribedEventType, fact: WebhookFact): readonly RelyingPartyId[] {
  const own = audiences[type] === 'owner' || fact.activityType === 'posted'
  if (!own) return fact.viewerRpIds
  return fact.ownerRpId === null ? [] : [fact.ownerRpId]
}

function dataOf(type: SubscribedEventType, fact: WebhookFact): WebhookData | null {
  const { userId, deviceId, challengeId, activityId } = fact
  if (type.startsWith('challenge.'))
    return fact.challenge && ofChallenge(type, fact, fact.challenge)
  if (type.startsWith('enrollment.')) {
    const status = type === 'enrollment.claimed' ? 'claimed' : 'completed'
    return { enrollmentId: fact.enrollmentId, userId, deviceId, status }
  }
  if (type === 'device.unregistered') return { deviceId, userId, reason: fact.reason }
  if (type.startsWith('device.')) return { deviceId, userId }
  if (type.startsWith('user.')) return { userId, deviceId, challengeId, activityId }
  const about = { activityId, userId, challengeId, deviceId, enrollmentId: fact.enrollmentId }
  return { ...about, activityType: fact.activityType, severity: fact.severity }
}

function ofChallenge(
  type: SubscribedEventType,
  { challengeId, deviceId, reason }: WebhookFact,
  challenge: EventChallenge,
): WebhookData {
  const { userId, deliveryMode, binding, idempotencyKey } = challenge
  const open = type === 'challenge.created'
  const about = {
    challengeId,
    userId,
    status: open ? 'pending' : challenge.status,
    reason: open ? null : challenge.reason,
    deliveryMode,
    binding,
    idempotencyKey,
    createdAt: challenge.createdAt.toISOString(),
    expiresAt: challenge.expiresAt.toISOString(),
    decidedAt: open ? null : (challenge.decidedAt?.toISOString() ?? null),
    decidedDeviceId: open ? null : challenge.decidedDeviceId,
  }
  if (type === 'challenge.delivered' || type === 'challenge.fetched') return { ...about, deviceId }
  if (type === 'challenge.delivery_failed') return { ...about, deviceId, pushReason: reason }
  return about
}

// Longer than until the last attempt.
const staleDays = 4

/**
 * How long an event is worth sending; one of a challenge after the end of the challenge, or after
 * the event where that is later.
 */
export function lifetimeSeconds(type: WebhookEventType): number {
  return isDense(type) ? 60 : staleDays * 86_400
}

/** When nobody waits for an event any more. */
export function staleAt(type: WebhookEventType, from: Date, challengeEnds: Date | null): Date {
  const last = isDense(type) ? Math.max(from.getTime(), challengeEnds?.getTime() ?? 0) : +from
  return new Date(last + lifetimeSeconds(type) * 1000)
}

/** True for events that somebody is waiting for at this moment. */
export function isDense(type: WebhookEventType): boolean {
  return type.startsWith('challenge.') || type === 'webhook.test'
}

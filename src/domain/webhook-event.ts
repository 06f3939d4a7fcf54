// What endpoints of relying parties are told: which events a fact makes, who may hear them, and what they say.

import type { Severity } from './activity.ts'
import type {
  ActivityId,
  ChallengeId,
  DeviceId,
  EnrollmentId,
  RelyingPartyId,
  TenantId,
  UserId,
} from './ids.ts'

/** Goes up when a member of an event changes its meaning or goes; members may be added at any time. */
export const webhookEventVersion = 1

type Audience = 'owner' | 'viewers'

// The owner is the relying party that asked, enrolled or posted; viewers are those that may see the user.
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

/** What an endpoint may ask to be told. A closed set: names are never changed or used again. */
export type SubscribedEventType = keyof typeof audiences
export const subscribedEventTypes = Object.keys(audiences) as SubscribedEventType[]

/** The same and the test, which goes only where it was asked for. */
export type WebhookEventType = SubscribedEventType | 'webhook.test'

/** Events that end a challenge; exactly one of them is made of each. They carry the signed result. */
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

/** A challenge as its events tell it. */
export type ToldChallenge = {
  readonly userId: UserId
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled'
  readonly reason: 'user_denied' | 'user_reported' | 'number_mismatch' | 'no_device_left' | null
  readonly deliveryMode: 'push' | 'pull_only'
  readonly binding: string | null
  readonly idempotencyKey: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly decidedAt: Date | null
  readonly decidedDeviceId: DeviceId | null
}

/** Something that happened, as the database noted it in the same transaction. */
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
  /** The challenge that it is about, as it stands; null without one, or once it is gone. */
  readonly challenge: ToldChallenge | null
}

export type WebhookData = Readonly<Record<string, string | number | null>>

/** One event, and whose endpoints may hear it. */
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

/** The events that a fact makes; one about a challenge that is gone makes none of its kind. */
export function eventsOf(fact: WebhookFact): WebhookEvent[] {
  const types = [...(ofActivity[fact.activityType ?? ''] ?? []), ...ofKind[fact.kind]]
  return types.flatMap((type) => {
    const told = dataOf(type, fact)
    return told === null
      ? []
      : {
          type,
          rpIds: audienceOf(type, fact),
          userId: fact.userId,
          data: { version: webhookEventVersion, ...told },
          occurredAt: fact.occurredAt,
          staleAt: staleAt(type, fact.occurredAt, fact.challenge?.expiresAt ?? null),
        }
  })
}

// What a relying party posted is no other's to read, as in the list of activities.
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
  told: ToldChallenge,
): WebhookData {
  const { userId, deliveryMode, binding, idempotencyKey } = told
  const open = type === 'challenge.created'
  const about = {
    challengeId,
    userId,
    status: open ? 'pending' : told.status,
    reason: open ? null : told.reason,
    deliveryMode,
    binding,
    idempotencyKey,
    createdAt: told.createdAt.toISOString(),
    expiresAt: told.expiresAt.toISOString(),
    decidedAt: open ? null : (told.decidedAt?.toISOString() ?? null),
    decidedDeviceId: open ? null : told.decidedDeviceId,
  }
  if (type === 'challenge.delivered' || type === 'challenge.fetched') return { ...about, deviceId }
  if (type === 'challenge.delivery_failed') return { ...about, deviceId, pushReason: reason }
  return about
}

/** How long an event of a challenge is worth sending beyond the end of the challenge, or beyond the event where that is later. */
export const challengeGraceSeconds = 60
/** How long the others are: longer than their last try. */
export const staleDays = 4

/** When nobody waits for an event any more. */
export function staleAt(type: WebhookEventType, from: Date, challengeEnds: Date | null): Date {
  if (!isDense(type)) return new Date(from.getTime() + staleDays * 86_400_000)
  const last = Math.max(from.getTime(), challengeEnds?.getTime() ?? 0)
  return new Date(last + challengeGraceSeconds * 1000)
}

/** True for events that somebody waits for at this moment. */
export function isDense(type: WebhookEventType): boolean {
  return type.startsWith('challenge.') || type === 'webhook.test'
}

// The push doctor: what happened to the last pushes of a device, and what would help. Advice comes
// from stated rules alone (docs/limits.md has their figures).

import { clockWindowSeconds } from './claims.ts'
import type { DeviceStatus } from './device.ts'
import type { DeliveryId } from './ids.ts'
import type { DeliveryStatus, PushFailure, PushKind, PushSuppression } from './push.ts'

/** The pushes of a device that are shown, and that the rules see. */
export const pushesShownMax = 10

/** Seconds after which a push that a provider accepted should have been received. */
export const receiptWaitSeconds = 60

/** Accepted pushes without a receipt from which on none of them seems to arrive. */
export const unreceivedPushesMin = 3

/** Days after which a token that was not registered again may be stale. */
export const tokenFreshDays = 30

/** Consecutive pushes that a provider did not take. */
export const providerFailuresMin = 2

/** Seconds for which such failures say something about the present. */
export const providerFailureSeconds = 3600

/** Half of what a proof tolerates, in each direction. */
export const clockNotableSeconds = {
  behind: clockWindowSeconds.behind / 2,
  ahead: clockWindowSeconds.ahead / 2,
} as const

export const pushAdvices = [
  'enable_notifications',
  'token_stale',
  'provider_down',
  'never_received',
  'clock_off',
] as const
export type PushAdvice = (typeof pushAdvices)[number]

/** One push to a device. */
export type PushRecord = {
  readonly id: DeliveryId
  readonly kind: PushKind
  readonly status: DeliveryStatus
  /** Why the last attempt failed; null where none failed, and for pushes of earlier releases. */
  readonly failure: PushFailure | null
  /** Why it failed or was suppressed: the provider's text, or a word of ours. */
  readonly reason: string | null
  readonly attempts: number
  readonly queuedAt: Date
  /** When the provider accepted it. */
  readonly sentAt: Date | null
  /** When the device confirmed it: prompts and tests are confirmed. */
  readonly receivedAt: Date | null
  /** When the device answered its challenge. */
  readonly answeredAt: Date | null
}

/** What the rules know of a device; times are the database's. */
export type PushFacts = {
  readonly status: DeviceStatus
  readonly hasPushToken: boolean
  /** When the app last registered or removed its token; null if it never did. */
  readonly tokenSetAt: Date | null
  readonly now: Date
  /** Newest first. */
  readonly pushes: readonly PushRecord[]
  /** How far the clock of the device is ahead; negative when behind; null when nothing says so. */
  readonly clockSkewMs: number | null
}

/** Why a push was not sent, or not yet: null where no attempt has failed. */
export function reasonForNotSending(push: PushRecord): PushFailure | PushSuppression | null {
  return push.status === 'suppressed' ? (push.reason as PushSuppression | null) : push.failure
}

/** Milliseconds from queueing to the receipt; null without a receipt. */
export function pushDelayMs({ queuedAt, receivedAt }: PushRecord): number | null {
  return receivedAt && Math.max(0, receivedAt.getTime() - queuedAt.getTime())
}

const ageSeconds = (at: Date, now: Date) => (now.getTime() - at.getTime()) / 1000

/** Accepted prompts that the device should have confirmed by now. */
function confirmable({ pushes, now }: PushFacts): PushRecord[] {
  return pushes.filter(
    ({ kind, sentAt }) =>
      kind === 'challenge_opened' &&
      sentAt !== null &&
      ageSeconds(sentAt, now) >= receiptWaitSeconds,
  )
}

/** A provider declared the token dead, and the app has registered no other since. */
function isTokenGone({ hasPushToken, tokenSetAt, pushes }: PushFacts): boolean {
  if (hasPushToken) return false
  const last = pushes.find((push) => push.status === 'sent' || push.failure !== null)
  return last?.failure === 'token_gone' && (tokenSetAt === null || tokenSetAt <= last.queuedAt)
}

function isTokenStale(facts: PushFacts): boolean {
  if (isTokenGone(facts)) return true
  const { hasPushToken, tokenSetAt, now } = facts
  if (!hasPushToken || tokenSetAt === null) return false
  const [last] = confirmable(facts)
  const isOld = ageSeconds(tokenSetAt, now) >= tokenFreshDays * 24 * 3600
  return isOld && last !== undefined && last.receivedAt === null
}

function isProviderDown({ pushes, now }: PushFacts): boolean {
  const last = pushes
    .filter((push) => push.status === 'sent' || push.failure !== null)
    .slice(0, providerFailuresMin)
  const isRecent = last[0] && ageSeconds(last[0].queuedAt, now) <= providerFailureSeconds
  return (
    isRecent === true &&
    last.length === providerFailuresMin &&
    last.every(
      ({ failure }) => failure === 'provider_unavailable' || failure === 'provider_misconfigured',
    )
  )
}

function isNeverReceived(facts: PushFacts): boolean {
  return (
    confirmable(facts).length >= unreceivedPushesMin &&
    facts.pushes.every(({ receivedAt }) => receivedAt === null)
  )
}

function isClockOff({ clockSkewMs }: PushFacts): boolean {
  if (clockSkewMs === null) return false
  const { ahead, behind } = clockNotableSeconds
  return clockSkewMs >= ahead * 1000 || clockSkewMs <= -behind * 1000
}

/** What would help, in a fixed order; nothing about pushes to a device that gets none. */
export function advisePushes(facts: PushFacts): PushAdvice[] {
  const isPushed = facts.status === 'active'
  const isStale = isTokenStale(facts)
  const rules: Readonly<Record<PushAdvice, boolean>> = {
    enable_notifications: isPushed && !facts.hasPushToken && !isStale,
    token_stale: isPushed && isStale,
    provider_down: isPushed && isProviderDown(facts),
    never_received: isPushed && isNeverReceived(facts),
    clock_off: isClockOff(facts),
  }
  return pushAdvices.filter((advice) => rules[advice])
}

import { type AskableFacts, type AskableRules, reasonForNotAsking } from './askable.ts'
import { type ChallengeContext, versionNeeded } from './challenge-context.ts'
import type { ChallengeId, DeviceId, RelyingPartyId, TenantId, UserId } from './ids.ts'
import type { NumberMode, NumberPlan } from './number-match.ts'
import { challengeTtlBoundsSeconds, type Policy } from './policy.ts'
import { policyRules } from './policy-rules.ts'
import { firstVersion } from './protocol-version.ts'
import type { SuppressionReason } from './push-throttling.ts'
import { type Refusal, refuse } from './refusal.ts'

export const terminalStatuses = ['approved', 'denied', 'expired', 'cancelled'] as const
export const challengeStatuses = ['pending', ...terminalStatuses] as const
export type ChallengeStatus = (typeof challengeStatuses)[number]

export const denyReasons = [
  'user_denied',
  'user_reported',
  'number_mismatch',
  'no_device_left',
] as const
export type DenyReason = (typeof denyReasons)[number]

/**
 * Why a challenge was denied; `superseded` says of a cancelled one that a new question of the same
 * browser took its place.
 */
export const endReasons = [...denyReasons, 'superseded'] as const
export type EndReason = (typeof endReasons)[number]

/** From lax to strict. */
export const userVerifications = policyRules.userVerification.values
export type UserVerification = (typeof userVerifications)[number]

/** `pull_only`: no push could be queued, so the person must open the app to find the challenge. */
export const deliveryModes = ['push', 'pull_only'] as const
export type DeliveryMode = (typeof deliveryModes)[number]

/**
 * One question to one user. Terminal statuses are final: no rule leads out of any status but
 * `pending`.
 */
export type Challenge = {
  readonly tenantId: TenantId
  readonly id: ChallengeId
  readonly rpId: RelyingPartyId
  readonly userId: UserId
  readonly status: ChallengeStatus
  readonly reason: EndReason | null
  readonly context: ChallengeContext
  readonly numberMode: NumberMode
  readonly numberDigits: number | null
  readonly wrongNumbersLeft: number
  readonly userVerification: UserVerification
  readonly binding: string | null
  /** Where the app offers to go after the answer. */
  readonly returnUrl: string | null
  readonly deliveryMode: DeliveryMode
  /** Why no phone was woken; null when one was. */
  readonly suppressed: SuppressionReason | null
  /** The initiator; null where the relying party names none. */
  readonly initiatorKey: string | null
  /** The budget that it uses. */
  readonly budgetKey: string
  readonly signingKid: string
  readonly resultJti: string
  readonly resendsLeft: number
  readonly lastPushAt: Date | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly decidedAt: Date | null
  readonly decidedDeviceId: DeviceId | null
}

/** What the rules need to know about a device that might be asked. */
export type CandidateDevice = AskableFacts & {
  readonly id: DeviceId
  readonly hasPushToken: boolean
  readonly activatedAt: Date | null
}

/** The facts that decide how a challenge opens; times are the database's. */
export type OpeningFacts = {
  readonly policy: Policy
  readonly now: Date
  readonly number: NumberPlan
  readonly activeDevices: readonly CandidateDevice[]
  /** Why no phone may be woken, according to push throttling. */
  readonly suppressed: SuppressionReason | null
}

/** The relying party's request. */
export type OpeningRequest = {
  readonly context?: ChallengeContext
  readonly userVerification: UserVerification
  readonly ttlSeconds?: number
  /** The latest end, whatever the lifetime is. */
  readonly notAfter?: Date
  /** Ask only these of the user's devices. */
  readonly deviceIds?: readonly DeviceId[]
  /** Ask only devices that have been active for this long. */
  readonly deviceAgeMinSeconds?: number
}

/** The decision to open a challenge: the devices asked and pushed, and its end. */
export type Opening = {
  readonly targets: readonly CandidateDevice[]
  readonly deliveryMode: DeliveryMode
  readonly suppressed: SuppressionReason | null
  readonly userVerification: UserVerification
  readonly wrongNumbersLeft: number
  readonly resendsLeft: number
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Why no device can be asked. */
export type OpeningRefusal = Refusal<'invalid_request' | 'no_capable_device'>

/**
 * Opens a challenge for the devices that can answer it. The set is fixed here: a device that joins
 * later can never answer. Refuses when no device qualifies, so that the relying party offers
 * another factor instead of waiting in vain.
 */
export function openChallenge(
  facts: OpeningFacts,
  request: OpeningRequest,
): Opening | OpeningRefusal {
  const leftSeconds = request.notAfter && (request.notAfter.getTime() - facts.now.getTime()) / 1000
  const ttlSeconds = Math.min(
    request.ttlSeconds ?? facts.policy.challengeTtlSeconds,
    leftSeconds ?? Number.POSITIVE_INFINITY,
  )
  const { min, max } = challengeTtlBoundsSeconds
  if (ttlSeconds < min || ttlSeconds > max) {
    return refuse('invalid_request', { hint: `ttlSeconds must be ${min} to ${max}.` })
  }
  const userVerification = strictestVerification(
    request.userVerification,
    facts.policy.userVerification,
  )
  const { policy, number } = facts
  const rules = askableRules(policy, number, userVerification, versionNeeded(request.context ?? {}))
  const targets = facts.activeDevices.filter(
    (device) =>
      reasonForNotAsking(device, rules) === undefined &&
      isOldEnough(device, request, facts.now) &&
      (request.deviceIds === undefined || request.deviceIds.includes(device.id)),
  )
  if (targets.length === 0) return refuse('no_capable_device')
  const suppression = suppressionOf(targets, facts.suppressed)
  return {
    targets,
    deliveryMode: suppression === null ? 'push' : 'pull_only',
    suppressed: suppression,
    userVerification,
    wrongNumbersLeft: facts.number.wrongNumbersMax,
    resendsLeft: facts.policy.resendsMax,
    createdAt: facts.now,
    expiresAt: new Date(facts.now.getTime() + ttlSeconds * 1000),
  }
}

/**
 * Why no phone is woken; null when one is. Limits on pushing once more are no reason where nothing
 * can be pushed at all: waiting would not help.
 */
function suppressionOf(
  targets: Opening['targets'],
  suppressed: SuppressionReason | null,
): SuppressionReason | null {
  if (targets.some((device) => device.hasPushToken)) return suppressed
  const isLimitOfResends = suppressed === 'resend_too_soon' || suppressed === 'resends_used_up'
  return suppressed === null || isLimitOfResends ? 'no_push_token' : suppressed
}

function isOldEnough(
  { activatedAt }: Pick<CandidateDevice, 'activatedAt'>,
  { deviceAgeMinSeconds: seconds = 0 }: Pick<OpeningRequest, 'deviceAgeMinSeconds'>,
  now: Date,
): boolean {
  if (seconds === 0) return true
  return activatedAt !== null && now.getTime() - activatedAt.getTime() >= seconds * 1000
}

/** The rules that decide which devices this challenge may ask. */
export function askableRules(
  policy: Policy,
  number: Pick<NumberPlan, 'digits'>,
  verification: UserVerification,
  protocolVersion = firstVersion,
): AskableRules {
  const userVerification = strictestVerification(verification, policy.userVerification)
  return {
    policy,
    isVerificationRequired: userVerification === 'required',
    isNumberTyped: number.digits !== null,
    protocolVersion,
  }
}

/** The stricter of two demands. */
export function strictestVerification(
  one: UserVerification,
  other: UserVerification,
): UserVerification {
  return userVerifications.indexOf(one) >= userVerifications.indexOf(other) ? one : other
}

/**
 * True once no answer can be accepted; the guarded statements check it again under the row lock.
 */
export function isOver(challenge: Pick<Challenge, 'status' | 'expiresAt'>, now: Date): boolean {
  // Not `<=`: an invalid date counts as ended.
  return challenge.status !== 'pending' || !(challenge.expiresAt > now)
}

/** Decides whether the same devices may be pushed again, and how many resends remain. */
export function resendChallenge(
  challenge: Challenge,
  policy: Policy,
  now: Date,
):
  | { readonly resendsLeft: number }
  | Refusal<'challenge_ended' | 'resends_used_up' | 'resend_too_soon'> {
  if (isOver(challenge, now))
    return refuse('challenge_ended', { facts: { currentStatus: challenge.status } })
  const last = challenge.lastPushAt ?? challenge.createdAt
  const refusal = checkResend(challenge.resendsLeft, last, policy, now)
  return refusal ?? { resendsLeft: challenge.resendsLeft - 1 }
}

/** Refuses to push again as long as the gap lasts, or when no resend is left. */
export function checkResend(
  resendsLeft: number,
  lastPushAt: Date,
  policy: Pick<Policy, 'resendGapSeconds'>,
  now: Date,
): Refusal<'resends_used_up' | 'resend_too_soon'> | undefined {
  if (resendsLeft === 0) return refuse('resends_used_up')
  const waitMs = lastPushAt.getTime() + policy.resendGapSeconds * 1000 - now.getTime()
  if (waitMs <= 0) return undefined
  return refuse('resend_too_soon', { retryAfterSeconds: Math.ceil(waitMs / 1000) })
}

// Answers as stores read and record them.

import type { KnownDevice } from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { AnswerEffect, Decision } from '../domain/answer.ts'
import type { Challenge, ChallengeStatus } from '../domain/challenge.ts'
import type { DeviceKey } from '../domain/device.ts'
import type { ChallengeId, DeviceId, ReportId, TenantId, UserId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { Protection } from '../domain/protection.ts'
import type { BudgetChange, KnownInitiator } from '../domain/push-budget.ts'
import type { DuePush } from '../push/due-push.store.ts'
import type { DeviceProgress } from './reading/device-progress.store.ts'

/** The answer that was recorded for a `jti`. */
export type RecordedAnswer = {
  readonly outcome: AnswerEffect['outcome']
  readonly statusAfter: ChallengeStatus
  readonly wrongNumbersLeft: number
}

/** The facts that decide an answer, read in one round trip. */
export type AnswerFacts = {
  readonly knownDevice: KnownDevice
  readonly target: {
    readonly challenge: Challenge
    readonly numberSealed: Uint8Array | null
    readonly requestPayload: string
    readonly requestHash: string
    /** In which the device was asked. */
    readonly protocolVersion: number
    /** The other devices that were pushed and should learn quietly that the challenge has ended. */
    readonly otherDeviceIds: readonly DeviceId[]
  } | null
  readonly earlier: RecordedAnswer | null
  /** The user's. */
  readonly protection: Protection
  /** The budget that the challenge uses; null without a target, or when it was erased. */
  readonly budget: KnownInitiator | null
  /** The challenge's; null when it names none, or nothing is stored of it. */
  readonly initiator: KnownInitiator | null
  /** In force for the relying party that asks. */
  readonly policy: Policy
  readonly now: Date
}

export type AnswerToRecord = {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly deviceId: DeviceId
  readonly jti: string
  /** The key that signed, and whether it was the verification key. */
  readonly kid: string
  readonly userVerified: boolean
  readonly decision: Decision
  readonly effect: AnswerEffect
  /**
   * What the decision was based on, with the revisions of `budgets`; with anything else the result
   * is `changed` (optimistic lock).
   */
  readonly was: { readonly wrongNumbersLeft: number; readonly protection: Protection }
  /** Of the keys that verified it. */
  readonly keyRevision: number
  /**
   * Kept as evidence, sealed under `answerBinding`, because it holds the number. Null for a wrong
   * number, which proves nothing.
   */
  readonly jwsSealed: Uint8Array | null
  readonly activities: readonly NewActivity[]
  readonly userId: UserId
  /** The user's protection in its new state; the same object as in `was` where nothing changes. */
  readonly protection: Protection
  /** The budgets that it changes; empty while the challenge stays pending. */
  readonly budgets: readonly BudgetChange[]
  /** Set when the answer is a report. */
  readonly reportId: ReportId | null
  /** Devices whose prompts are quietly replaced if this ends the challenge. */
  readonly closingDeviceIds: readonly DeviceId[]
  readonly leasedBy: string
  /** True when somebody in this process waits for the end of the challenge. */
  readonly isFollowed: boolean
}

/** What the statement that ended a challenge returns of it. */
export type RecordedEnd = {
  readonly decidedAt: Date
  readonly resendsLeft: number
  readonly lastPushAt: Date | null
  readonly devices: readonly DeviceProgress[]
  readonly now: Date
}

export type AnswerRecording =
  | {
      readonly kind: 'recorded'
      readonly pushes: readonly DuePush[]
      /** The user's other challenges, which a report cancelled. */
      readonly cancelledChallenges: readonly ChallengeId[]
      /** Null while the challenge is pending, and where nobody waits for it here. */
      readonly end: RecordedEnd | null
    }
  | { readonly kind: 'proof_replayed' }
  | { readonly kind: 'device_not_active' }
  /**
   * The row was locked, but the challenge had expired: checked by the database's clock after the
   * lock.
   */
  | { readonly kind: 'expired' }
  /**
   * Another answer, a cancellation or an expiry came first, a budget has changed, or a key of the
   * device; load and decide again.
   */
  | { readonly kind: 'changed' }

/** Everything needed to verify a decision without us. */
export type Evidence = {
  readonly challenge: Challenge
  readonly requestPayload: string
  /**
   * The answer as it was signed: sealed under `answerBinding`, or in plain text where an earlier
   * release stored it.
   */
  readonly answer: { readonly jti: string; readonly jws: Uint8Array | string }
  readonly deviceId: DeviceId
  readonly deviceKey: DeviceKey
  /** The device's passkey; null where it has none. */
  readonly passkeyKey: Pick<DeviceKey, 'kid' | 'publicJwk'> | null
  /** The MAC of the key if the device has replaced it; null for one that it still has. */
  readonly replacedMac: Uint8Array | null
}

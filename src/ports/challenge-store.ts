import type { NewActivity } from '../domain/activity.ts'
import type { AnswerEffect, Decision } from '../domain/answer.ts'
import type { CandidateDevice, Challenge, ChallengeStatus } from '../domain/challenge.ts'
import type { PublicJwk } from '../domain/device.ts'
import type {
  ActivityId,
  ChallengeId,
  DeliveryId,
  DeviceId,
  RelyingPartyId,
  ReportId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import type { PasscodeMethod } from '../domain/passcode.ts'
import type { Policy } from '../domain/policy.ts'
import type { Budget, KnownInitiator } from '../domain/prompt-ladder.ts'
import type { Protection } from '../domain/protection.ts'
import type { KnownDevice, ProofToSpend, SealedAddress } from './device-store.ts'
import type { Identifier, PageRequest } from './directory-store.ts'
import type { DeliveryStatus, PushKind } from './push.ts'

/** How a relying party names the user. */
export type UserReference = { readonly id: UserId } | Identifier

/** A device that might be asked, with its sealed push address. */
export type AskableDevice = CandidateDevice & { readonly address: SealedAddress | null }

/** Everything that decides a creation, read in one round trip. */
export type CreationFacts = {
  readonly now: Date
  readonly policy: Policy
  readonly signingKid: string
  readonly userId: UserId | null
  readonly devices: readonly AskableDevice[]
  /** Null without a user. */
  readonly protection: Protection | null
  readonly initiator: KnownInitiator | null
  readonly others: Budget
  /** What the user could sign in with instead. */
  readonly otherFactors: readonly PasscodeMethod[]
  /**
   * The challenge that this relying party created before: under the same Idempotency-Key, or still pending after an equal request
   * for the same binding.
   */
  readonly earlier: {
    readonly challenge: Challenge
    readonly numberSealed: Uint8Array | null
    readonly requestHash: Uint8Array
  } | null
}

export type NewTarget = {
  readonly deviceId: DeviceId
  readonly requestPayload: string
  readonly requestHash: string
}

/** A push that this process will send right after the commit; the lease keeps others from sending it too. */
export type OwedPush = { readonly id: DeliveryId; readonly deviceId: DeviceId }

export type NewChallenge = {
  readonly challenge: Challenge
  readonly numberSealed: Uint8Array | null
  readonly idempotencyKey: string | null
  readonly requestHash: Uint8Array
  readonly targets: readonly NewTarget[]
  readonly pushes: readonly OwedPush[]
  readonly activity: NewActivity
  /** The budget that it uses, as it will be; its revision is the one that the decision was based on. */
  readonly budget: Budget
  /** Revision of the user's protection that the decision was based on. */
  readonly protectionRevision: number
}

/** A push owed by a change that has just been committed, ready to be sent. */
export type DuePush = {
  readonly tenantId: TenantId
  readonly id: DeliveryId
  readonly kind: PushKind
  /** The challenge that it is about; null for the other kinds. */
  readonly challengeId: ChallengeId | null
  /** The activity that it is about. */
  readonly activityId?: ActivityId | null
  /** Of how many activities it tells, where it gathers what was beyond a limit. */
  readonly more?: number
  readonly deviceId: DeviceId
  readonly address: SealedAddress
  readonly attempts: number
  /** After this time the push is worthless. */
  readonly expiresAt: Date
}

/** One device's part in a challenge, as the relying party may see it. */
export type DeviceProgress = {
  readonly deviceId: DeviceId
  readonly fetchedAt: Date | null
  readonly receivedAt: Date | null
  readonly push: {
    readonly status: DeliveryStatus
    readonly reason: string | null
    readonly attempts: number
    readonly settledAt: Date | null
  } | null
}

/** A challenge as its relying party reads it. */
export type ChallengeRecord = {
  readonly challenge: Challenge
  readonly devices: readonly DeviceProgress[]
  /** What the result says of the deciding device; null when no device decided. */
  readonly decidedBy: {
    readonly id: DeviceId
    readonly activatedAt: Date | null
    readonly userVerified: boolean
    readonly hardwareBacked: boolean
  } | null
  readonly now: Date
}

/** A pending challenge as one device sees it. */
export type PendingRequest = {
  readonly challengeId: ChallengeId
  readonly signingKid: string
  readonly requestPayload: string
  readonly fetchedAt: Date | null
}

/** The answer that a `jti` already gave. */
export type RecordedAnswer = {
  readonly outcome: AnswerEffect['outcome']
  readonly statusAfter: ChallengeStatus
  readonly wrongNumbersLeft: number
}

/** Everything that decides an answer, read in one round trip. */
export type AnswerFacts = {
  readonly known: KnownDevice
  readonly asked: {
    readonly challenge: Challenge
    readonly numberSealed: Uint8Array | null
    readonly requestPayload: string
    readonly requestHash: string
    /** The other devices that were pushed and should learn quietly that it is over. */
    readonly otherDeviceIds: readonly DeviceId[]
  } | null
  readonly earlier: RecordedAnswer | null
  /** The user's. */
  readonly protection: Protection
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
  /** What the decision was based on; anything else makes the record `changed`. */
  readonly was: { readonly wrongNumbersLeft: number; readonly protection: Protection }
  /** Kept as evidence, sealed under `answerBinding`: the number stands in it. Null for a wrong number, which proves nothing. */
  readonly jwsSealed: Uint8Array | null
  readonly activities: readonly NewActivity[]
  readonly userId: UserId
  /** The user's protection as it will be; the very value of `was` where nothing changes. */
  readonly protection: Protection
  /** Set when the answer reports: what goes with it. */
  readonly report: {
    readonly id: ReportId
    readonly initiatorBlockSeconds: number
  } | null
  /** Devices that are owed the quiet "Already answered" if this ends the challenge. */
  readonly closing: readonly DeviceId[]
  readonly leasedBy: string
}

export type AnswerRecorded =
  | {
      readonly kind: 'recorded'
      readonly pushes: readonly DuePush[]
      /** The user's other challenges, which a report cancelled. */
      readonly cancelled: readonly ChallengeId[]
    }
  | { readonly kind: 'proof_replayed' }
  | { readonly kind: 'device_not_active' }
  /** The row lock was had, but the time was over: judged by the database's clock after the lock. */
  | { readonly kind: 'expired' }
  /** Another answer, a cancellation or an expiry came first; load and decide again. */
  | { readonly kind: 'changed' }

/** What anyone needs to verify a decision without us. */
export type Evidence = {
  readonly challenge: Challenge
  readonly requestPayload: string
  /** The answer as it was signed: sealed under `answerBinding`, or in plain where an earlier release kept it. */
  readonly answer: { readonly jti: string; readonly jws: Uint8Array | string }
  readonly deviceId: DeviceId
  readonly deviceKey: { readonly kid: string; readonly publicJwk: PublicJwk }
}

export interface ChallengeStore {
  loadCreation(query: {
    readonly tenantId: TenantId
    readonly rpId: RelyingPartyId
    /** The user must have an identifier in one of these. */
    readonly namespaces: readonly string[]
    readonly user: UserReference
    readonly idempotencyKey: string | null
    /** SHA-256 of the request. */
    readonly requestHash: Uint8Array
    readonly binding: string | null
    readonly initiatorKey: string | null
  }): Promise<CreationFacts>
  /**
   * Saves challenge, targets, owed pushes, used budget and activity in one statement. False when a target is no longer active,
   * the budget or the protection has changed, or the Idempotency-Key was used meanwhile: load and decide again.
   */
  create(challenge: NewChallenge, leasedBy: string): Promise<boolean>

  find(tenantId: TenantId, rpId: RelyingPartyId, id: ChallengeId): Promise<ChallengeRecord | null>
  list(
    query: {
      readonly tenantId: TenantId
      readonly rpId: RelyingPartyId
      readonly userId: UserId | null
      readonly status: ChallengeStatus | null
    },
    page: PageRequest,
  ): Promise<Challenge[]>
  findEvidence(tenantId: TenantId, rpId: RelyingPartyId, id: ChallengeId): Promise<Evidence | null>

  /** The device and what it is asked, newest first, in one round trip; null when there is no such device. */
  loadPending(
    tenantId: TenantId,
    deviceId: DeviceId,
  ): Promise<{ readonly known: KnownDevice; readonly pending: readonly PendingRequest[] } | null>
  /** Informational, off the hot path. */
  markFetched(tenantId: TenantId, deviceId: DeviceId, ids: readonly ChallengeId[]): Promise<void>
  /** The device's receipt for a push; false when it was never asked. */
  markReceived(challengeId: ChallengeId, proof: ProofToSpend): Promise<boolean | 'proof_replayed'>

  loadAnswer(query: {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
    readonly challengeId: ChallengeId
    readonly jti: string
  }): Promise<AnswerFacts | null>
  /**
   * Records an answer in one guarded statement: spends the proof, locks the device and then the challenge, judges expiry
   * after the locks by `clock_timestamp()`, and only then writes. `proof` is null when an earlier try of the same request
   * has spent it.
   */
  recordAnswer(answer: AnswerToRecord, proof: ProofToSpend | null): Promise<AnswerRecorded>

  /** Ends a pending challenge as cancelled; null when it is not pending any more (or not this relying party's). */
  cancel(
    tenantId: TenantId,
    rpId: RelyingPartyId,
    id: ChallengeId,
    activity: Omit<NewActivity, 'userId'>,
    leasedBy: string,
  ): Promise<{ readonly pushes: readonly DuePush[] } | null>
  /** Ends pending challenges whose time is over (or only this one); returns those it ended. */
  expire(
    only: { readonly tenantId: TenantId; readonly id: ChallengeId } | null,
    limit: number,
  ): Promise<ChallengeId[]>
  /** What decides a resend, in one round trip; null when the challenge's user is not of this tenant. */
  loadResend(challenge: Challenge): Promise<{
    readonly policy: Policy
    readonly protection: Protection
    readonly budget: Budget
    readonly otherFactors: readonly PasscodeMethod[]
    readonly now: Date
  } | null>
  /** Owes each target with a push address another push, if `resendsLeft` and the budget are still what they were; null otherwise. */
  resend(command: {
    readonly challenge: Challenge
    readonly resendsLeft: number
    readonly budget: Budget
    readonly protectionRevision: number
    readonly activity: NewActivity
    readonly leasedBy: string
  }): Promise<{ readonly pushes: readonly DuePush[] } | null>
}

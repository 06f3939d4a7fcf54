import type {
  KnownDevice,
  ProofFault,
  ProofToSpend,
  SealedAddress,
} from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { CandidateDevice, Challenge, ChallengeStatus } from '../domain/challenge.ts'
import type { Platform } from '../domain/device.ts'
import type {
  ApiKeyId,
  ChallengeId,
  DeliveryId,
  DeviceId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import type { PasscodeMethod } from '../domain/passcode.ts'
import type { Policy } from '../domain/policy.ts'
import type { Protection } from '../domain/protection.ts'
import type { Budget, KnownInitiator } from '../domain/push-budget.ts'
import type { PendingQuestion } from '../domain/superseding.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { DuePush } from '../push/due-push.store.ts'
import type { UserReference } from '../users/user.store.ts'
import type {
  AnswerFacts,
  AnswerRecording,
  AnswerToRecord,
  Evidence,
} from './challenge-answer.store.ts'
import type { DeviceProgress } from './reading/device-progress.store.ts'

/** A device that might be asked, with its sealed push address. */
export type AskableDevice = CandidateDevice & {
  readonly address: SealedAddress | null
  /** Languages of its person by preference. */
  readonly languages: readonly string[]
}

/** The facts that decide a creation, read in one round trip. */
export type CreationFacts = {
  readonly now: Date
  /** False when the key that asks has been revoked, or has expired, since it was looked up. */
  readonly isKeyLive: boolean
  readonly policy: Policy
  /** Origins to which the relying party may lead back. */
  readonly returnOrigins: readonly string[]
  readonly signingKid: string
  readonly userId: UserId | null
  readonly devices: readonly AskableDevice[]
  /** Null without a user. */
  readonly protection: Protection | null
  readonly initiator: KnownInitiator | null
  readonly others: Budget
  /** Factors that the user could use instead. */
  readonly otherFactors: readonly PasscodeMethod[]
  /** The challenge that this relying party created before under the same Idempotency-Key. */
  readonly earlier: {
    readonly challenge: Challenge
    readonly numberSealed: Uint8Array | null
    readonly requestHash: Uint8Array
  } | null
  /** What the question would supersede; null also where it may supersede nothing. */
  readonly pendingQuestion: PendingQuestion | null
  /** The question that was to be superseded and has been answered meanwhile. */
  readonly answeredQuestion: Challenge | null
  /** The question that was to be continued, with an end that is final. */
  readonly finalQuestion: Challenge | null
}

export type NewTarget = {
  readonly deviceId: DeviceId
  readonly requestPayload: string
  readonly requestHash: string
  /** In which the request speaks to its device. */
  readonly protocolVersion: number
}

/**
 * A push that this process will send right after the commit; the lease keeps others from sending it
 * too.
 */
export type NewPush = { readonly id: DeliveryId; readonly deviceId: DeviceId }

export type NewChallenge = {
  /** The key that asks, which must be in force when the challenge is created; null for none. */
  readonly keyId: ApiKeyId | null
  readonly challenge: Challenge
  readonly numberSealed: Uint8Array | null
  readonly idempotencyKey: string | null
  readonly requestHash: Uint8Array
  readonly targets: readonly NewTarget[]
  readonly pushes: readonly NewPush[]
  readonly activity: NewActivity
  /**
   * The budget that it uses, in its new state; its revision is the one on which the decision was
   * based.
   */
  readonly budget: Budget
  /**
   * The question whose place it takes, and the pushes that close prompts on devices that are not
   * asked any more; null for none.
   */
  readonly superseded:
    | (Pick<PendingQuestion, 'challenge' | 'chain'> & { readonly closings: readonly NewPush[] })
    | null
  /** Revision of the user's protection on which the decision was based. */
  readonly protectionRevision: number
}

/** A challenge as its relying party reads it. */
export type ChallengeRecord = {
  readonly challenge: Challenge
  readonly devices: readonly DeviceProgress[]
  /** The deciding device's data for the result; null when no device decided. */
  readonly decidedBy: {
    readonly id: DeviceId
    readonly activatedAt: Date | null
    readonly platform: Platform
    readonly userVerified: boolean
    readonly hardwareBacked: boolean
    /** Of the protocol, in which the device was asked. */
    readonly protocolVersion: number
  } | null
  readonly now: Date
}

/** A pending challenge as one device sees it. */
export type PendingRequest = {
  readonly challengeId: ChallengeId
  readonly signingKid: string
  readonly requestPayload: string
  readonly returnUrl: string | null
  readonly fetchedAt: Date | null
}

/** Whether the caller has disconnected: what still waits for it is dropped, and rejects. */
export type IsGone = () => boolean

export interface ChallengeStore {
  loadCreation(
    query: {
      readonly tenantId: TenantId
      readonly rpId: RelyingPartyId
      /** The key that asks; null when an integration does. */
      readonly keyId: ApiKeyId | null
      /** The user must have an identifier in one of these. */
      readonly namespaces: readonly string[]
      readonly user: UserReference
      readonly idempotencyKey: string | null
      readonly initiatorKey: string | null
      /** Whether the initiator's pending question is wanted. */
      readonly maySupersede: boolean
      /** The question of the same relying party and user that is wanted while it is pending. */
      readonly continuedId: ChallengeId | null
      /** The question that an attempt before was to supersede, and did not. */
      readonly supersededId: ChallengeId | null
    },
    isGone?: IsGone,
  ): Promise<CreationFacts>
  /**
   * Saves challenge, targets, queued pushes, used budget and activity in one statement, and cancels
   * the question that it supersedes, whose prompts become its own. `changed` when a target is no
   * longer active, the budget or the protection has changed, the Idempotency-Key was used
   * meanwhile, or the question to supersede has ended or lost an attempt.
   */
  create(challenge: NewChallenge, leasedBy: string, isGone?: IsGone): Promise<'done' | 'changed'>

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

  /**
   * The device and its pending requests, newest first, in one round trip; null when there is no
   * such device.
   */
  loadPending(
    tenantId: TenantId,
    deviceId: DeviceId,
    isGone?: IsGone,
  ): Promise<{
    readonly knownDevice: KnownDevice
    readonly pending: readonly PendingRequest[]
  } | null>
  /** Informational, off the hot path. */
  markFetched(tenantId: TenantId, deviceId: DeviceId, ids: readonly ChallengeId[]): Promise<void>
  /** Records the device's receipt of a push; null when the challenge never asked the device. */
  markReceived(challengeId: ChallengeId, proof: ProofToSpend): Promise<'done' | ProofFault | null>

  loadAnswer(query: {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
    readonly challengeId: ChallengeId
    readonly jti: string
  }): Promise<AnswerFacts | null>
  /**
   * Records an answer in one guarded statement: spends the proof, locks the device and then the
   * challenge, checks expiry after the locks by `clock_timestamp()`, and only then writes. `proof`
   * is null when an earlier attempt of the same request has spent it.
   */
  recordAnswer(answer: AnswerToRecord, proof: ProofToSpend | null): Promise<AnswerRecording>

  /**
   * Ends a challenge as cancelled; null when this relying party has no such challenge that is
   * pending.
   */
  cancel(
    tenantId: TenantId,
    rpId: RelyingPartyId,
    id: ChallengeId,
    activity: Omit<NewActivity, 'userId'>,
    leasedBy: string,
  ): Promise<{ readonly pushes: readonly DuePush[] } | null>
  /** Ends expired pending challenges (or only this one); returns those it ended. */
  expire(
    only: { readonly tenantId: TenantId; readonly id: ChallengeId } | null,
    limit: number,
  ): Promise<ChallengeId[]>
  /**
   * The facts that decide a resend, in one round trip; null when the challenge's user is not of
   * this tenant.
   */
  loadResend(challenge: Challenge): Promise<{
    readonly policy: Policy
    readonly protection: Protection
    readonly budget: Budget
    readonly otherFactors: readonly PasscodeMethod[]
    readonly now: Date
  } | null>
  /**
   * Queues another push for each target with a push address; `changed` when the challenge has
   * ended, or `resendsLeft`, the budget or the protection has changed.
   */
  resend(command: {
    readonly challenge: Challenge
    readonly resendsLeft: number
    readonly budget: Budget
    readonly protectionRevision: number
    readonly activity: NewActivity
    readonly leasedBy: string
  }): Promise<{ readonly pushes: readonly DuePush[] } | 'changed'>
}

import type { Actor, NewActivity } from '../domain/activity.ts'
import type { DeviceId, Id, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import type { OtherFactors, SingleUseKind } from '../domain/passcode.ts'
import type { Policy } from '../domain/policy.ts'

/** A device's secret, as stored. */
export type StoredPasscodeSecret = {
  readonly deviceId: DeviceId
  readonly activatedAt: Date | null
  readonly digits: number
  readonly secretSealed: Uint8Array
  /** The last step of which a passcode was accepted. */
  readonly lastStep: number
}

export type SingleUseCodeId = Id<'singleUseCode'>

/** A recovery code or temporary code, as stored: a SHA-256 over a key of its own, which is sealed, and the code. */
export type StoredSingleUseCode = {
  readonly id: SingleUseCodeId
  readonly kind: SingleUseKind
  readonly hash: Uint8Array
  readonly keySealed: Uint8Array
  readonly expiresAt: Date | null
  readonly usedAt: Date | null
}
export type NewSingleUseCode = Pick<StoredSingleUseCode, 'id' | 'hash' | 'keySealed'>

/** What a typed code is compared with; the time is the database's. */
export type PasscodeFacts = {
  readonly now: Date
  readonly policy: Policy
  /** Of active devices. */
  readonly secrets: readonly StoredPasscodeSecret[]
  readonly codes: readonly StoredSingleUseCode[]
}

/** Who tries, and for whom. */
export type PasscodeAttempt = {
  readonly tenantId: TenantId
  readonly userId: UserId
  /** A hash that names one browser, network or relying party. */
  readonly initiator: string
  /** False for a relying party as a whole, which is nobody that a user could get to know. */
  readonly isInitiatorNamed: boolean
  /** How long an initiator from which the user got in counts as known. */
  readonly knownForDays: number
  /** What the code fits; null when it fits nothing. */
  readonly match:
    | { readonly kind: 'passcode'; readonly deviceId: DeviceId; readonly step: number }
    | { readonly kind: SingleUseKind; readonly id: SingleUseCodeId }
    | null
  readonly accepted: NewActivity
  readonly failed: NewActivity
}

export type AttemptOutcome =
  | { readonly kind: 'accepted'; readonly at: Date; readonly recoveryCodesLeft: number }
  /** The code fits nothing, or what it fits was used up or ended in the meantime. */
  | { readonly kind: 'failed' }
  /** The user is suspended: nothing was looked at, and nothing paid. */
  | { readonly kind: 'suspended' }
  | {
      readonly kind: 'locked'
      readonly by: 'initiator' | 'user'
      readonly retryAfterSeconds: number
    }

export interface PasscodeStore {
  facts(tenantId: TenantId, rpId: RelyingPartyId, userId: UserId): Promise<PasscodeFacts>
  otherFactors(tenantId: TenantId, userId: UserId): Promise<OtherFactors>
  /**
   * Records a try in one transaction that holds the user's row. A passcode is paid for before it counts, whether it fits or not:
   * of any number of parallel guesses no more are judged than the budgets hold. One that is accepted is refunded, and clears its
   * initiator. A single-use code that fits takes no budget. A step, a code: each is accepted once, ever.
   */
  attempt(attempt: PasscodeAttempt): Promise<AttemptOutcome>
  /**
   * Uses up a step that is too old to be accepted, of an active device of the user: the same code
   * is not recognised again. False when it was used up before, or is not too old after all.
   */
  burnLateStep(late: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly deviceId: DeviceId
    readonly step: number
  }): Promise<boolean>
  /** Puts this set in the place of the user's former recovery codes; false when the user was erased meanwhile. */
  replaceRecoveryCodes(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly codes: readonly NewSingleUseCode[]
    readonly activity: NewActivity
  }): Promise<boolean>
  /** Puts this code in the place of the user's former temporary code, and audits it. Gives the time of its end; null when the user was erased meanwhile. */
  replaceTemporaryCode(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly code: NewSingleUseCode
    readonly ttlSeconds: number
    readonly activity: NewActivity
    readonly actor: Extract<Actor, `api_key:${string}`>
  }): Promise<Date | null>
}

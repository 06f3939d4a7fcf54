import type { Actor, NewActivity } from '../domain/activity.ts'
import type {
  DeviceId,
  Id,
  PortalSessionId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import type { OtherFactors, SingleUseKind } from '../domain/passcode.ts'
import type { Policy } from '../domain/policy.ts'
import type { PortalWriteResult } from '../domain/portal.ts'

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

/**
 * A recovery code or temporary code, as stored: a SHA-256 over a key of its own, which is stored
 * sealed, and the code.
 */
export type StoredSingleUseCode = {
  readonly id: SingleUseCodeId
  readonly kind: SingleUseKind
  readonly hash: Uint8Array
  readonly keySealed: Uint8Array
  readonly expiresAt: Date | null
  readonly usedAt: Date | null
}
export type NewSingleUseCode = Pick<StoredSingleUseCode, 'id' | 'hash' | 'keySealed'>

/** The facts against which a typed code is checked; the time is the database's. */
export type PasscodeFacts = {
  readonly now: Date
  readonly policy: Policy
  /** Of active devices. */
  readonly secrets: readonly StoredPasscodeSecret[]
  readonly codes: readonly StoredSingleUseCode[]
}

/** The initiator and the user of an attempt. */
export type PasscodeAttempt = {
  readonly tenantId: TenantId
  readonly userId: UserId
  /** A hash that names one browser, network or relying party. */
  readonly initiator: string
  /** False for a relying party as a whole, which can never become a known initiator. */
  readonly isInitiatorNamed: boolean
  /** For how long an initiator from which the user signed in counts as known. */
  readonly knownForDays: number
  /** What the code matches; null when it matches nothing. */
  readonly match:
    | { readonly kind: 'passcode'; readonly deviceId: DeviceId; readonly step: number }
    | { readonly kind: SingleUseKind; readonly id: SingleUseCodeId }
    | null
  readonly acceptedActivity: NewActivity
  readonly failedActivity: NewActivity
}

export type AttemptOutcome =
  | { readonly kind: 'accepted'; readonly at: Date; readonly recoveryCodesLeft: number }
  /** The code matches nothing, or what it matches was used up or ended in the meantime. */
  | { readonly kind: 'failed' }
  /** The user is suspended: nothing was checked, and no budget used. */
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
   * Records an attempt in one transaction that locks the user's row. A passcode takes from the
   * budget before it is checked, whether it matches or not: of any number of parallel guesses no
   * more are checked than the budgets allow. An accepted one is refunded, and clears its initiator.
   * A single-use code that matches uses no budget. Each step and each code is accepted at most
   * once.
   */
  attempt(attempt: PasscodeAttempt): Promise<AttemptOutcome>
  /**
   * Uses up a step that is too old to be accepted, of an active device of the user, so that the
   * same code is not recognised again. Null when it was used up before, or is not too old after
   * all.
   */
  burnLateStep(late: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly deviceId: DeviceId
    readonly step: number
  }): Promise<'done' | null>
  /**
   * Replaces the user's former recovery codes with this set; null when the user was erased
   * meanwhile.
   */
  replaceRecoveryCodes(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly codes: readonly NewSingleUseCode[]
    readonly activity: NewActivity
  }): Promise<'done' | null>
  /** The newest of the user's recovery codes, used or not: it names their set. */
  findRecoveryCodeSet(tenantId: TenantId, userId: UserId): Promise<SingleUseCodeId | null>
  /**
   * The same in a session of the portal, if the former set is still this one: of two presses the
   * second replaces nothing, whose codes nobody would see. `session_gone` when it is not live.
   */
  replaceRecoveryCodesInPortal(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly sessionId: PortalSessionId
    readonly insteadOf: SingleUseCodeId | null
    readonly codes: readonly NewSingleUseCode[]
    readonly activity: NewActivity
  }): Promise<PortalWriteResult>
  /**
   * Replaces the user's former temporary code with this one, and audits it. Returns its end; null
   * when the user was erased meanwhile.
   */
  replaceTemporaryCode(command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly code: NewSingleUseCode
    readonly ttlSeconds: number
    readonly activity: NewActivity
    readonly actor: Extract<Actor, `api_key:${string}`>
  }): Promise<Date | null>
}

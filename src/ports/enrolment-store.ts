import type { NewActivity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { ConfirmationEffect, Enrolment } from '../domain/enrolment.ts'
import type { EnrolmentId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { NewPushToken, ProofToSpend, TiedKey, Unregistered } from './device-store.ts'
import type { StoredSigningKey } from './directory-store.ts'

export type NewEnrolment = Pick<
  Enrolment,
  | 'tenantId'
  | 'id'
  | 'userId'
  | 'rpId'
  | 'codeTriesLeft'
  | 'wrongNumbersLeft'
  | 'confirmationRequired'
  | 'replacesDeviceId'
  | 'parentDeviceId'
  | 'openedByDeviceId'
> & {
  readonly codeHash: Uint8Array
  readonly typedCodeHash: Uint8Array
  readonly ttlSeconds: number
  readonly activity: NewActivity
}

/** An enrolment with what its reader may need: the sealed number while it is claimed. */
export type EnrolmentRecord = {
  readonly enrolment: Enrolment
  readonly numberSealed: Uint8Array | null
  /** The database's time of reading. */
  readonly now: Date
}

/** What a claim finds under a code. */
export type ClaimTarget = EnrolmentRecord & {
  readonly policy: Policy
  readonly tenantName: string
  readonly userName: string
  readonly signingKeys: readonly StoredSigningKey[]
}

export type NewDevice = {
  readonly device: Pick<
    Device,
    | 'tenantId'
    | 'id'
    | 'userId'
    | 'enrolmentId'
    | 'name'
    | 'platform'
    | 'model'
    | 'osVersion'
    | 'appId'
    | 'appVersion'
    | 'attestation'
  >
  readonly keys: readonly TiedKey[]
  readonly push: NewPushToken
  /** Sealed number to confirm with; null when the tenant's policy does without confirmation and the device is active at once. */
  readonly numberSealed: Uint8Array | null
  /** What it makes passcodes from; null when the tenant allows none. */
  readonly passcodeSecret: { readonly digits: number; readonly secretSealed: Uint8Array } | null
  readonly devicesPerUserMax: number
  readonly activities: readonly NewActivity[]
}

export interface EnrolmentStore {
  /** Creates an enrolment, unless the user is suspended. */
  create(enrolment: NewEnrolment): Promise<Enrolment | 'user_suspended'>
  /**
   * Creates the enrolment that a device opens, spending its proof, while the user's row is held: `changed` when that device is not
   * active any more, or the one to be replaced is not there any more.
   */
  createByDevice(
    enrolment: NewEnrolment & { readonly openedByDeviceId: Device['id'] },
    proof: ProofToSpend,
  ): Promise<Enrolment | 'proof_replayed' | 'changed' | 'user_suspended'>
  find(tenantId: TenantId, id: EnrolmentId): Promise<EnrolmentRecord | null>
  /** Cancels an open or claimed enrolment (its unconfirmed device is unregistered); null when it is neither. */
  cancel(
    tenantId: TenantId,
    id: EnrolmentId,
    rpId: RelyingPartyId,
    activity: NewActivity,
  ): Promise<Enrolment | null>
  findByCode(tenantId: TenantId, codeHash: Uint8Array): Promise<ClaimTarget | null>
  /**
   * Finds the open enrolment of the user so named whose typed code this is. When none fits, each open enrolment of
   * that user loses a try; at the last its typed code ends, never its scanned one.
   */
  findByTypedCode(
    tenantId: TenantId,
    user: string,
    typedCodeHash: Uint8Array,
  ): Promise<ClaimTarget | null>
  /**
   * Claims the enrolment for one new device, in one transaction that holds the user's row: one conditional update of the
   * enrolment, so that of any number of claims exactly one succeeds.
   */
  claim(
    device: NewDevice,
  ): Promise<
    | { readonly kind: 'claimed'; readonly device: Device; readonly replaced: Unregistered | null }
    | { readonly kind: 'not_open' }
    | { readonly kind: 'too_many_devices' }
    | { readonly kind: 'key_already_registered' }
  >
  /** The claimed enrolment that waits for this device's number; null when there is none. */
  findForConfirmation(tenantId: TenantId, deviceId: Device['id']): Promise<EnrolmentRecord | null>
  /**
   * Records a typed number if nothing changed since it was judged (`was`): the device becomes active and the one it replaces
   * is unregistered; or a try is lost; or the enrolment is void and the device unregistered.
   */
  confirm(
    command: {
      readonly enrolment: Enrolment
      readonly effect: ConfirmationEffect
      readonly activities: readonly NewActivity[]
    },
    proof: ProofToSpend,
  ): Promise<
    | { readonly kind: 'recorded'; readonly replaced: Unregistered | null }
    | { readonly kind: 'changed' }
    | { readonly kind: 'proof_replayed' }
  >
}

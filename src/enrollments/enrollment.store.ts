import type {
  BoundKey,
  NewPushToken,
  ProofFault,
  ProofToSpend,
  UnregistrationEffects,
} from '../devices/device.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { ConfirmationEffect, Enrollment } from '../domain/enrollment.ts'
import type { EnrollmentId, PortalSessionId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { StoredSigningKey } from '../tenants/directory.store.ts'

export type NewEnrollment = Pick<
  Enrollment,
  | 'tenantId'
  | 'id'
  | 'userId'
  | 'rpId'
  | 'codeAttemptsLeft'
  | 'wrongNumbersLeft'
  | 'confirmationRequired'
  | 'replacesDeviceId'
  | 'parentDeviceId'
  | 'openedByDeviceId'
  | 'openedBySessionId'
> & {
  readonly codeHash: Uint8Array
  readonly typedCodeHash: Uint8Array
  readonly ttlSeconds: number
  readonly activity: NewActivity
}

/** An enrollment with what its reader may need: the sealed number while it is claimed. */
export type EnrollmentRecord = {
  readonly enrollment: Enrollment
  readonly numberSealed: Uint8Array | null
  /** The database's time of reading. */
  readonly now: Date
}

/** What a claim finds by a code. */
export type ClaimTarget = EnrollmentRecord & {
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
    | 'enrollmentId'
    | 'name'
    | 'platform'
    | 'model'
    | 'osVersion'
    | 'appId'
    | 'appVersion'
    | 'protocolVersion'
    | 'attestation'
  > &
    Partial<Pick<Device, 'language'>>
  readonly keys: readonly BoundKey[]
  readonly push: NewPushToken
  /**
   * Sealed number to confirm with; null when the tenant's policy needs no confirmation and the
   * device is active immediately.
   */
  readonly numberSealed: Uint8Array | null
  /** The secret of its passcodes; null when the tenant allows none. */
  readonly passcodeSecret: { readonly digits: number; readonly secretSealed: Uint8Array } | null
  readonly devicesPerUserMax: number
  readonly activities: readonly NewActivity[]
}

export interface EnrollmentStore {
  /** Creates an enrollment, unless the user is suspended. */
  create(enrollment: NewEnrollment): Promise<Enrollment | 'user_suspended'>
  /**
   * Creates the enrollment that a device opens, spending its proof, while the user's row is locked:
   * `changed` when that device is no longer active, or the one to be replaced no longer exists.
   */
  createByDevice(
    enrollment: NewEnrollment & { readonly openedByDeviceId: Device['id'] },
    proof: ProofToSpend,
  ): Promise<Enrollment | ProofFault | 'changed' | 'user_suspended'>
  /** Creates the enrollment that a session of the portal opens, while that session is live. */
  createInPortal(
    enrollment: NewEnrollment & { readonly openedBySessionId: PortalSessionId },
  ): Promise<Enrollment | 'user_suspended' | 'session_gone'>
  find(tenantId: TenantId, id: EnrollmentId): Promise<EnrollmentRecord | null>
  /**
   * Cancels an open or claimed enrollment (its unconfirmed device is unregistered); null when it is
   * neither.
   */
  cancel(
    tenantId: TenantId,
    id: EnrollmentId,
    rpId: RelyingPartyId,
    activity: NewActivity,
  ): Promise<Enrollment | null>
  findByCode(tenantId: TenantId, codeHash: Uint8Array): Promise<ClaimTarget | null>
  /**
   * Finds the open enrollment of the named user by its typed code. When none matches, each open
   * enrollment of that user loses an attempt; at the last its typed code ends, never its scanned
   * one.
   */
  findByTypedCode(
    tenantId: TenantId,
    user: string,
    typedCodeHash: Uint8Array,
  ): Promise<ClaimTarget | null>
  /**
   * Claims the enrollment for one new device, in one transaction that locks the user's row: one
   * conditional update of the enrollment, so that of any number of claims exactly one succeeds.
   */
  claim(device: NewDevice): Promise<
    | {
        readonly kind: 'claimed'
        readonly device: Device
        readonly unregistration: UnregistrationEffects | null
      }
    | { readonly kind: 'not_open' }
    | { readonly kind: 'too_many_devices' }
    | { readonly kind: 'key_already_registered' }
  >
  /** The claimed enrollment that waits for this device's number; null when there is none. */
  findForConfirmation(tenantId: TenantId, deviceId: Device['id']): Promise<EnrollmentRecord | null>
  /**
   * Records a typed number if nothing changed since it was checked (optimistic lock): the device
   * becomes active and the one it replaces is unregistered; or an attempt is lost; or the
   * enrollment is void and the device unregistered.
   */
  confirm(
    command: {
      readonly enrollment: Enrollment
      readonly effect: ConfirmationEffect
      readonly activities: readonly NewActivity[]
    },
    proof: ProofToSpend,
  ): Promise<
    | { readonly kind: 'recorded'; readonly unregistration: UnregistrationEffects | null }
    | { readonly kind: 'changed' }
    | { readonly kind: ProofFault }
  >
}

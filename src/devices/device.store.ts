import type { Actor, NewActivity } from '../domain/activity.ts'
import type { DeviceAttestation } from '../domain/attestation.ts'
import type { Device, DeviceKey, UnregisterReason } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId, DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { PushAddress } from './push-address.store.ts'

/** A push address with its token sealed, as stored. */
export type SealedAddress = Omit<PushAddress, 'token'> & { readonly tokenSealed: Uint8Array }

/**
 * A key with the MAC that binds it to its device, user, role and the device's other keys
 * (usecases/device-keys.ts).
 */
export type BoundKey = DeviceKey & { readonly mac: Uint8Array }

/** What is needed to authenticate a device: read from the database on every call, never cached. */
export type KnownDevice = {
  readonly device: Device
  readonly keys: readonly BoundKey[]
  /** How often the device has replaced one of them. */
  readonly keyRevision: number
  /** The policy of its tenant. */
  readonly policy: Policy
}

/** A new push token for a device; null removes it. */
export type NewPushToken = (SealedAddress & { readonly tokenHash: Uint8Array }) | null

/**
 * The proof of a call that changes something, spent in the same transaction; a proof works once,
 * and only while the device has the key that signed it.
 */
export type ProofToSpend = Pick<
  DeviceProof,
  'tenantId' | 'deviceId' | 'kid' | 'jti' | 'expiresAt'
> & {
  /** An earlier transaction of the same call has spent it: only the key counts. */
  readonly isSpent?: boolean
}

/** Why a proof cannot be spent: it was spent before, or its key was replaced meanwhile. */
export type ProofFault = 'proof_replayed' | 'proof_invalid'

export type DeviceChanges = {
  readonly name?: string
  readonly model?: string
  readonly osVersion?: string
  readonly appVersion?: string
  /** Only ever rises: a lower one changes nothing. */
  readonly protocolVersion?: number
  readonly language?: string
}

export type Unregistration = {
  readonly tenantId: TenantId
  readonly userId: UserId
  readonly deviceIds: readonly DeviceId[]
  readonly reason: UnregisterReason
  readonly actor: Actor
}

/** The effects of an unregistration, for the signals and pushes that follow. */
export type UnregistrationEffects = {
  readonly devices: readonly Device[]
  /** Challenges that ended (`no_device_left`) because no device was left to answer them. */
  readonly endedChallenges: readonly ChallengeId[]
}

/** A key that a device has replaced, with the MAC that binds it to the device. */
export type ReplacedKey = BoundKey & { readonly replacedAt: Date }

/** A rotation of a key as the domain decided it. */
export type KeyRotation = {
  readonly tenantId: TenantId
  readonly deviceId: DeviceId
  /** The keys on which the decision was based. */
  readonly wasKids: readonly string[]
  /** All keys of the device from now on. */
  readonly keys: readonly BoundKey[]
  readonly newKid: string
  readonly replacedKey: BoundKey
  readonly attestation: DeviceAttestation
  readonly activity: NewActivity
}

export type KeyRotationResult =
  | { readonly kind: 'rotated'; readonly device: Device; readonly at: Date }
  | { readonly kind: ProofFault | 'key_already_registered' }
  | { readonly kind: 'too_many'; readonly retryAfterSeconds: number }
  /** Its keys are others by now, or it is not active any more. */
  | { readonly kind: 'changed' }

export interface DeviceStore {
  find(tenantId: TenantId, id: DeviceId): Promise<Device | null>
  findKnown(tenantId: TenantId, id: DeviceId): Promise<KnownDevice | null>
  /**
   * Whether the device had a key whose thumbprint has this SHA-256 when it was erased with its
   * user.
   */
  hadErasedKey(tenantId: TenantId, id: DeviceId, kidHash: Uint8Array): Promise<boolean>
  /** A key of this thumbprint that the device has replaced. */
  findReplacedKey(tenantId: TenantId, id: DeviceId, kid: string): Promise<ReplacedKey | null>
  /**
   * Replaces a key of an active device: waits for the calls that its keys have signed and that are
   * under way, and from the commit on none of the old key counts.
   */
  rotateKey(rotation: KeyRotation, proof: ProofToSpend): Promise<KeyRotationResult>
  /** All of a user's devices that were ever bound, newest first. */
  listOfUser(tenantId: TenantId, userId: UserId): Promise<Device[]>
  /** Changes a live device; null when it is not live. */
  change(
    tenantId: TenantId,
    id: DeviceId,
    changes: DeviceChanges,
    activity: NewActivity | null,
  ): Promise<Device | null>
  /** The same at a device's own request. */
  changeWithProof(
    tenantId: TenantId,
    id: DeviceId,
    changes: DeviceChanges,
    activity: NewActivity | null,
    proof: ProofToSpend,
  ): Promise<Device | null | ProofFault>
  /** Null when the device is not live. */
  setPushToken(
    tenantId: TenantId,
    id: DeviceId,
    token: NewPushToken,
    proof: ProofToSpend,
  ): Promise<'done' | ProofFault | null>
  /**
   * Unregisters devices of one user permanently: locks user, then devices, then challenges, so that
   * no answer of theirs commits after this returns. Voids the enrollment of a device that was never
   * confirmed, and ends challenges that lose their last device. An empty list of `deviceIds` means
   * all of the user's.
   */
  unregister(command: Unregistration): Promise<UnregistrationEffects>
  /**
   * The same at a device's own request. Unregisters nothing when that device is itself no longer
   * live.
   */
  unregisterWithProof(
    command: Unregistration,
    proof: ProofToSpend,
  ): Promise<UnregistrationEffects | ProofFault>
  /**
   * Records for the user that the keys of an unregistered device were used, unless that was
   * recorded within `revokedUseGapSeconds`: then null. Exact also for parallel calls.
   */
  recordRevokedUse(tenantId: TenantId, activity: NewActivity): Promise<'done' | null>
  /**
   * Drops a token that a provider declared dead from the devices that have it and are pushed with
   * the same credentials, if it was set before `since`: those of the tenant whose own credentials
   * were used (`within`), or, where the credentials that serve every tenant were used (null), of
   * all tenants that have none of their own for the app.
   */
  dropPushToken(tokenHash: Uint8Array, since: Date | null, within: TenantId | null): Promise<number>
}

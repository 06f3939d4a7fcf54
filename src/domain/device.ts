import { activity, type NewActivity, type Severity } from './activity.ts'
import type { DeviceAttestation } from './attestation.ts'
import type { DeviceId, EnrollmentId, TenantId, UserId } from './ids.ts'

/** `suspended` may become active again; `unregistered` is permanent. */
export const deviceStatuses = ['unconfirmed', 'active', 'suspended', 'unregistered'] as const
export type DeviceStatus = (typeof deviceStatuses)[number]
/** In which a device may look after itself; only an active one may answer. */
export const workingStatuses = ['unconfirmed', 'active'] as const satisfies DeviceStatus[]

export const platforms = ['ios', 'android', 'web', 'other'] as const
export type Platform = (typeof platforms)[number]

/** Reasons that the person of the device chooses from. */
export const personalReasons = ['lost', 'stolen', 'replaced', 'user_request'] as const
/** Reasons that a caller of the server API may give. */
export const givenReasons = [...personalReasons, 'admin'] as const
export const unregisterReasons = [...givenReasons, 'not_confirmed'] as const
export type UnregisterReason = (typeof unregisterReasons)[number]

/** A P-256 public key; nothing else is accepted as a device key. */
export type PublicJwk = {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/**
 * What a key is for: `possession` needs no prompt, `verification` requires biometrics or PIN on
 * each use.
 */
export const keyRoles = ['possession', 'verification'] as const
export type KeyRole = (typeof keyRoles)[number]

/** What is kept of a passkey beside its public key. */
export type PasskeyFacts = {
  /** base64url. */
  readonly credentialId: string
  /** The flags BE and BS at enrollment: what the authenticator said, which nobody vouches for. */
  readonly backupEligible: boolean
  readonly backedUp: boolean
}

/** A registered key; `kid` is its RFC 7638 thumbprint. */
export type DeviceKey = {
  readonly role: KeyRole
  readonly kid: string
  readonly publicJwk: PublicJwk
  /** Of a passkey alone, which is a verification key. */
  readonly passkey?: PasskeyFacts
}

/** An app installation with its own keys. */
export type Device = {
  readonly tenantId: TenantId
  readonly id: DeviceId
  readonly userId: UserId
  readonly enrollmentId: EnrollmentId
  readonly status: DeviceStatus
  readonly name: string
  readonly platform: Platform
  readonly model: string
  readonly osVersion: string
  readonly appId: string
  readonly appVersion: string
  /** The newest version of the device protocol that its app speaks; it only rises. */
  readonly protocolVersion: number
  /** In which its person reads (domain/language.ts); null where it has not said. */
  readonly language: string | null
  /** The device whose companion (a watch) this is; it ends with it. */
  readonly parentDeviceId: DeviceId | null
  readonly hasPushToken: boolean
  readonly hasVerificationKey: boolean
  /** The verification key of a browser; null where it has none, or a key of another kind. */
  readonly passkey: Pick<PasskeyFacts, 'backupEligible' | 'backedUp'> | null
  /** What its maker attested at enrollment; it ends when a key is replaced. */
  readonly attestation: DeviceAttestation
  readonly createdAt: Date
  readonly activatedAt: Date | null
  readonly lastSeenAt: Date | null
  readonly unregisteredAt: Date | null
  readonly unregisterReason: UnregisterReason | null
  /** Since when it is suspended; null unless it is. */
  readonly suspendedAt: Date | null
}

/** The device's key with this thumbprint; keys are never looked up without their device. */
export function keyOf<Key extends DeviceKey>(keys: readonly Key[], kid: string): Key | undefined {
  return keys.find((key) => key.kid === kid)
}

/** The app id of the authenticator in a browser. */
export const browserAppId = 'countersign.web'

/** Whether it runs in a browser, whose keys are software and vouched for by nobody. */
export function isBrowser({ platform, appId }: Pick<Device, 'platform' | 'appId'>): boolean {
  return platform === 'web' || appId === browserAppId
}

const severityOfUse: Record<UnregisterReason, Severity> = {
  lost: 'critical',
  stolen: 'critical',
  admin: 'warning',
  replaced: 'info',
  user_request: 'info',
  not_confirmed: 'info',
}

/**
 * Use of an unregistered device's keys is reported at most once in this time, or a thief could
 * flood the owner with notices.
 */
export const revokedUseGapSeconds = 60 * 60

/**
 * The activity for a signature by an unregistered device's keys. Use of a lost phone is an attack;
 * an app that has just been removed calls once more to find out.
 */
export function revokedUse({ id, userId, name, unregisterReason }: Device): NewActivity {
  const reason = unregisterReason ?? 'admin'
  return {
    ...activity({
      userId,
      type: 'revoked_device_used',
      actor: `device:${id}`,
      deviceId: id,
      details: { reason, name },
    }),
    severity: severityOfUse[reason],
  }
}

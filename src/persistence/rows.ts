// Rows of hand-written SQL, turned into domain values in this one place.

import type { Challenge } from '../domain/challenge.ts'
import type { Device, DeviceKey } from '../domain/device.ts'
import type { Enrollment } from '../domain/enrollment.ts'
import { policyOf } from '../domain/policy.ts'
import type { DuePush } from '../ports/challenge-store.ts'
import type { KnownDevice, SealedAddress } from '../ports/device-store.ts'
import type { EnrollmentRecord } from '../ports/enrollment-store.ts'
import { readTime } from './column-types.ts'

/**
 * Columns of `devices d`, each prefixed `d_` so that they can be selected together with another
 * table's.
 */
export const deviceColumns = `
  d.tenant_id as d_tenant_id, d.id as d_id, d.user_id as d_user_id,
  d.enrollment_id as d_enrollment_id, d.status as d_status, d.name as d_name,
  d.platform as d_platform, d.model as d_model, d.os_version as d_os_version,
  d.app_id as d_app_id, d.app_version as d_app_version, d.parent_device_id as d_parent_device_id,
  d.push_token_sealed is not null as d_has_push_token,
  exists (select from device_keys v where v.tenant_id = d.tenant_id and v.device_id = d.id
    and v.role = 'verification') as d_has_verification_key,
  d.attestation_level as d_attestation_level, d.attestation_verdict as d_attestation_verdict,
  d.attestation_why as d_attestation_why,
  d.created_at as d_created_at, d.activated_at as d_activated_at, d.last_seen_at as d_last_seen_at,
  d.unregistered_at as d_unregistered_at, d.unregister_reason as d_unregister_reason,
  d.suspended_at as d_suspended_at`

/** What verifying `devices d` needs: its keys as JSON, and the policy of its tenant. */
export const deviceKeysColumn = `
  (select json_agg(json_build_object('role', k.role, 'kid', k.kid, 'publicJwk', k.public_jwk,
    'mac', encode(k.mac, 'base64')))
   from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id) as d_keys,
  (select t.policy from tenants t where t.tenant_id = d.tenant_id) as d_policy`

export type DeviceRow = {
  readonly d_tenant_id: Device['tenantId']
  readonly d_id: Device['id']
  readonly d_user_id: Device['userId']
  readonly d_enrollment_id: Device['enrollmentId']
  readonly d_status: Device['status']
  readonly d_name: string
  readonly d_platform: Device['platform']
  readonly d_model: string
  readonly d_os_version: string
  readonly d_app_id: string
  readonly d_app_version: string
  readonly d_parent_device_id: Device['parentDeviceId']
  readonly d_has_push_token: boolean
  readonly d_has_verification_key: boolean
  readonly d_attestation_level: Device['attestation']['level']
  readonly d_attestation_verdict: Device['attestation']['verdict']
  readonly d_attestation_why: Device['attestation']['why']
  readonly d_created_at: Date
  readonly d_activated_at: Date | null
  readonly d_last_seen_at: Date | null
  readonly d_unregistered_at: Date | null
  readonly d_unregister_reason: Device['unregisterReason']
  readonly d_suspended_at: Date | null
}

export type KnownDeviceRow = DeviceRow & {
  readonly d_keys: (DeviceKey & { readonly mac: string })[] | null
  readonly d_policy: unknown
}

export function toDevice(row: DeviceRow): Device {
  return {
    tenantId: row.d_tenant_id,
    id: row.d_id,
    userId: row.d_user_id,
    enrollmentId: row.d_enrollment_id,
    status: row.d_status,
    name: row.d_name,
    platform: row.d_platform,
    model: row.d_model,
    osVersion: row.d_os_version,
    appId: row.d_app_id,
    appVersion: row.d_app_version,
    parentDeviceId: row.d_parent_device_id,
    hasPushToken: row.d_has_push_token,
    hasVerificationKey: row.d_has_verification_key,
    attestation: {
      level: row.d_attestation_level,
      verdict: row.d_attestation_verdict,
      why: row.d_attestation_why,
    },
    createdAt: row.d_created_at,
    activatedAt: row.d_activated_at,
    lastSeenAt: row.d_last_seen_at,
    unregisteredAt: row.d_unregistered_at,
    unregisterReason: row.d_unregister_reason,
    suspendedAt: row.d_suspended_at,
  }
}

export function toKnownDevice(row: KnownDeviceRow): KnownDevice {
  const keys = (row.d_keys ?? []).map((key) => ({ ...key, mac: Buffer.from(key.mac, 'base64') }))
  return { device: toDevice(row), keys, policy: policyOf(row.d_policy) }
}

/**
 * The condition of the index `challenges_pending_of_user`, for statements that read all pending
 * challenges of a user. Its second half follows from the first, which the planner does not know: a
 * statement with the id of one challenge leaves it out and is not offered the index.
 */
export const isPending = (c: string) => `${c}.status = 'pending' and ${c}.decided_device_id is null`

/** A row of `select c.*` from challenges. */
export type ChallengeRow = {
  readonly tenant_id: Challenge['tenantId']
  readonly id: Challenge['id']
  readonly rp_id: Challenge['rpId']
  readonly user_id: Challenge['userId']
  readonly status: Challenge['status']
  readonly reason: Challenge['reason']
  readonly context: Challenge['context']
  readonly number_mode: Challenge['numberMode']
  readonly number_digits: number | null
  readonly number_sealed: Buffer | null
  readonly wrong_numbers_left: number
  readonly user_verification: Challenge['userVerification']
  readonly binding: string | null
  readonly delivery_mode: Challenge['deliveryMode']
  readonly suppressed: Challenge['suppressed']
  readonly initiator_key: string | null
  readonly budget_key: string
  readonly signing_kid: string
  readonly result_jti: string
  readonly request_hash: Buffer
  readonly resends_left: number
  readonly last_push_at: Date | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly decided_at: Date | null
  readonly decided_device_id: Challenge['decidedDeviceId']
}

export function toChallenge(row: ChallengeRow): Challenge {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    rpId: row.rp_id,
    userId: row.user_id,
    status: row.status,
    reason: row.reason,
    context: row.context,
    numberMode: row.number_mode,
    numberDigits: row.number_digits,
    wrongNumbersLeft: row.wrong_numbers_left,
    userVerification: row.user_verification,
    binding: row.binding,
    deliveryMode: row.delivery_mode,
    suppressed: row.suppressed,
    initiatorKey: row.initiator_key,
    budgetKey: row.budget_key,
    signingKid: row.signing_kid,
    resultJti: row.result_jti,
    resendsLeft: row.resends_left,
    lastPushAt: row.last_push_at,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedDeviceId: row.decided_device_id,
  }
}

/** A row of `select e.*` from enrollments. */
export type EnrollmentRow = {
  readonly tenant_id: Enrollment['tenantId']
  readonly id: Enrollment['id']
  readonly user_id: Enrollment['userId']
  readonly rp_id: Enrollment['rpId']
  readonly status: Enrollment['status']
  readonly reason: Enrollment['reason']
  readonly code_tries_left: number
  readonly number_sealed: Buffer | null
  readonly wrong_numbers_left: number
  readonly confirmation_required: boolean
  readonly replaces_device_id: Enrollment['replacesDeviceId']
  readonly parent_device_id: Enrollment['parentDeviceId']
  readonly device_id: Enrollment['deviceId']
  readonly opened_by_device_id: Enrollment['openedByDeviceId']
  readonly created_at: Date
  readonly expires_at: Date
  readonly claimed_at: Date | null
  readonly ended_at: Date | null
}

export function toEnrollment(row: EnrollmentRow): Enrollment {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    userId: row.user_id,
    rpId: row.rp_id,
    status: row.status,
    reason: row.reason,
    codeAttemptsLeft: row.code_tries_left,
    wrongNumbersLeft: row.wrong_numbers_left,
    confirmationRequired: row.confirmation_required,
    replacesDeviceId: row.replaces_device_id,
    parentDeviceId: row.parent_device_id,
    deviceId: row.device_id,
    openedByDeviceId: row.opened_by_device_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    claimedAt: row.claimed_at,
    endedAt: row.ended_at,
  }
}

/** An enrollment and the database's time of reading it. */
export type ReadEnrollmentRow = EnrollmentRow & { readonly now: Date }

export function toEnrollmentRecord(row: ReadEnrollmentRow): EnrollmentRecord {
  return { enrollment: toEnrollment(row), numberSealed: row.number_sealed, now: row.now }
}

/** Push address columns; bytes as base64, because they also travel inside JSON. */
export type AddressRow = {
  readonly push_provider: SealedAddress['provider'] | null
  readonly push_environment: SealedAddress['environment'] | null
  readonly app_id: string
  readonly push_token: string | null
}

/** Columns of the push address of a `devices` row under this alias. */
export function addressColumns(alias: string): string {
  return `${alias}.push_provider, ${alias}.push_environment, ${alias}.app_id,
    encode(${alias}.push_token_sealed, 'base64') as push_token`
}

export function toAddress(row: AddressRow): SealedAddress | null {
  if (row.push_provider === null || row.push_token === null) return null
  return {
    provider: row.push_provider,
    environment: row.push_environment ?? 'production',
    appId: row.app_id,
    tokenSealed: Buffer.from(row.push_token, 'base64'),
  }
}

/** A push to be sent; `expires_at` is when it becomes worthless. */
export type DuePushRow = AddressRow & {
  readonly tenant_id: DuePush['tenantId']
  readonly id: DuePush['id']
  readonly kind: DuePush['kind']
  readonly challenge_id: DuePush['challengeId']
  readonly activity_id?: DuePush['activityId']
  readonly more?: number | null
  readonly device_id: DuePush['deviceId']
  readonly attempts: number
  /** A date, or its text where the row came as JSON. */
  readonly expires_at: Date | string
}

export function toDuePushes(rows: readonly DuePushRow[]): DuePush[] {
  return rows.flatMap((row) => {
    const address = toAddress(row)
    if (!address) return []
    return {
      tenantId: row.tenant_id,
      id: row.id,
      kind: row.kind,
      challengeId: row.challenge_id,
      ...(row.activity_id && { activityId: row.activity_id }),
      ...(row.more && { more: row.more }),
      deviceId: row.device_id,
      address,
      attempts: row.attempts,
      expiresAt: row.expires_at instanceof Date ? row.expires_at : readTime(row.expires_at),
    }
  })
}

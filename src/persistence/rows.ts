// Rows of checked statements, turned into domain values in this one place.

import type { Challenge } from '../domain/challenge.ts'
import type { Device, DeviceKey } from '../domain/device.ts'
import type { Enrollment } from '../domain/enrollment.ts'
import { policyOf } from '../domain/policy.ts'
import type { KnownDevice, SealedAddress } from '../ports/device-store.ts'
import type { DuePush } from '../ports/due-push.ts'
import type { EnrollmentRecord } from '../ports/enrollment-store.ts'

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

type DeviceMembers = Omit<Device, 'attestation'> & {
  readonly attestationLevel: Device['attestation']['level']
  readonly attestationVerdict: Device['attestation']['verdict']
  readonly attestationWhy: Device['attestation']['why']
}

export type DeviceRow = {
  readonly [Member in keyof DeviceMembers as `d${Capitalize<Member>}`]: DeviceMembers[Member]
}

export type KnownDeviceRow = DeviceRow & {
  readonly dKeys: (DeviceKey & { readonly mac: string })[] | null
  readonly dPolicy: unknown
}

export function toDevice(row: DeviceRow): Device {
  return {
    tenantId: row.dTenantId,
    id: row.dId,
    userId: row.dUserId,
    enrollmentId: row.dEnrollmentId,
    status: row.dStatus,
    name: row.dName,
    platform: row.dPlatform,
    model: row.dModel,
    osVersion: row.dOsVersion,
    appId: row.dAppId,
    appVersion: row.dAppVersion,
    parentDeviceId: row.dParentDeviceId,
    hasPushToken: row.dHasPushToken,
    hasVerificationKey: row.dHasVerificationKey,
    attestation: {
      level: row.dAttestationLevel,
      verdict: row.dAttestationVerdict,
      why: row.dAttestationWhy,
    },
    createdAt: row.dCreatedAt,
    activatedAt: row.dActivatedAt,
    lastSeenAt: row.dLastSeenAt,
    unregisteredAt: row.dUnregisteredAt,
    unregisterReason: row.dUnregisterReason,
    suspendedAt: row.dSuspendedAt,
  }
}

export function toKnownDevice(row: KnownDeviceRow): KnownDevice {
  const keys = (row.dKeys ?? []).map((key) => ({ ...key, mac: Buffer.from(key.mac, 'base64') }))
  return { device: toDevice(row), keys, policy: policyOf(row.dPolicy) }
}

/**
 * The condition of the index `challenges_pending_of_user`, for statements that read all pending
 * challenges of a user. Its second half follows from the first, which the planner does not know: a
 * statement with the id of one challenge leaves it out and is not offered the index.
 */
export const isPending = (c: string) => `${c}.status = 'pending' and ${c}.decided_device_id is null`

/** Columns of a `challenges` row under this alias: the members of a challenge. */
export const challengeColumns = (c: string) => `
  ${c}.tenant_id, ${c}.id, ${c}.rp_id, ${c}.user_id, ${c}.status, ${c}.reason, ${c}.context,
  ${c}.number_mode, ${c}.number_digits, ${c}.wrong_numbers_left, ${c}.user_verification,
  ${c}.binding, ${c}.delivery_mode, ${c}.suppressed, ${c}.initiator_key, ${c}.budget_key,
  ${c}.signing_kid, ${c}.result_jti, ${c}.resends_left, ${c}.last_push_at, ${c}.created_at,
  ${c}.expires_at, ${c}.decided_at, ${c}.decided_device_id`

/** The challenge in a row that has more columns. */
export function toChallenge(row: Challenge): Challenge {
  return {
    tenantId: row.tenantId,
    id: row.id,
    rpId: row.rpId,
    userId: row.userId,
    status: row.status,
    reason: row.reason,
    context: row.context,
    numberMode: row.numberMode,
    numberDigits: row.numberDigits,
    wrongNumbersLeft: row.wrongNumbersLeft,
    userVerification: row.userVerification,
    binding: row.binding,
    deliveryMode: row.deliveryMode,
    suppressed: row.suppressed,
    initiatorKey: row.initiatorKey,
    budgetKey: row.budgetKey,
    signingKid: row.signingKid,
    resultJti: row.resultJti,
    resendsLeft: row.resendsLeft,
    lastPushAt: row.lastPushAt,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    decidedAt: row.decidedAt,
    decidedDeviceId: row.decidedDeviceId,
  }
}

/** Columns of an `enrollments` row under this alias: the members of an enrollment. */
export const enrollmentColumns = (e: string) => `
  ${e}.tenant_id, ${e}.id, ${e}.user_id, ${e}.rp_id, ${e}.status, ${e}.reason,
  ${e}.code_tries_left as code_attempts_left, ${e}.wrong_numbers_left, ${e}.confirmation_required,
  ${e}.replaces_device_id, ${e}.parent_device_id, ${e}.device_id, ${e}.opened_by_device_id,
  ${e}.created_at, ${e}.expires_at, ${e}.claimed_at, ${e}.ended_at`

/** The enrollment in a row that has more columns. */
function toEnrollment(row: Enrollment): Enrollment {
  return {
    tenantId: row.tenantId,
    id: row.id,
    userId: row.userId,
    rpId: row.rpId,
    status: row.status,
    reason: row.reason,
    codeAttemptsLeft: row.codeAttemptsLeft,
    wrongNumbersLeft: row.wrongNumbersLeft,
    confirmationRequired: row.confirmationRequired,
    replacesDeviceId: row.replacesDeviceId,
    parentDeviceId: row.parentDeviceId,
    deviceId: row.deviceId,
    openedByDeviceId: row.openedByDeviceId,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    claimedAt: row.claimedAt,
    endedAt: row.endedAt,
  }
}

/** An enrollment, its sealed number and the database's time of reading it. */
export type ReadEnrollmentRow = Enrollment & {
  readonly numberSealed: Buffer | null
  readonly now: Date
}

export function toEnrollmentRecord(row: ReadEnrollmentRow): EnrollmentRecord {
  return { enrollment: toEnrollment(row), numberSealed: row.numberSealed, now: row.now }
}

/** Push address columns; bytes as base64, because they also travel inside JSON. */
export type AddressRow = {
  readonly pushProvider: SealedAddress['provider'] | null
  readonly pushEnvironment: SealedAddress['environment'] | null
  readonly appId: string
  readonly pushToken: string | null
}

/** Columns of the push address of a `devices` row under this alias. */
export function addressColumns(alias: string): string {
  return `${alias}.push_provider, ${alias}.push_environment, ${alias}.app_id,
    encode(${alias}.push_token_sealed, 'base64') as push_token`
}

export function toAddress(row: AddressRow): SealedAddress | null {
  if (row.pushProvider === null || row.pushToken === null) return null
  return {
    provider: row.pushProvider,
    environment: row.pushEnvironment ?? 'production',
    appId: row.appId,
    tokenSealed: Buffer.from(row.pushToken, 'base64'),
  }
}

/** A push to be sent; `expiresAt` is when it becomes worthless. */
export type DuePushRow = AddressRow & Omit<DuePush, 'address' | 'activityId' | 'more'>

/** The same where it may be about an activity, or about several. */
export type DueNoticeRow = DuePushRow & {
  readonly activityId: DuePush['activityId'] | null
  readonly more: number | null
}

export function toDuePushes(rows: readonly (DuePushRow | DueNoticeRow)[]): DuePush[] {
  return rows.flatMap((row) => {
    const address = toAddress(row)
    if (!address) return []
    const { tenantId, id, kind, challengeId, deviceId, attempts, expiresAt } = row
    return {
      ...{ tenantId, id, kind, challengeId, deviceId, address, attempts, expiresAt },
      ...('activityId' in row && row.activityId && { activityId: row.activityId }),
      ...('more' in row && row.more && { more: row.more }),
    }
  })
}

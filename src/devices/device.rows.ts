import type { Device, DeviceKey, PasskeyFacts } from '../domain/device.ts'
import { policyOf } from '../domain/policy.ts'
import type { KnownDevice } from './device.store.ts'

/**
 * Columns of `devices d`, each prefixed `d_` so that they can be selected together with another
 * table's. `(select true ..) is true` in place of `exists`: PostgreSQL may answer an `exists` from
 * a hash of the whole table.
 */
export const deviceColumns = `
  d.tenant_id as d_tenant_id, d.id as d_id, d.user_id as d_user_id,
  d.enrollment_id as d_enrollment_id, d.status as d_status, d.name as d_name,
  d.platform as d_platform, d.model as d_model, d.os_version as d_os_version,
  d.app_id as d_app_id, d.app_version as d_app_version,
  d.protocol_version as d_protocol_version, d.language as d_language,
  d.parent_device_id as d_parent_device_id,
  d.push_token_sealed is not null as d_has_push_token,
  (select true from device_keys v where v.tenant_id = d.tenant_id and v.device_id = d.id
    and v.role = 'verification') is true as d_has_verification_key,
  (select json_build_object('backupEligible', v.backup_eligible, 'backedUp', v.backed_up)
    from device_keys v where v.tenant_id = d.tenant_id and v.device_id = d.id
    and v.role = 'verification' and v.kind = 'webauthn') as d_passkey,
  d.attestation_level as d_attestation_level, d.attestation_verdict as d_attestation_verdict,
  d.attestation_why as d_attestation_why,
  d.created_at as d_created_at, d.activated_at as d_activated_at, d.last_seen_at as d_last_seen_at,
  d.unregistered_at as d_unregistered_at, d.unregister_reason as d_unregister_reason,
  d.suspended_at as d_suspended_at`

/** What verifying `devices d` needs: its keys as JSON, and the policy of its tenant. */
export const deviceKeysColumn = `
  (select json_agg(json_build_object('role', k.role, 'kid', k.kid, 'publicJwk', k.public_jwk,
    'mac', encode(k.mac, 'base64'), 'passkey', case when k.kind = 'webauthn' then
      json_build_object('credentialId', k.credential_id, 'backupEligible', k.backup_eligible,
        'backedUp', k.backed_up) end))
   from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id) as d_keys,
  d.key_revision as d_key_revision,
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
  readonly dKeys:
    | (Omit<DeviceKey, 'passkey'> & {
        readonly mac: string
        readonly passkey: PasskeyFacts | null
      })[]
    | null
  readonly dKeyRevision: number
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
    protocolVersion: row.dProtocolVersion,
    language: row.dLanguage,
    parentDeviceId: row.dParentDeviceId,
    hasPushToken: row.dHasPushToken,
    hasVerificationKey: row.dHasVerificationKey,
    passkey: row.dPasskey,
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
  const keys = (row.dKeys ?? []).map(({ mac, passkey, ...key }) => ({
    ...key,
    ...(passkey && { passkey }),
    mac: Buffer.from(mac, 'base64'),
  }))
  const keyRevision = row.dKeyRevision
  return { device: toDevice(row), keys, keyRevision, policy: policyOf(row.dPolicy) }
}

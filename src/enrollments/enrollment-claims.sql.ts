// Claiming an enrollment and confirming it: how a user gets a device.

import { toDevice } from '../devices/device.rows.ts'
import type { UnregistrationEffects } from '../devices/device.store.ts'
import { unregisterDevices } from '../devices/device-unregistration.sql.ts'
import { findDevice, lockUserRow } from '../devices/devices.sql.ts'
import { wereReplaced } from '../devices/keys/key-rotation.sql.ts'
import { type PasskeyColumns, passkeyColumns } from '../devices/keys/passkey-columns.sql.ts'
import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import type { Device } from '../domain/device.ts'
import { type Enrollment, mayAddDevice } from '../domain/enrollment.ts'
import type { DeviceId, EnrollmentId, TenantId, UserId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { enrollmentColumns, type ReadEnrollmentRow, toEnrollmentRecord } from './enrollment.rows.ts'
import type { EnrollmentStore, NewDevice } from './enrollment.store.ts'
import { isPermitted } from './first-device.sql.ts'

// The user's row is locked: a companion's parent that is active here stays so until the commit.
const claimEnrollment = statement<
  {
    readonly tenantId: TenantId
    readonly id: EnrollmentId
    readonly deviceId: DeviceId
    readonly numberSealed: Uint8Array | null
  },
  Pick<Enrollment, 'replacesDeviceId'>
>(
  'claim_enrollment',
  `update enrollments e set status = case when confirmation_required then 'claimed'
    else 'completed' end,
    device_id = :deviceId, number_sealed = :numberSealed, claimed_at = clock_timestamp(),
    ended_at = case when confirmation_required then null else clock_timestamp() end
  where tenant_id = :tenantId and id = :id and status = 'open' and expires_at > clock_timestamp()
    and (parent_device_id is null or exists (select from devices p
      where p.tenant_id = :tenantId and p.id = e.parent_device_id and p.status = 'active'))
    and ${isPermitted('e')}
  returning e.replaces_device_id`,
)

// A suspended device keeps its place, or it could not become active again. A device whose
// enrollment expired before it was confirmed can never become active, and takes no place.
const liveDevices = statement<
  { readonly tenantId: TenantId; readonly userId: UserId },
  { readonly id: DeviceId }
>(
  'live_devices',
  `select d.id from devices d where d.tenant_id = :tenantId and d.user_id = :userId
    and (d.status in ('active', 'suspended') or d.status = 'unconfirmed' and exists (
      select from enrollments e where e.tenant_id = d.tenant_id and e.id = d.enrollment_id
        and e.expires_at > clock_timestamp() offset 0))`,
)

const insertDevice = statement<
  Omit<NewDevice['device'], 'attestation'> & {
    readonly language: Device['language']
    readonly status: Device['status']
    readonly pushProvider: string | null
    readonly pushEnvironment: string | null
    readonly pushTokenSealed: Uint8Array | null
    readonly pushTokenHash: Uint8Array | null
    readonly attestationLevel: Device['attestation']['level']
    readonly attestationVerdict: Device['attestation']['verdict']
    readonly attestationWhy: Device['attestation']['why']
  }
>(
  'insert_device',
  `insert into devices as d (tenant_id, id, user_id, enrollment_id, status, name, platform, model,
    os_version, app_id, app_version, push_provider, push_environment, push_token_sealed,
    push_token_hash, push_token_set_at, activated_at, attestation_level, attestation_verdict,
    attestation_why, protocol_version, language, parent_device_id)
  values (:tenantId, :id, :userId, :enrollmentId, :status, :name, :platform, :model, :osVersion,
    :appId, :appVersion, :pushProvider, :pushEnvironment, :pushTokenSealed, :pushTokenHash,
    case when :pushTokenSealed::bytea is null then null else clock_timestamp() end,
    case when :status = 'active' then clock_timestamp() end,
    :attestationLevel, :attestationVerdict, :attestationWhy, :protocolVersion, :language,
    (select e.parent_device_id from enrollments e
      where e.tenant_id = :tenantId and e.id = :enrollmentId))`,
)

// In one order, or two claims that bring the same two keys could wait for each other.
const insertKeys = statement<
  {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
    readonly roles: readonly string[]
    readonly kids: readonly string[]
    readonly publicJwks: readonly string[]
    readonly macs: readonly Uint8Array[]
  } & PasskeyColumns,
  { readonly kid: string }
>(
  'insert_device_keys',
  `insert into device_keys (tenant_id, device_id, role, kid, public_jwk, mac, kind, credential_id,
    backup_eligible, backed_up)
  select :tenantId, :deviceId, x.*
  from unnest(:roles::text[], :kids::text[], :publicJwks::jsonb[], :macs::bytea[], :kinds::text[],
      :credentialIds::text[], :backupEligible::boolean[], :backedUp::boolean[])
    as x(role, kid, public_jwk, mac, kind, credential_id, backup_eligible, backed_up)
  order by x.kid
  on conflict (kid) do nothing returning kid`,
)

const insertSecret = statement<
  {
    readonly tenantId: TenantId
    readonly deviceId: DeviceId
  } & NonNullable<NewDevice['passcodeSecret']>
>(
  'insert_passcode_secret',
  `insert into passcode_secrets (tenant_id, device_id, digits, secret_sealed)
    values (:tenantId, :deviceId, :digits, :secretSealed)`,
)

const confirmClaim = statement<
  Pick<Enrollment, 'tenantId' | 'id' | 'status' | 'wrongNumbersLeft' | 'reason'> & {
    readonly wrongNumbersLeftBefore: number
  },
  Pick<Enrollment, 'id'>
>(
  'confirm_claim',
  `update enrollments e set status = :status, wrong_numbers_left = :wrongNumbersLeft,
    reason = :reason,
    number_sealed = case when :status = 'claimed' then number_sealed end,
    ended_at = case when :status = 'claimed' then null else clock_timestamp() end
  where tenant_id = :tenantId and id = :id and status = 'claimed'
    and wrong_numbers_left = :wrongNumbersLeftBefore and expires_at > clock_timestamp()
    and ${isPermitted('e')}
  returning e.id`,
)

type DeviceParams = { readonly tenantId: TenantId; readonly deviceId: DeviceId }

const activateDevice = statement<DeviceParams>(
  'activate_device',
  `update devices set status = 'active', activated_at = clock_timestamp(),
    last_seen_at = clock_timestamp()
  where tenant_id = :tenantId and id = :deviceId and status = 'unconfirmed'`,
)

const findForConfirmation = statement<DeviceParams, ReadEnrollmentRow>(
  'find_for_confirmation',
  `select ${enrollmentColumns('e')}, e.number_sealed, clock_timestamp() as now
  from devices d join enrollments e on e.tenant_id = d.tenant_id and e.id = d.enrollment_id
  where d.tenant_id = :tenantId and d.id = :deviceId and e.device_id = d.id
    and e.status = 'claimed'`,
)

/** Rolls a transaction back with a value: a refusal half-way leaves nothing behind. */
class RolledBack<T> extends Error {
  readonly value: T
  constructor(value: T) {
    super('rolled back on purpose')
    this.value = value
  }
}

async function orRolledBack<T>(transaction: Promise<T>): Promise<T> {
  try {
    return await transaction
  } catch (error) {
    if (error instanceof RolledBack) return error.value as T
    throw error
  }
}

/** The half of the enrollment store that creates devices. */
export function buildEnrollmentClaims(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<EnrollmentStore, 'claim' | 'findForConfirmation' | 'confirm'> {
  async function replace(
    tx: Queries,
    { tenantId, userId, id }: Pick<Device, 'tenantId' | 'userId' | 'id'>,
    replacedId: DeviceId | null,
  ): Promise<UnregistrationEffects | null> {
    if (replacedId === null) return null
    const actor = `device:${id}` as const
    return unregisterDevices(tx, random, {
      tenantId,
      userId,
      deviceIds: [replacedId],
      reason: 'replaced',
      actor,
    })
  }

  async function createDevice(tx: Queries, newDevice: NewDevice) {
    const { device, keys, push, numberSealed, passcodeSecret } = newDevice
    const { tenantId, id: deviceId, attestation } = device
    await run(tx, insertDevice, {
      ...device,
      language: device.language ?? null,
      status: numberSealed === null ? 'active' : 'unconfirmed',
      pushProvider: push?.provider ?? null,
      pushEnvironment: push?.environment ?? null,
      pushTokenSealed: push?.tokenSealed ?? null,
      pushTokenHash: push?.tokenHash ?? null,
      attestationLevel: attestation.level,
      attestationVerdict: attestation.verdict,
      attestationWhy: attestation.why,
    })
    if (passcodeSecret !== null) {
      await run(tx, insertSecret, { tenantId, deviceId, ...passcodeSecret })
    }
    const kids = keys.map((key) => key.kid)
    const insertedKeys = await run(tx, insertKeys, {
      tenantId,
      deviceId,
      kids,
      roles: keys.map((key) => key.role),
      publicJwks: keys.map((key) => JSON.stringify(key.publicJwk)),
      macs: keys.map((key) => key.mac),
      ...passkeyColumns(keys),
    })
    return insertedKeys.length === keys.length && !(await wereReplaced(tx, kids))
  }

  return {
    claim(newDevice) {
      const { device, numberSealed, devicesPerUserMax, activities } = newDevice
      const { tenantId, userId, enrollmentId, id } = device
      return orRolledBack(
        database.transaction(async (tx) => {
          await lockUserRow(tx, tenantId, userId)
          const [enrollment] = await run(tx, claimEnrollment, {
            tenantId,
            id: enrollmentId,
            deviceId: id,
            numberSealed,
          })
          if (!enrollment) return { kind: 'not_open' } as const
          const live = await run(tx, liveDevices, { tenantId, userId })
          const replacedId = enrollment.replacesDeviceId
          const liveIds = live.map((row) => row.id)
          if (!mayAddDevice(liveIds, replacedId, devicesPerUserMax)) {
            throw new RolledBack({ kind: 'too_many_devices' })
          }
          if (!(await createDevice(tx, newDevice)))
            throw new RolledBack({ kind: 'key_already_registered' })
          const replacedDevices =
            numberSealed === null ? await replace(tx, device, replacedId) : null
          await recordActivities(tx, random, tenantId, activities)
          const row = await runOne(tx, findDevice, { tenantId, id })
          return {
            kind: 'claimed',
            device: toDevice(row),
            unregistration: replacedDevices,
          } as const
        }),
      )
    },

    async findForConfirmation(tenantId, deviceId) {
      const [row] = await run(database, findForConfirmation, { tenantId, deviceId })
      return row ? toEnrollmentRecord(row) : null
    },

    confirm({ enrollment, effect, activities }, proof) {
      const { tenantId, userId, deviceId, id } = enrollment
      if (deviceId === null) throw new Error('a claimed enrollment has a device')
      const { outcome } = effect
      const statuses = { confirmed: 'completed', wrong_number: 'claimed', void: 'void' } as const
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return { kind: fault }
        await lockUserRow(tx, tenantId, userId)
        const updatedRows = await run(tx, confirmClaim, {
          tenantId,
          id,
          wrongNumbersLeftBefore: enrollment.wrongNumbersLeft,
          status: statuses[outcome],
          wrongNumbersLeft: effect.wrongNumbersLeft,
          reason: outcome === 'void' ? 'number_tries_used_up' : null,
        })
        if (updatedRows.length === 0) return { kind: 'changed' } as const
        const device = { tenantId, userId, id: deviceId }
        if (outcome === 'void') {
          const actor = `device:${deviceId}` as const
          const deviceIds = [deviceId]
          const reason = 'not_confirmed'
          await unregisterDevices(tx, random, { tenantId, userId, deviceIds, reason, actor })
        }
        // The older device first: several devices are locked by id.
        const replacedDevices =
          outcome === 'confirmed' ? await replace(tx, device, enrollment.replacesDeviceId) : null
        if (outcome === 'confirmed') {
          await run(tx, activateDevice, { tenantId, deviceId })
        }
        await recordActivities(tx, random, tenantId, activities)
        return { kind: 'recorded', unregistration: replacedDevices } as const
      })
    },
  }
}

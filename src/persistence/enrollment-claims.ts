// Claiming an enrollment and confirming it: how a user gets a device.

import type { Device } from '../domain/device.ts'
import { mayAddDevice } from '../domain/enrollment.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { UnregistrationEffects } from '../ports/device-store.ts'
import type { EnrollmentStore, NewDevice } from '../ports/enrollment-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database, Queries } from './database.ts'
import { findDevice, lockUserRow, spendProof, unregisterDevices } from './devices.ts'
import {
  type DeviceRow,
  type EnrollmentRow,
  type ReadEnrollmentRow,
  toDevice,
  toEnrollmentRecord,
} from './rows.ts'

// The user's row is locked: a companion's parent that is active here stays so until the commit.
const claimEnrollment = `
  update enrollments e set status = case when confirmation_required then 'claimed'
    else 'completed' end,
    device_id = $3, number_sealed = $4, claimed_at = clock_timestamp(),
    ended_at = case when confirmation_required then null else clock_timestamp() end
  where tenant_id = $1 and id = $2 and status = 'open' and expires_at > clock_timestamp()
    and (parent_device_id is null or exists (select from devices p
      where p.tenant_id = $1 and p.id = e.parent_device_id and p.status = 'active'))
  returning *`

// A suspended device keeps its place, or it could not become active again. A device whose
// enrollment expired before it was confirmed can never become active, and takes no place.
const liveDevices = `
  select d.id from devices d where d.tenant_id = $1 and d.user_id = $2
    and (d.status in ('active', 'suspended') or d.status = 'unconfirmed' and exists (
      select from enrollments e where e.tenant_id = d.tenant_id and e.id = d.enrollment_id
        and e.expires_at > clock_timestamp() offset 0))`

const insertDevice = `
  insert into devices as d (tenant_id, id, user_id, enrollment_id, status, name, platform, model,
    os_version, app_id, app_version, push_provider, push_environment, push_token_sealed,
    push_token_hash, push_token_set_at, activated_at, attestation_level, attestation_verdict,
    attestation_why, parent_device_id)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    case when $14::bytea is null then null else clock_timestamp() end,
    case when $5 = 'active' then clock_timestamp() end, $16, $17, $18,
    (select e.parent_device_id from enrollments e where e.tenant_id = $1 and e.id = $4))
  returning d.id`

// In one order, or two claims that bring the same two keys could wait for each other.
const insertKeys = `
  insert into device_keys (tenant_id, device_id, role, kid, public_jwk, mac)
  select $1, $2, x.*
  from unnest($3::text[], $4::text[], $5::jsonb[], $6::bytea[]) as x(role, kid, public_jwk, mac)
  order by x.kid
  on conflict (kid) do nothing returning kid`

const insertSecret = `
  insert into passcode_secrets (tenant_id, device_id, digits, secret_sealed)
    values ($1, $2, $3, $4)`

const confirmClaim = `
  update enrollments set status = $4, wrong_numbers_left = $5, reason = $6,
    number_sealed = case when $4 = 'claimed' then number_sealed end,
    ended_at = case when $4 = 'claimed' then null else clock_timestamp() end
  where tenant_id = $1 and id = $2 and status = 'claimed' and wrong_numbers_left = $3
    and expires_at > clock_timestamp()
  returning id`

const activateDevice = `
  update devices set status = 'active', activated_at = clock_timestamp(),
    last_seen_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and status = 'unconfirmed'`

const findForConfirmation = `
  select e.*, clock_timestamp() as now
  from devices d join enrollments e on e.tenant_id = d.tenant_id and e.id = d.enrollment_id
  where d.tenant_id = $1 and d.id = $2 and e.device_id = d.id and e.status = 'claimed'`

/** Rolls a transaction back with a value: a refusal half-way leaves nothing behind. */
class RolledBack<T> extends Error {
  readonly value: T
  constructor(value: T) {
    super('rolled back on purpose')
    this.value = value
  }
}

async function orRolledBack<T>(run: Promise<T>): Promise<T> {
  try {
    return await run
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
    await tx.query('insert_device', insertDevice, [
      device.tenantId,
      device.id,
      device.userId,
      device.enrollmentId,
      numberSealed === null ? 'active' : 'unconfirmed',
      device.name,
      device.platform,
      device.model,
      device.osVersion,
      device.appId,
      device.appVersion,
      push?.provider ?? null,
      push?.environment ?? null,
      push?.tokenSealed ?? null,
      push?.tokenHash ?? null,
      device.attestation.level,
      device.attestation.verdict,
      device.attestation.why,
    ])
    if (passcodeSecret !== null) {
      await tx.query('insert_passcode_secret', insertSecret, [
        device.tenantId,
        device.id,
        passcodeSecret.digits,
        passcodeSecret.secretSealed,
      ])
    }
    const insertedKeys = await tx.query('insert_device_keys', insertKeys, [
      device.tenantId,
      device.id,
      keys.map((key) => key.role),
      keys.map((key) => key.kid),
      keys.map((key) => JSON.stringify(key.publicJwk)),
      keys.map((key) => key.mac),
    ])
    return insertedKeys.length === keys.length
  }

  return {
    claim(newDevice) {
      const { device, numberSealed, devicesPerUserMax, activities } = newDevice
      const { tenantId, userId, enrollmentId, id } = device
      return orRolledBack(
        database.transaction(async (tx) => {
          await lockUserRow(tx, tenantId, userId)
          const [enrollment] = await tx.query<EnrollmentRow>('claim_enrollment', claimEnrollment, [
            tenantId,
            enrollmentId,
            id,
            numberSealed,
          ])
          if (!enrollment) return { kind: 'not_open' } as const
          const live = await tx.query<{ id: DeviceId }>('live_devices', liveDevices, [
            tenantId,
            userId,
          ])
          const replacedId = enrollment.replaces_device_id
          if (
            !mayAddDevice(
              live.map((row) => row.id),
              replacedId,
              devicesPerUserMax,
            )
          ) {
            throw new RolledBack({ kind: 'too_many_devices' })
          }
          if (!(await createDevice(tx, newDevice)))
            throw new RolledBack({ kind: 'key_already_registered' })
          const replacedDevices =
            numberSealed === null ? await replace(tx, device, replacedId) : null
          await recordActivities(tx, random, tenantId, activities)
          const [row] = await tx.query<DeviceRow>('find_device', findDevice, [tenantId, id])
          if (!row) throw new Error('the device was inserted a moment ago')
          return {
            kind: 'claimed',
            device: toDevice(row),
            unregistration: replacedDevices,
          } as const
        }),
      )
    },

    async findForConfirmation(tenantId, deviceId) {
      const [row] = await database.query<ReadEnrollmentRow>(
        'find_for_confirmation',
        findForConfirmation,
        [tenantId, deviceId],
      )
      return row ? toEnrollmentRecord(row) : null
    },

    confirm({ enrollment, effect, activities }, proof) {
      const { tenantId, userId, deviceId, id } = enrollment
      if (deviceId === null) throw new Error('a claimed enrollment has a device')
      const { outcome } = effect
      const statuses = { confirmed: 'completed', wrong_number: 'claimed', void: 'void' } as const
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return { kind: 'proof_replayed' } as const
        await lockUserRow(tx, tenantId, userId)
        const updatedRows = await tx.query('confirm_claim', confirmClaim, [
          tenantId,
          id,
          enrollment.wrongNumbersLeft,
          statuses[outcome],
          effect.wrongNumbersLeft,
          outcome === 'void' ? 'number_tries_used_up' : null,
        ])
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
          await tx.query('activate_device', activateDevice, [tenantId, deviceId])
        }
        await recordActivities(tx, random, tenantId, activities)
        return { kind: 'recorded', unregistration: replacedDevices } as const
      })
    },
  }
}

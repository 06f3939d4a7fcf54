import { activity } from '../domain/activity.ts'
import { type Device, revokedUseGapSeconds } from '../domain/device.ts'
import type { VoidReason } from '../domain/enrollment.ts'
import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { DeviceStore, ProofToSpend, UnregistrationEffects } from '../ports/device-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import { endOrphanedChallenges } from './challenge-cancellation.ts'
import type { Database, Queries } from './database.ts'
import {
  type DeviceRow,
  deviceColumns,
  deviceKeysColumn,
  type KnownDeviceRow,
  toDevice,
  toKnownDevice,
} from './rows.ts'

/** One device by id, in any status; the text of the statement `find_device`. */
export const findDevice = `select ${deviceColumns} from devices d
  where d.tenant_id = $1 and d.id = $2`

const findKnown = `
  select ${deviceColumns}, ${deviceKeysColumn} from devices d where d.tenant_id = $1 and d.id = $2`

const listOfUser = `
  select ${deviceColumns} from devices d where d.tenant_id = $1 and d.user_id = $2
  order by d.id desc`

const change = `
  update devices d set name = coalesce($3, d.name), model = coalesce($4, d.model),
    os_version = coalesce($5, d.os_version), app_version = coalesce($6, d.app_version),
    last_seen_at = clock_timestamp()
  where d.tenant_id = $1 and d.id = $2 and d.status <> 'unregistered'
  returning ${deviceColumns}`

const setPushToken = `
  update devices set push_provider = $3, push_environment = $4, push_token_sealed = $5,
    push_token_hash = $6, push_token_set_at = clock_timestamp(), last_seen_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and status <> 'unregistered'
  returning id`

// Every statement that locks several devices takes them by id, or two could wait for each other.
const dropPushToken = `
  with k as materialized (
    select d.tenant_id, d.id from devices d
    where d.push_token_hash = $1 and ($2::timestamptz is null or d.push_token_set_at < $2)
      and (d.tenant_id = $3 or $3::text is null and not exists (select from apps a
        where a.tenant_id = d.tenant_id and a.provider = d.push_provider
          and a.app_id = d.app_id offset 0))
    order by d.id for no key update
  )
  update devices d set push_provider = null, push_environment = null, push_token_sealed = null,
    push_token_hash = null
  from k where d.tenant_id = k.tenant_id and d.id = k.id
  returning d.id`

// `for no key update`: foreign keys of other statements (an answer's activity, say) only need `for
// key share` on the user and must not wait for us while we wait for their lock on the device.
const lockUser = `
  select id from users where tenant_id = $1 and id = $2 for no key update`

// Locked first, so that the recorded time is the time from which no answer commits. Enrollments
// that a device opened for a next phone end with it, or the thief of a phone could have enrolled
// another with them; and so do its companions.
const unregister = `
  with live as materialized (
    select d.id from devices d
    where d.tenant_id = $1 and d.user_id = $2 and d.status <> 'unregistered'
      and (cardinality($3::text[]) = 0 or d.id = any($3::text[])
        or d.parent_device_id = any($3::text[])
        or d.status = 'unconfirmed' and exists (
        select from enrollments e where e.tenant_id = d.tenant_id and e.id = d.enrollment_id
          and e.status = 'claimed' and e.opened_by_device_id = any($3::text[]) offset 0))
    order by d.id for no key update
  )
  update devices d set status = 'unregistered', unregistered_at = clock_timestamp(),
    suspended_at = null,
    unregister_reason = case when d.status = 'unconfirmed' and d.id <> all($3::text[])
      and cardinality($3::text[]) > 0 then 'not_confirmed' else $4 end, push_provider = null,
        push_environment = null,
    push_token_sealed = null, push_token_hash = null
  from live where d.tenant_id = $1 and d.id = live.id
  returning ${deviceColumns}`

// By id, as guesses at several lock them.
const voidEnrollments = `
  with k as materialized (
    select e.id from enrollments e
    where e.tenant_id = $1 and e.user_id = $2 and (e.status = 'claimed'
      and e.device_id = any($3::text[])
      or e.status in ('open', 'claimed') and e.opened_by_device_id = any($3::text[]))
    order by e.id for no key update
  )
  update enrollments e set status = 'void', reason = $4, number_sealed = null,
    ended_at = clock_timestamp()
  from k where e.tenant_id = $1 and e.id = k.id
  returning e.id, e.device_id`

const dropSecrets = `
  delete from passcode_secrets where tenant_id = $1 and device_id = any($2::text[])`

// The row is marked again only when the gap is over: parallel calls queue at its lock, and later
// ones find it marked.
const markRevokedUse = `
  update devices set revoked_use_told_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and status = 'unregistered' and (revoked_use_told_at is null
    or revoked_use_told_at <= clock_timestamp() - make_interval(secs => ${revokedUseGapSeconds}))
  returning id`

const hadErasedKey = `
  select id from devices
  where tenant_id = $1 and id = $2 and status = 'unregistered' and $3 = any(erased_key_hashes)`

/** Spends a proof inside a transaction; false when it was spent before. */
export async function spendProof(tx: Queries, proof: ProofToSpend | null): Promise<boolean> {
  if (proof === null) return true
  const insertedRows = await tx.query(
    'spend_proof',
    `insert into device_proofs (tenant_id, device_id, jti, expires_at) values ($1, $2, $3, $4)
     on conflict do nothing returning jti`,
    [proof.tenantId, proof.deviceId, proof.jti, proof.expiresAt],
  )
  return insertedRows.length === 1
}

/**
 * Whether the device of a proof may still act, inside a transaction that has locked the user's row;
 * true without a proof.
 */
async function isLive(tx: Queries, proof: ProofToSpend | null): Promise<boolean> {
  if (proof === null) return true
  const live = await tx.query(
    'is_live',
    `select id from devices where tenant_id = $1 and id = $2
      and status in ('active', 'unconfirmed')`,
    [proof.tenantId, proof.deviceId],
  )
  return live.length === 1
}

/**
 * Locks a user's row: transactions that add or remove devices of one user are serialized. Order of
 * locks: user, device, challenge.
 */
export async function lockUserRow(tx: Queries, tenantId: TenantId, userId: UserId): Promise<void> {
  await tx.query('lock_user', lockUser, [tenantId, userId])
}

/**
 * Voids what devices claimed and did not confirm, and what they opened for a next phone, inside a
 * transaction that has locked the user's row; returns the devices that had claimed these.
 */
export async function endEnrollmentsOf(
  tx: Queries,
  command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly deviceIds: readonly DeviceId[]
    readonly reason: VoidReason
  },
): Promise<DeviceId[]> {
  const { tenantId, userId, deviceIds, reason } = command
  const values = [tenantId, userId, deviceIds, reason]
  const rows = await tx.query<{ device_id: DeviceId | null }>(
    'void_enrollments',
    voidEnrollments,
    values,
  )
  return rows.flatMap(({ device_id }) => device_id ?? [])
}

type UnregisterCommand = Parameters<DeviceStore['unregister']>[0]

/** The unregistration itself, inside a transaction that has locked the user's row. */
export async function unregisterDevices(
  tx: Queries,
  random: Pick<Random, 'id'>,
  { tenantId, userId, deviceIds, reason, actor }: UnregisterCommand,
): Promise<UnregistrationEffects> {
  const rows = await tx.query<DeviceRow>('unregister_devices', unregister, [
    tenantId,
    userId,
    deviceIds,
    reason,
  ])
  const devices = rows.map(toDevice)
  if (devices.length === 0) return { devices, endedChallenges: [] }
  const ids = devices.map(({ id }) => id)
  await endEnrollmentsOf(tx, { tenantId, userId, deviceIds: ids, reason: 'device_unregistered' })
  await tx.query('drop_passcode_secrets', dropSecrets, [tenantId, ids])
  await recordActivities(
    tx,
    random,
    tenantId,
    devices.map((device: Device) =>
      activity({
        userId,
        type: 'device_unregistered',
        actor,
        deviceId: device.id,
        details: { reason: device.unregisterReason ?? reason, name: device.name },
      }),
    ),
  )
  return { devices, endedChallenges: await endOrphanedChallenges(tx, random, tenantId, userId) }
}

/** Devices and their keys. */
export function buildDeviceStore(database: Database, random: Pick<Random, 'id'>): DeviceStore {
  return {
    async find(tenantId, id) {
      const [row] = await database.query<DeviceRow>('find_device', findDevice, [tenantId, id])
      return row ? toDevice(row) : null
    },

    async findKnown(tenantId, id) {
      const [row] = await database.query<KnownDeviceRow>('find_known_device', findKnown, [
        tenantId,
        id,
      ])
      return row ? toKnownDevice(row) : null
    },

    async hadErasedKey(...values) {
      return (await database.query('had_erased_key', hadErasedKey, values)).length === 1
    },

    async listOfUser(tenantId, userId) {
      const rows = await database.query<DeviceRow>('list_devices', listOfUser, [tenantId, userId])
      return rows.map(toDevice)
    },

    change(tenantId, id, changes, event, proof) {
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return 'proof_replayed'
        const { name, model, osVersion, appVersion } = changes
        const [row] = await tx.query<DeviceRow>('change_device', change, [
          tenantId,
          id,
          name ?? null,
          model ?? null,
          osVersion ?? null,
          appVersion ?? null,
        ])
        if (!row) return null
        await recordActivities(tx, random, tenantId, event ? [event] : [])
        return toDevice(row)
      })
    },

    setPushToken(tenantId, id, token, proof) {
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return 'proof_replayed'
        const rows = await tx.query('set_push_token', setPushToken, [
          tenantId,
          id,
          token?.provider ?? null,
          token?.environment ?? null,
          token?.tokenSealed ?? null,
          token?.tokenHash ?? null,
        ])
        return rows.length === 1
      })
    },

    unregister(command, proof) {
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return 'proof_replayed'
        await lockUserRow(tx, command.tenantId, command.userId)
        // The calling device may have been unregistered since its proof was verified; then it
        // unregisters nothing.
        if (!(await isLive(tx, proof))) return { devices: [], endedChallenges: [] }
        return unregisterDevices(tx, random, command)
      })
    },

    recordRevokedUse(tenantId, event) {
      return database.transaction(async (tx) => {
        const markedRows = await tx.query('tell_revoked_use', markRevokedUse, [
          tenantId,
          event.deviceId,
        ])
        if (markedRows.length === 1) await recordActivities(tx, random, tenantId, [event])
        return markedRows.length === 1
      })
    },

    async dropPushToken(tokenHash, since, within) {
      const values = [tokenHash, since, within]
      return (await database.query('drop_push_token', dropPushToken, values)).length
    },
  }
}

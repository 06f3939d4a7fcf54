import { type Device, revokedUseGapSeconds } from '../domain/device.ts'
import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import {
  type DeviceRow,
  deviceColumns,
  deviceKeysColumn,
  type KnownDeviceRow,
  toDevice,
  toKnownDevice,
} from './device.rows.ts'
import type { DeviceStore, ProofToSpend } from './device.store.ts'
import { unregisterDevices } from './device-unregistration.sql.ts'
import { buildKeyRotation } from './keys/key-rotation.sql.ts'
import { spendProof } from './keys/spend-proof.sql.ts'

type DeviceParams = { readonly tenantId: TenantId; readonly id: DeviceId }
type UserParams = { readonly tenantId: TenantId; readonly userId: UserId }
type IdRow = { readonly id: DeviceId }

/** One device by id, in any status. */
export const findDevice = statement<DeviceParams, DeviceRow>(
  'find_device',
  `select ${deviceColumns} from devices d where d.tenant_id = :tenantId and d.id = :id`,
)

const findKnown = statement<DeviceParams, KnownDeviceRow>(
  'find_known_device',
  `select ${deviceColumns}, ${deviceKeysColumn} from devices d
  where d.tenant_id = :tenantId and d.id = :id`,
)

const listOfUser = statement<UserParams, DeviceRow>(
  'list_devices',
  `select ${deviceColumns} from devices d where d.tenant_id = :tenantId and d.user_id = :userId
  order by d.id desc`,
)

const change = statement<
  DeviceParams &
    Readonly<Record<'name' | 'model' | 'osVersion' | 'appVersion' | 'language', string | null>> & {
      readonly protocolVersion: number | null
    },
  DeviceRow
>(
  'change_device',
  `update devices d set name = coalesce(:name, d.name), model = coalesce(:model, d.model),
    os_version = coalesce(:osVersion, d.os_version),
    app_version = coalesce(:appVersion, d.app_version),
    protocol_version = greatest(:protocolVersion::smallint, d.protocol_version),
    language = coalesce(:language, d.language), last_seen_at = clock_timestamp()
  where d.tenant_id = :tenantId and d.id = :id and d.status <> 'unregistered'
  returning ${deviceColumns}`,
)

const setPushToken = statement<
  DeviceParams & {
    readonly provider: string | null
    readonly environment: string | null
    readonly tokenSealed: Uint8Array | null
    readonly tokenHash: Uint8Array | null
  },
  IdRow
>(
  'set_push_token',
  `update devices set push_provider = :provider, push_environment = :environment,
    push_token_sealed = :tokenSealed, push_token_hash = :tokenHash,
    push_token_set_at = clock_timestamp(), last_seen_at = clock_timestamp()
  where tenant_id = :tenantId and id = :id and status <> 'unregistered'
  returning id`,
)

// Every statement that locks several devices takes them by id, or two could wait for each other.
const dropPushToken = statement<
  {
    readonly tokenHash: Uint8Array
    readonly since: Date | null
    readonly within: TenantId | null
  },
  IdRow
>(
  'drop_push_token',
  `with k as materialized (
    select d.tenant_id, d.id from devices d
    where d.push_token_hash = :tokenHash
      and (:since::timestamptz is null or d.push_token_set_at < :since)
      and (d.tenant_id = :within or :within::text is null and not exists (select from apps a
        where a.tenant_id = d.tenant_id and a.provider = d.push_provider
          and a.app_id = d.app_id offset 0))
    order by d.id for no key update
  )
  update devices d set push_provider = null, push_environment = null, push_token_sealed = null,
    push_token_hash = null
  from k where d.tenant_id = k.tenant_id and d.id = k.id
  returning d.id`,
)

// `for no key update`: foreign keys of other statements (an answer's activity, say) only need `for
// key share` on the user and must not wait for us while we wait for their lock on the device.
const lockUser = statement<UserParams, { readonly id: UserId }>(
  'lock_user',
  'select id from users where tenant_id = :tenantId and id = :userId for no key update',
)

// The row is marked again only when the gap is over: parallel calls queue at its lock, and later
// ones find it marked.
const markRevokedUse = statement<
  { readonly tenantId: TenantId; readonly id: DeviceId | null },
  IdRow
>(
  'mark_revoked_use',
  `update devices set revoked_use_told_at = clock_timestamp()
  where tenant_id = :tenantId and id = :id and status = 'unregistered'
    and (revoked_use_told_at is null or revoked_use_told_at
      <= clock_timestamp() - make_interval(secs => ${revokedUseGapSeconds}))
  returning id`,
)

const hadErasedKey = statement<DeviceParams & { readonly kidHash: Uint8Array }, IdRow>(
  'had_erased_key',
  `select id from devices where tenant_id = :tenantId and id = :id and status = 'unregistered'
    and :kidHash = any(erased_key_hashes)`,
)

const findLive = statement<DeviceParams, IdRow>(
  'is_live',
  `select id from devices where tenant_id = :tenantId and id = :id
    and status in ('active', 'unconfirmed')`,
)

/** Whether the device may still act, inside a transaction that has locked the user's row. */
async function isLive(
  tx: Queries,
  { tenantId, deviceId: id }: Pick<ProofToSpend, 'tenantId' | 'deviceId'>,
): Promise<boolean> {
  return (await run(tx, findLive, { tenantId, id })).length === 1
}

/**
 * Locks a user's row: transactions that add or remove devices of one user are serialized. Order of
 * locks: key, user, device, challenge.
 */
export async function lockUserRow(tx: Queries, tenantId: TenantId, userId: UserId): Promise<void> {
  await run(tx, lockUser, { tenantId, userId })
}

/** The change of a live device itself, inside a transaction; null when the device is not live. */
export async function changeLiveDevice(
  tx: Queries,
  random: Pick<Random, 'id'>,
  ...[tenantId, id, changes, event]: Parameters<DeviceStore['change']>
): Promise<Device | null> {
  const { name = null, model = null, osVersion = null, appVersion = null } = changes
  const { protocolVersion = null, language = null } = changes
  const texts = { name, model, osVersion, appVersion, language }
  const values = { tenantId, id, protocolVersion, ...texts }
  const [row] = await run(tx, change, values)
  if (!row) return null
  await recordActivities(tx, random, tenantId, event ? [event] : [])
  return toDevice(row)
}

/** Devices and their keys. */
export function buildDeviceStore(database: Database, random: Pick<Random, 'id'>): DeviceStore {
  return {
    ...buildKeyRotation(database, random),

    async find(tenantId, id) {
      const [row] = await run(database, findDevice, { tenantId, id })
      return row ? toDevice(row) : null
    },

    async findKnown(tenantId, id) {
      const [row] = await run(database, findKnown, { tenantId, id })
      return row ? toKnownDevice(row) : null
    },

    async hadErasedKey(tenantId, id, kidHash) {
      return (await run(database, hadErasedKey, { tenantId, id, kidHash })).length === 1
    },

    async listOfUser(tenantId, userId) {
      const rows = await run(database, listOfUser, { tenantId, userId })
      return rows.map(toDevice)
    },

    change: (...change) => database.transaction((tx) => changeLiveDevice(tx, random, ...change)),

    changeWithProof(tenantId, id, changes, event, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        return changeLiveDevice(tx, random, tenantId, id, changes, event)
      })
    },

    setPushToken(tenantId, id, token, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        const rows = await run(tx, setPushToken, {
          tenantId,
          id,
          provider: token?.provider ?? null,
          environment: token?.environment ?? null,
          tokenSealed: token?.tokenSealed ?? null,
          tokenHash: token?.tokenHash ?? null,
        })
        return rows.length === 1 ? 'done' : null
      })
    },

    unregister(command) {
      return database.transaction(async (tx) => {
        await lockUserRow(tx, command.tenantId, command.userId)
        return unregisterDevices(tx, random, command)
      })
    },

    unregisterWithProof(command, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        await lockUserRow(tx, command.tenantId, command.userId)
        // The calling device may have been unregistered since its proof was verified.
        if (!(await isLive(tx, proof))) return { devices: [], endedChallenges: [] }
        return unregisterDevices(tx, random, command)
      })
    },

    recordRevokedUse(tenantId, event) {
      return database.transaction(async (tx) => {
        const markedRows = await run(tx, markRevokedUse, { tenantId, id: event.deviceId ?? null })
        if (markedRows.length === 0) return null
        await recordActivities(tx, random, tenantId, [event])
        return 'done'
      })
    },

    async dropPushToken(tokenHash, since, within) {
      return (await run(database, dropPushToken, { tokenHash, since, within })).length
    },
  }
}

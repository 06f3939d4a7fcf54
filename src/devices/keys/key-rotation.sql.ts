// Rotation of a device's keys, in one transaction.

import type { Device } from '../../domain/device.ts'
import type { DeviceId, TenantId } from '../../domain/ids.ts'
import { keyRotationsMax, rotationWindowSeconds } from '../../domain/key-rotation.ts'
import type { Database, Queries } from '../../platform/postgres/database.ts'
import { isUniqueViolation } from '../../platform/postgres/database-errors.ts'
import { recordActivities } from '../../platform/postgres/record.ts'
import { run, runOne, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import { type DeviceRow, deviceColumns, toDevice } from '../device.rows.ts'
import type {
  BoundKey,
  DeviceStore,
  KeyRotation,
  KeyRotationResult,
  ReplacedKey,
} from '../device.store.ts'
import { spendProof } from './spend-proof.sql.ts'

type DeviceParams = { readonly tenantId: TenantId; readonly deviceId: DeviceId }

// Every transaction that spends a proof holds its key until the commit. Both keys, in one order,
// and before this one's proof is spent: two rotations must not wait for each other.
const lockKeys = statement<DeviceParams, { readonly kid: string }>(
  'lock_device_keys',
  `select k.kid from device_keys k where k.tenant_id = :tenantId and k.device_id = :deviceId
  order by k.role for update`,
)

// The time until the oldest of the rotations that are too many leaves the window.
const countRotations = statement<
  DeviceParams,
  { readonly rotations: number; readonly seconds: number | null }
>(
  'count_key_rotations',
  `select count(*)::int as rotations,
    greatest(1, ceil(extract(epoch from min(r.replaced_at)
      + make_interval(secs => ${rotationWindowSeconds}) - clock_timestamp())))::int as seconds
  from (
    select r.replaced_at from replaced_device_keys r
    where r.tenant_id = :tenantId and r.device_id = :deviceId
      and r.replaced_at > clock_timestamp() - make_interval(secs => ${rotationWindowSeconds})
    order by r.replaced_at desc limit ${keyRotationsMax}
  ) r`,
)

// Answers under way hold the device; those that were verified before find another revision.
const changeDevice = statement<
  DeviceParams & {
    readonly level: Device['attestation']['level']
    readonly verdict: Device['attestation']['verdict']
  },
  DeviceRow
>(
  'rotate_device',
  `update devices d set key_revision = d.key_revision + 1, last_seen_at = clock_timestamp(),
    attested_until = case when d.attestation_verdict = 'verified' then clock_timestamp()
      else d.attested_until end,
    attestation_level = :level, attestation_verdict = :verdict, attestation_why = null
  where d.tenant_id = :tenantId and d.id = :deviceId and d.status = 'active'
  returning ${deviceColumns}`,
)

type KeyParams = {
  readonly role: string
  readonly kid: string
  readonly publicJwk: string
  readonly mac: Uint8Array
}

const insertReplaced = statement<DeviceParams & KeyParams, { readonly replacedAt: Date }>(
  'insert_replaced_device_key',
  `insert into replaced_device_keys (tenant_id, device_id, role, kid, public_jwk, mac)
  values (:tenantId, :deviceId, :role, :kid, :publicJwk, :mac)
  returning replaced_at`,
)

const changeKey = statement<DeviceParams & KeyParams>(
  'change_device_key',
  `update device_keys set kid = :kid, public_jwk = :publicJwk, mac = :mac
  where tenant_id = :tenantId and device_id = :deviceId and role = :role`,
)

const findReplacedKids = statement<{ readonly kids: readonly string[] }, { readonly kid: string }>(
  'find_replaced_kids',
  'select kid from replaced_device_keys where kid = any(:kids::text[])',
)

const findReplaced = statement<
  DeviceParams & { readonly kid: string },
  Omit<ReplacedKey, 'passkey'>
>(
  'find_replaced_key',
  `select role, kid, public_jwk, mac, replaced_at from replaced_device_keys
  where tenant_id = :tenantId and device_id = :deviceId and kid = :kid`,
)

/**
 * Whether some device has replaced one of these keys: a key is registered once only. To be called
 * after the keys were inserted: a rotation that was under way has committed by then.
 */
export async function wereReplaced(tx: Queries, kids: readonly string[]): Promise<boolean> {
  return (await run(tx, findReplacedKids, { kids })).length > 0
}

const keyParams = ({ role, kid, publicJwk, mac }: BoundKey) => ({
  ...{ role, kid, mac },
  publicJwk: JSON.stringify(publicJwk),
})

/** Undoes what the transaction has written: the new key is registered already. */
class KeyTaken extends Error {}

const isTaken = (error: unknown) =>
  error instanceof KeyTaken || isUniqueViolation(error, 'device_keys_kid_key')

/** The half of the device store that replaces keys. */
export function buildKeyRotation(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<DeviceStore, 'findReplacedKey' | 'rotateKey'> {
  async function write(tx: Queries, rotation: KeyRotation): Promise<KeyRotationResult> {
    const { tenantId, deviceId, keys, newKid, replacedKey, attestation } = rotation
    const device = { tenantId, deviceId }
    const { level, verdict } = attestation
    const [row] = await run(tx, changeDevice, { ...device, level, verdict })
    if (!row) return { kind: 'changed' }
    const replacement = await runOne(tx, insertReplaced, { ...device, ...keyParams(replacedKey) })
    for (const key of keys) await run(tx, changeKey, { ...device, ...keyParams(key) })
    if (await wereReplaced(tx, [newKid])) throw new KeyTaken()
    await recordActivities(tx, random, tenantId, [rotation.activity])
    return { kind: 'rotated', device: toDevice(row), at: replacement.replacedAt }
  }

  return {
    async findReplacedKey(tenantId, deviceId, kid) {
      const [row] = await run(database, findReplaced, { tenantId, deviceId, kid })
      return row ?? null
    },

    async rotateKey(rotation, proof) {
      const { tenantId, deviceId, wasKids } = rotation
      const device = { tenantId, deviceId }
      const transaction = database.transaction(async (tx): Promise<KeyRotationResult> => {
        const lockedKeys = await run(tx, lockKeys, device)
        const fault = await spendProof(tx, proof)
        if (fault) return { kind: fault }
        const isSame = lockedKeys.length === wasKids.length
        if (!isSame || !lockedKeys.every(({ kid }) => wasKids.includes(kid))) {
          return { kind: 'changed' }
        }
        const { rotations, seconds } = await runOne(tx, countRotations, device)
        if (rotations >= keyRotationsMax) {
          return { kind: 'too_many', retryAfterSeconds: seconds ?? 1 }
        }
        return write(tx, rotation)
      })
      try {
        return await transaction
      } catch (error) {
        if (isTaken(error)) return { kind: 'key_already_registered' }
        throw error
      }
    },
  }
}

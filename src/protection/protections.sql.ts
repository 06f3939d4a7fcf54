import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import { activity } from '../domain/activity.ts'
import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'
import { afterUnlock, isLocked, type Protection } from '../domain/protection.ts'
import type { PushSignInSetting } from '../domain/push-sign-in.ts'
import { readTimeOrNull } from '../platform/postgres/column-types.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { ProtectionStore } from './protection.store.ts'

/** A row of `user_protections` as JSON: times are texts. */
export type ProtectionJson = {
  readonly wrong_numbers_in_row: number
  readonly wrong_numbers_since_success: number
  readonly locked_until: string | null
  readonly hard_locked_at: string | null
  readonly reported_until: string | null
  readonly paused_until: string | null
  readonly suspended_at: string | null
  readonly push_sign_in: PushSignInSetting | null
  readonly revision: number
}

/** From its row. */
export function toProtection(row: ProtectionJson): Protection {
  return {
    wrongNumbersInRow: row.wrong_numbers_in_row,
    wrongNumbersSinceSuccess: row.wrong_numbers_since_success,
    lockedUntil: readTimeOrNull(row.locked_until),
    hardLockedAt: readTimeOrNull(row.hard_locked_at),
    reportedUntil: readTimeOrNull(row.reported_until),
    pausedUntil: readTimeOrNull(row.paused_until),
    suspendedAt: readTimeOrNull(row.suspended_at),
    pushSignIn: row.push_sign_in,
    revision: row.revision,
  }
}

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }
type ProtectionRow = { readonly protection: ProtectionJson; readonly now: Date }

const findProtection = statement<ByUser, ProtectionRow>(
  'find_protection',
  `select row_to_json(p) as protection, clock_timestamp() as now
   from user_protections p where p.tenant_id = :tenantId and p.user_id = :userId`,
)

/** What `protectionAssignments` writes; the last is the revision that it replaces. */
export type ProtectionParams = Omit<Protection, 'revision' | 'pushSignIn'> & {
  readonly protectionRevision: number
}

/** Writes a protection over the one of the revision before. */
export const protectionAssignments = `wrong_numbers_in_row = :wrongNumbersInRow,
    wrong_numbers_since_success = :wrongNumbersSinceSuccess, locked_until = :lockedUntil,
    hard_locked_at = :hardLockedAt, reported_until = :reportedUntil, paused_until = :pausedUntil,
    suspended_at = :suspendedAt, revision = :protectionRevision::int + 1`

/** The parameters of `protectionAssignments`. */
export function protectionParams(protection: Protection): ProtectionParams {
  // Only an admin sets it, in a statement of its own.
  const { revision, pushSignIn: _, ...next } = protection
  return { ...next, protectionRevision: revision }
}

/** Saves a protection over the one of the revision before. */
export const changeProtection = statement<ByUser & ProtectionParams, Pick<ByUser, 'userId'>>(
  'change_protection',
  `update user_protections p set ${protectionAssignments}
   where p.tenant_id = :tenantId and p.user_id = :userId
     and p.revision = :protectionRevision::int
   returning p.user_id`,
)

const lockProtection = statement<ByUser, ProtectionRow>(
  'lock_protection',
  `select row_to_json(p) as protection, clock_timestamp() as now
   from user_protections p where p.tenant_id = :tenantId and p.user_id = :userId
   for no key update`,
)

/**
 * Locks the user's protection until the commit, and returns whether the user is suspended: until
 * the commit nobody suspends the user. Order of locks: user, this, device.
 */
export async function lockProtectionRow(
  tx: Queries,
  tenantId: TenantId,
  userId: UserId,
): Promise<{ readonly isSuspended: boolean }> {
  const [row] = await run(tx, lockProtection, { tenantId, userId })
  // A user without protection is no user of this tenant: the foreign keys refuse any row for them.
  return { isSuspended: row !== undefined && row.protection.suspended_at !== null }
}

const lockDevice = statement<
  { readonly tenantId: TenantId; readonly id: DeviceId },
  { readonly id: DeviceId }
>(
  'lock_device',
  `select id from devices where tenant_id = :tenantId and id = :id and status = 'active' for share`,
)

/**
 * Locks a device until the commit, if it is active: nobody unregisters or suspends it meanwhile.
 * After the protection, before any challenge.
 */
export async function lockDeviceRow(
  tx: Queries,
  tenantId: TenantId,
  id: DeviceId,
): Promise<boolean> {
  return (await run(tx, lockDevice, { tenantId, id })).length === 1
}

const liftBlocks = statement<ByUser>(
  'lift_blocks',
  `update initiators i set blocked_until = null, revision = i.revision + 1
   where i.tenant_id = :tenantId and i.user_id = :userId and i.blocked_until is not null`,
)

/**
 * Lifts every lock of push sign-in and clears its counts, because the user signed in with another
 * factor: inside the transaction that accepts it. Locks protect the push; a person with another
 * factor is not the one they were set against.
 */
export async function unlockByOtherFactor(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  userId: UserId,
): Promise<void> {
  const [row] = await run(tx, lockProtection, { tenantId, userId })
  if (!row) return
  const protection = toProtection(row.protection)
  const next = afterUnlock(protection)
  if (JSON.stringify(next) === JSON.stringify(protection)) return
  await run(tx, changeProtection, { tenantId, userId, ...protectionParams(next) })
  if (!isLocked(protection, row.now)) return
  await recordActivities(tx, random, tenantId, [
    activity({ userId, type: 'push_unlocked', actor: 'service', details: { by: 'other_factor' } }),
  ])
}

/**
 * The protection of users; the answer and creation of challenges guard it in their own statements.
 */
export function buildProtectionStore(
  database: Database,
  random: Pick<Random, 'id'>,
): ProtectionStore {
  return {
    async find(tenantId, userId) {
      const [row] = await run(database, findProtection, { tenantId, userId })
      return row ? { protection: toProtection(row.protection), now: row.now } : null
    },

    change(tenantId, userId, next, activities, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        await lockProtectionRow(tx, tenantId, userId)
        if (proof && !(await lockDeviceRow(tx, tenantId, proof.deviceId)))
          return 'device_not_active'
        const params = { tenantId, userId, ...protectionParams(next) }
        const changedRows = await run(tx, changeProtection, params)
        if (changedRows.length === 0) return 'changed'
        await recordActivities(tx, random, tenantId, activities)
        return 'done'
      })
    },

    unlock(tenantId, userId, next, activities) {
      return database.transaction(async (tx) => {
        const params = { tenantId, userId, ...protectionParams(next) }
        const changedRows = await run(tx, changeProtection, params)
        if (changedRows.length === 0) return 'changed'
        await run(tx, liftBlocks, { tenantId, userId })
        await recordActivities(tx, random, tenantId, activities)
        return 'done'
      })
    },
  }
}

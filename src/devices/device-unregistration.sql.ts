// The end of devices: they are unregistered with what they opened, hold and have pending.

import { endOrphanedChallenges } from '../challenges/challenge-cancellation.sql.ts'
import { type Actor, activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { VoidReason } from '../domain/enrollment.ts'
import type { DeviceId, TenantId, UserId } from '../domain/ids.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { type DeviceRow, deviceColumns, toDevice } from './device.rows.ts'
import type { Unregistration, UnregistrationEffects } from './device.store.ts'

type UserParams = { readonly tenantId: TenantId; readonly userId: UserId }

// Locked first, so that the recorded time is the time from which no answer commits. Enrollments
// that a device opened for a next phone end with it, or the thief of a phone could have enrolled
// another with them; and so do its companions.
const unregister = statement<
  UserParams & {
    readonly deviceIds: readonly DeviceId[]
    readonly reason: Unregistration['reason']
  },
  DeviceRow
>(
  'unregister_devices',
  `with live as materialized (
    select d.id from devices d
    where d.tenant_id = :tenantId and d.user_id = :userId and d.status <> 'unregistered'
      and (cardinality(:deviceIds::text[]) = 0 or d.id = any(:deviceIds::text[])
        or d.parent_device_id = any(:deviceIds::text[])
        or d.status = 'unconfirmed' and exists (
        select from enrollments e where e.tenant_id = d.tenant_id and e.id = d.enrollment_id
          and e.status = 'claimed' and e.opened_by_device_id = any(:deviceIds::text[]) offset 0))
    order by d.id for no key update
  )
  update devices d set status = 'unregistered', unregistered_at = clock_timestamp(),
    suspended_at = null,
    unregister_reason = case when d.status = 'unconfirmed' and d.id <> all(:deviceIds::text[])
      and cardinality(:deviceIds::text[]) > 0 then 'not_confirmed' else :reason end,
    push_provider = null, push_environment = null, push_token_sealed = null, push_token_hash = null
  from live where d.tenant_id = :tenantId and d.id = live.id
  returning ${deviceColumns}`,
)

// By id, as guesses at several lock them.
const voidEnrollments = statement<
  UserParams & { readonly deviceIds: readonly DeviceId[]; readonly reason: VoidReason },
  { readonly deviceId: DeviceId | null }
>(
  'void_enrollments',
  `with k as materialized (
    select e.id from enrollments e
    where e.tenant_id = :tenantId and e.user_id = :userId and (e.status = 'claimed'
      and e.device_id = any(:deviceIds::text[])
      or e.status in ('open', 'claimed') and e.opened_by_device_id = any(:deviceIds::text[]))
    order by e.id for no key update
  )
  update enrollments e set status = 'void', reason = :reason, number_sealed = null,
    ended_at = clock_timestamp()
  from k where e.tenant_id = :tenantId and e.id = k.id
  returning e.device_id`,
)

const dropSecrets = statement<{
  readonly tenantId: TenantId
  readonly deviceIds: readonly DeviceId[]
}>(
  'drop_passcode_secrets',
  `delete from passcode_secrets
  where tenant_id = :tenantId and device_id = any(:deviceIds::text[])`,
)

// The session in which it is done goes on: it has yet to say what happened.
const endSessions = statement<
  UserParams & { readonly deviceIds: readonly DeviceId[]; readonly actor: Actor }
>(
  'end_portal_sessions_of_devices',
  `update portal_sessions set ended_at = clock_timestamp()
  where tenant_id = :tenantId and user_id = :userId and device_id = any(:deviceIds::text[])
    and ended_at is null and 'portal:' || id <> :actor`,
)

/**
 * Ends the sessions of the portal that these devices opened, inside a transaction that has locked
 * the user's row: who has stolen one of them does not stay.
 */
export async function endSessionsOf(
  tx: Queries,
  command: {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly deviceIds: readonly DeviceId[]
    readonly actor: Actor
  },
): Promise<void> {
  await run(tx, endSessions, command)
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
  const rows = await run(tx, voidEnrollments, command)
  return rows.flatMap(({ deviceId }) => deviceId ?? [])
}

/** The unregistration itself, inside a transaction that has locked the user's row. */
export async function unregisterDevices(
  tx: Queries,
  random: Pick<Random, 'id'>,
  { tenantId, userId, deviceIds, reason, actor }: Unregistration,
): Promise<UnregistrationEffects> {
  const rows = await run(tx, unregister, { tenantId, userId, deviceIds, reason })
  const devices = rows.map(toDevice)
  if (devices.length === 0) return { devices, endedChallenges: [] }
  const ids = devices.map(({ id }) => id)
  await endEnrollmentsOf(tx, { tenantId, userId, deviceIds: ids, reason: 'device_unregistered' })
  await run(tx, dropSecrets, { tenantId, deviceIds: ids })
  await endSessionsOf(tx, { tenantId, userId, deviceIds: ids, actor })
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

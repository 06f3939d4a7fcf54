import { unregisterDevices } from '../devices/device-unregistration.sql.ts'
import { lockUserRow } from '../devices/devices.sql.ts'
import { type Actor, activity } from '../domain/activity.ts'
import type { WindowFacts } from '../domain/enrollment-window.ts'
import type { DeviceId, EnrollmentId, TenantId, UserId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities, recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { EnrollmentWindowStore } from './enrollment-window.store.ts'
import { hadDevice, hadRecoveryCodes } from './first-device.sql.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

const findWindow = statement<ByUser, WindowFacts>(
  'find_enrollment_window',
  `select p.may_enroll_until as until, p.suspended_at, ${hadDevice('p')} as had_device,
    ${hadRecoveryCodes('p')} as had_recovery_codes, clock_timestamp() as now
  from user_protections p where p.tenant_id = :tenantId and p.user_id = :userId`,
)

const openWindow = statement<
  ByUser & { readonly minutes: number },
  { readonly until: Date | null }
>(
  'open_enrollment_window',
  `update user_protections p
  set may_enroll_until = clock_timestamp() + make_interval(mins => :minutes)
  where p.tenant_id = :tenantId and p.user_id = :userId and p.suspended_at is null
    and not ${hadDevice('p')} and not ${hadRecoveryCodes('p')}
  returning p.may_enroll_until as until`,
)

const closeWindow = statement<ByUser, { readonly userId: UserId }>(
  'close_enrollment_window',
  `update user_protections p set may_enroll_until = null
  where p.tenant_id = :tenantId and p.user_id = :userId
    and p.may_enroll_until > clock_timestamp()
  returning p.user_id`,
)

// The user is locked: what is claimed or confirmed at that moment comes before or after all of it.
const cancelBegun = statement<
  ByUser,
  { readonly id: EnrollmentId; readonly deviceId: DeviceId | null }
>(
  'cancel_enrollments_of_window',
  `update enrollments e
  set status = 'cancelled', number_sealed = null, ended_at = clock_timestamp()
  where e.tenant_id = :tenantId and e.user_id = :userId
    and e.first_device_permit = 'enrollment_window' and e.status in ('open', 'claimed')
    and e.expires_at > clock_timestamp()
  returning e.id, e.device_id`,
)

/** Windows of all users. */
export function buildEnrollmentWindowStore(
  database: Database,
  random: Pick<Random, 'id'>,
): EnrollmentWindowStore {
  /** Ends what the window has permitted, with devices that were not confirmed, and records it. */
  async function cancelEnrollments(
    tx: Queries,
    { tenantId, userId }: ByUser,
    actor: Actor,
  ): Promise<readonly EnrollmentId[]> {
    const enrollments = await run(tx, cancelBegun, { tenantId, userId })
    const deviceIds = enrollments.flatMap(({ deviceId }) => deviceId ?? [])
    if (deviceIds.length > 0) {
      const reason = 'not_confirmed'
      await unregisterDevices(tx, random, { tenantId, userId, deviceIds, reason, actor })
    }
    const activities = enrollments.map(({ id: enrollmentId }) =>
      activity({ userId, type: 'enrollment_cancelled', actor, enrollmentId }),
    )
    await recordActivities(tx, random, tenantId, activities)
    return enrollments.map(({ id }) => id)
  }

  return {
    async find(user) {
      const [row] = await run(database, findWindow, user)
      return row ?? null
    },

    open: ({ tenantId, userId, minutes }, actor) =>
      database.transaction(async (tx) => {
        const [row] = await run(tx, openWindow, { tenantId, userId, minutes })
        if (!row?.until) return 'changed'
        const type = 'enrollment_window_opened'
        const details = { minutes }
        const event = activity({ userId, type, actor, details })
        await recordActivities(tx, random, tenantId, [event])
        await recordAudit(tx, random, tenantId, { type, actor, subject: userId, details })
        return { until: row.until }
      }),

    close: ({ tenantId, userId }, actor) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        const isClosed = (await run(tx, closeWindow, { tenantId, userId })).length > 0
        const cancelledIds = await cancelEnrollments(tx, { tenantId, userId }, actor)
        if (!isClosed) return cancelledIds.length > 0 ? { cancelledIds } : null
        const type = 'enrollment_window_closed'
        await recordActivities(tx, random, tenantId, [activity({ userId, type, actor })])
        await recordAudit(tx, random, tenantId, { type, actor, subject: userId })
        return { cancelledIds }
      }),
  }
}

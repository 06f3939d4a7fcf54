import type { ReportId, TenantId, UserId } from '../domain/ids.ts'
import type { Report } from '../domain/report.ts'
import type { Reporter, ReportStore } from '../ports/report-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities, recordAudit } from './activities.ts'
import { cancelPending } from './challenge-cancellation.ts'
import type { Database, Queries } from './database.ts'
import { spendProof } from './devices.ts'
import { type List, readPage } from './pages.ts'
import { lockPortalSession } from './portal-sessions.ts'
import {
  changeProtection,
  lockDeviceRow,
  lockProtectionRow,
  protectionValues,
} from './protections.ts'

const columns = `tenant_id as "tenantId", id, user_id as "userId", device_id as "deviceId",
  challenge_id as "challengeId", activity_id as "activityId", status, resolution, note,
  resolved_by as "resolvedBy", created_at as "createdAt", resolved_at as "resolvedAt"`

const findReport = `select ${columns} from reports where tenant_id = $1 and id = $2`

const listReports: List = {
  name: 'list_reports',
  text: ({ limit, before }) => `
    select ${columns} from reports where tenant_id = $1 ${before('id')}
    order by id desc limit ${limit}`,
}
const listByStatus: List = {
  name: 'list_reports_by_status',
  text: ({ limit, before }) => `
    select ${columns} from reports where tenant_id = $1 and status = $2 ${before('id')}
    order by id desc limit ${limit}`,
}

const resolveReport = `
  update reports set status = 'resolved', resolution = $3, note = $4, resolved_by = $5,
    resolved_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and status = 'open'
  returning ${columns}`

const insertReport = `
  insert into reports (tenant_id, id, user_id, device_id, challenge_id, activity_id)
  values ($1, $2, $3, $4, $5, $6)`

const findOpenReport = `
  select id from reports
  where tenant_id = $1 and user_id = $2 and activity_id = $3 and status = 'open'`

const blockInitiator = `
  insert into initiators as i (tenant_id, user_id, key, blocked_until, revision)
  select c.tenant_id, c.user_id, c.initiator_key,
    clock_timestamp() + make_interval(secs => $4::int), 1
  from challenges c
  where c.tenant_id = $1 and c.user_id = $2 and c.id = $3 and c.initiator_key is not null
  on conflict (tenant_id, user_id, key) do update
  set approved_at = null, blocked_until = excluded.blocked_until, revision = i.revision + 1`

/** Reports of users, and the queue that admins work off. */
export function buildReportStore(database: Database, random: Pick<Random, 'id'>): ReportStore {
  return {
    async find(tenantId, id) {
      const [row] = await database.query<Report>('find_report', findReport, [tenantId, id])
      return row ?? null
    },

    list: (tenantId, status, page) =>
      status === null
        ? readPage<Report>(database, listReports, [tenantId], page)
        : readPage<Report>(database, listByStatus, [tenantId, status], page),

    resolve({ tenantId, id, resolution, note, resolvedBy }, audit) {
      return database.transaction(async (tx) => {
        const values = [tenantId, id, resolution, note, resolvedBy]
        const [row] = await tx.query<Report>('resolve_report', resolveReport, values)
        if (!row) return null
        await recordAudit(tx, random, tenantId, audit)
        return row
      })
    },

    reportActivity({ report, by, protection, initiatorBlockSeconds, activities }) {
      const { tenantId, id, userId, challengeId, activityId } = report
      const deviceId = by.kind === 'device' ? by.deviceId : null
      return database.transaction(async (tx) => {
        if (by.kind === 'device' && !(await spendProof(tx, by.proof))) {
          return { kind: 'proof_replayed' }
        }
        await lockProtectionRow(tx, tenantId, userId)
        if (!(await lockReporter(tx, tenantId, by))) return { kind: 'reporter_gone' }
        // A repeated report of the same activity gets the id of the report that is open.
        const [open] = await tx.query<{ id: ReportId }>('find_open_report', findOpenReport, [
          tenantId,
          userId,
          activityId,
        ])
        if (open) return { kind: 'reported', id: open.id, cancelledChallenges: [] }
        const changedRows = await tx.query<{ user_id: UserId }>(
          'change_protection',
          changeProtection,
          [tenantId, userId, ...protectionValues(protection)],
        )
        // The proof stays spent: the caller retries without it.
        if (changedRows.length === 0) return { kind: 'changed' }
        const cancelledChallenges = await cancelPending(tx, random, tenantId, userId)
        await tx.query('block_initiator', blockInitiator, [
          tenantId,
          userId,
          challengeId,
          initiatorBlockSeconds,
        ])
        const values = [tenantId, id, userId, deviceId, challengeId, activityId]
        await tx.query('insert_report', insertReport, values)
        await recordActivities(tx, random, tenantId, activities)
        return { kind: 'reported', id, cancelledChallenges }
      })
    },
  }
}

/**
 * Locks the reporter until the commit; false when the device or the session is no longer live.
 * After the protection.
 */
function lockReporter(tx: Queries, tenantId: TenantId, by: Reporter): Promise<boolean> {
  return by.kind === 'device'
    ? lockDeviceRow(tx, tenantId, by.deviceId)
    : lockPortalSession(tx, tenantId, by.sessionId)
}

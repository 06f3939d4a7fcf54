import { cancelPending } from '../challenges/challenge-cancellation.sql.ts'
import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Report } from '../domain/report.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { type FirstPage, type NextPage, readListPage } from '../platform/postgres/pages.ts'
import { recordActivities, recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockPortalSession } from './portal-session.sql.ts'
import {
  changeProtection,
  lockDeviceRow,
  lockProtectionRow,
  protectionParams,
} from './protections.sql.ts'
import type { Reporter, ReportStore } from './report.store.ts'

type Resolution = Parameters<ReportStore['resolve']>[0]

const columns = `tenant_id, id, user_id, device_id, challenge_id, activity_id, status, resolution,
  note, resolved_by, created_at, resolved_at`

const findReport = statement<Pick<Report, 'tenantId' | 'id'>, Report>(
  'find_report',
  `select ${columns} from reports where tenant_id = :tenantId and id = :id`,
)

const listWhere = (condition: string) => `
  select ${columns} from reports where tenant_id = :tenantId ${condition}
  order by id desc limit :limit`
const listReports = {
  first: statement<Pick<Report, 'tenantId'> & FirstPage, Report>('list_reports', listWhere('')),
  next: statement<Pick<Report, 'tenantId'> & NextPage, Report>(
    'list_reports_before',
    listWhere('and id < :before'),
  ),
}
const listByStatus = {
  first: statement<Pick<Report, 'tenantId' | 'status'> & FirstPage, Report>(
    'list_reports_by_status',
    listWhere('and status = :status'),
  ),
  next: statement<Pick<Report, 'tenantId' | 'status'> & NextPage, Report>(
    'list_reports_by_status_before',
    listWhere('and status = :status and id < :before'),
  ),
}

const resolveReport = statement<Resolution, Report>(
  'resolve_report',
  `update reports set status = 'resolved', resolution = :resolution, note = :note,
     resolved_by = :resolvedBy, resolved_at = clock_timestamp()
   where tenant_id = :tenantId and id = :id and status = 'open'
   returning ${columns}`,
)

const insertReport = statement<
  Pick<Report, 'tenantId' | 'id' | 'userId' | 'deviceId' | 'challengeId' | 'activityId'>
>(
  'insert_report',
  `insert into reports (tenant_id, id, user_id, device_id, challenge_id, activity_id)
   values (:tenantId, :id, :userId, :deviceId, :challengeId, :activityId)`,
)

const findOpenReport = statement<
  Pick<Report, 'tenantId' | 'userId' | 'activityId'>,
  Pick<Report, 'id'>
>(
  'find_open_report',
  `select id from reports where tenant_id = :tenantId and user_id = :userId
     and activity_id = :activityId and status = 'open'`,
)

const blockInitiator = statement<
  Pick<Report, 'tenantId' | 'userId' | 'challengeId'> &
    Parameters<ReportStore['reportActivity']>[0]['initiator']
>(
  'block_initiator',
  `insert into initiators as i (tenant_id, user_id, key, approved_at, blocked_until, revision)
   select c.tenant_id, c.user_id, c.initiator_key, :approvedAt, :blockedUntil, 1
   from challenges c
   where c.tenant_id = :tenantId and c.user_id = :userId and c.id = :challengeId
     and c.initiator_key is not null
   on conflict (tenant_id, user_id, key) do update
   set approved_at = excluded.approved_at, blocked_until = excluded.blocked_until,
     revision = i.revision + 1`,
)

/** Reports of users, and the queue that admins work off. */
export function buildReportStore(database: Database, random: Pick<Random, 'id'>): ReportStore {
  return {
    async find(tenantId, id) {
      const [row] = await run(database, findReport, { tenantId, id })
      return row ?? null
    },

    list: (tenantId, status, page) =>
      status === null
        ? readListPage(database, listReports, { tenantId }, page)
        : readListPage(database, listByStatus, { tenantId, status }, page),

    resolve(resolution, audit) {
      return database.transaction(async (tx) => {
        const [row] = await run(tx, resolveReport, resolution)
        if (!row) return null
        await recordAudit(tx, random, resolution.tenantId, audit)
        return row
      })
    },

    reportActivity({ report, by, protection, initiator, activities }) {
      const { tenantId, id, userId, challengeId, activityId } = report
      const deviceId = by.kind === 'device' ? by.deviceId : null
      return database.transaction(async (tx) => {
        const fault = by.kind === 'device' && (await spendProof(tx, by.proof))
        if (fault) return { kind: fault }
        await lockProtectionRow(tx, tenantId, userId)
        if (!(await lockReporter(tx, tenantId, by))) return { kind: 'reporter_gone' }
        // A repeated report of the same activity gets the id of the report that is open.
        const [open] = await run(tx, findOpenReport, { tenantId, userId, activityId })
        if (open) return { kind: 'reported', id: open.id, cancelledChallenges: [] }
        const params = { tenantId, userId, ...protectionParams(protection) }
        const changedRows = await run(tx, changeProtection, params)
        // The proof stays spent: the caller retries without it.
        if (changedRows.length === 0) return { kind: 'changed' }
        const cancelledChallenges = await cancelPending(tx, random, tenantId, userId)
        await run(tx, blockInitiator, { tenantId, userId, challengeId, ...initiator })
        await run(tx, insertReport, { tenantId, id, userId, deviceId, challengeId, activityId })
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

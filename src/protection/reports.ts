import type { ReportId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Report, ReportResolution } from '../domain/report.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { UserStore } from '../users/user.store.ts'
import { type UnlockDependencies, unlockUser } from './protection.ts'
import type { ReportStore } from './report.store.ts'

/** A page of the tenant's reports, newest first. */
export async function listReports(
  { reports }: { readonly reports: Pick<ReportStore, 'list'> },
  { tenantId }: Principal,
  status: Report['status'] | null,
  page: PageRequest,
): Promise<Report[]> {
  return reports.list(tenantId, status, page)
}

export type ResolveDependencies = UnlockDependencies & {
  readonly reports: Pick<ReportStore, 'find' | 'resolve'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

/**
 * Resolves a report with the admin's finding; `unlock` also lifts the locks of the user. A resolved
 * report stays as it is.
 */
export async function resolveReport(
  dependencies: ResolveDependencies,
  principal: Principal,
  id: ReportId,
  {
    resolution,
    note,
    unlock,
  }: {
    readonly resolution: ReportResolution
    readonly note: string | null
    readonly unlock: boolean
  },
): Promise<Report | Refusal<'too_many_requests' | 'not_found' | 'conflict' | 'report_resolved'>> {
  const { tenantId, keyId } = principal
  const openReport = await dependencies.reports.find(tenantId, id)
  if (!openReport) return refuse('not_found')
  if (openReport.status !== 'open') return refuse('report_resolved')
  if (unlock) {
    const unlockResult = await unlockUser(dependencies, principal, openReport.userId)
    if (isRefusal(unlockResult)) return unlockResult
  }
  const actor = `api_key:${keyId}` as const
  const details = { resolution, unlock, user: openReport.userId }
  const resolvedReport = await dependencies.reports.resolve(
    { tenantId, id, resolution, note, resolvedBy: actor },
    { type: 'report_resolved', actor, subject: id, details },
  )
  return resolvedReport ?? refuse('report_resolved')
}

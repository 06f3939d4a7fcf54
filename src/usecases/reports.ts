import type { ReportId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Report, ReportResolution } from '../domain/report.ts'
import type { PageRequest, UserStore } from '../ports/directory-store.ts'
import type { ReportStore } from '../ports/report-store.ts'
import { type UnlockNeeds, unlockUser } from './protection.ts'

/** A page of the tenant's reports, newest first. */
export async function listReports(
  { reports }: { readonly reports: Pick<ReportStore, 'list'> },
  { tenantId }: Principal,
  status: Report['status'] | null,
  page: PageRequest,
): Promise<Report[]> {
  return reports.list(tenantId, status, page)
}

export type ResolveNeeds = UnlockNeeds & {
  readonly reports: Pick<ReportStore, 'find' | 'resolve'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

/**
 * Takes a report off the queue with what the admin found out; `unlock` also lifts the locks of the user. A resolved report stays
 * as it is.
 */
export async function resolveReport(
  needs: ResolveNeeds,
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
): Promise<Report | Refusal> {
  const { tenantId, keyId } = principal
  const known = await needs.reports.find(tenantId, id)
  if (!known) return refuse('not_found')
  if (known.status !== 'open') return refuse('report_resolved')
  if (unlock) {
    const unlocked = await unlockUser(needs, principal, known.userId)
    if (isRefusal(unlocked)) return unlocked
  }
  const actor = `api_key:${keyId}` as const
  const details = { resolution, unlock, user: known.userId }
  const resolved = await needs.reports.resolve(
    { tenantId, id, resolution, note, resolvedBy: actor },
    { type: 'report_resolved', actor, subject: id, details },
  )
  return resolved ?? refuse('report_resolved')
}

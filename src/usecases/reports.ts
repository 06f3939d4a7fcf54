import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ActivityId, ChallengeId, ReportId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { afterReport } from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Report, ReportResolution } from '../domain/report.ts'
import type { ActivityStore } from '../ports/activity-store.ts'
import type { PageRequest, TenantStore, UserStore } from '../ports/directory-store.ts'
import type { ProtectionStore } from '../ports/protection-store.ts'
import type { ReportStore } from '../ports/report-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { Random } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import { type Needs as ProtectionNeeds, unlockUser } from './protection.ts'

/** A page of the tenant's reports, newest first. */
export async function listReports(
  { reports }: { readonly reports: Pick<ReportStore, 'list'> },
  { tenantId }: Principal,
  status: Report['status'] | null,
  page: PageRequest,
): Promise<Report[]> {
  return reports.list(tenantId, status, page)
}

export type ResolveNeeds = ProtectionNeeds & {
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

export type ReportNeeds = DeviceNeeds & {
  readonly activities: Pick<ActivityStore, 'find'>
  readonly reports: Pick<ReportStore, 'reportActivity'>
  readonly protections: Pick<ProtectionStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Pick<Random, 'id'>
  readonly signals: Signals
}

const triesMax = 5

/**
 * "This wasn't me", said by a device about something that happened: locks push for the user at once, cancels what is pending and
 * blocks whoever started the sign-in that the activity is about, for a time.
 */
export async function reportActivity(
  needs: ReportNeeds,
  proof: DeviceProof,
  activityId: ActivityId,
): Promise<{ readonly reportId: ReportId } | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const reported = await needs.activities.find(tenantId, activityId)
  if (reported?.userId !== userId) return refuse('not_found')
  const challengeId = reported.challengeId as ChallengeId | null
  const policy = await needs.tenants.findPolicy(tenantId, null)
  const about = {
    userId,
    actor: `device:${device.id}`,
    deviceId: device.id,
    ...(challengeId && { challengeId }),
  } as const
  let unspent: DeviceProof | null = proof
  for (let tries = 0; tries < triesMax; tries++) {
    const record = await needs.protections.find(tenantId, userId)
    if (!record) return refuse('not_found')
    const id = needs.random.id('report')
    const done = await needs.reports.reportActivity(
      {
        report: { tenantId, id, userId, deviceId: device.id, activityId, challengeId },
        protection: afterReport(record.protection, policy, record.now),
        initiatorBlockSeconds: policy.initiatorBlockSeconds,
        activities: [
          activity({ ...about, type: 'activity_reported', details: { activity: activityId } }),
          activity({ ...about, type: 'push_locked', details: { lock: 'reported' } }),
        ],
      },
      unspent,
    )
    if (done.kind === 'proof_replayed') return refuse('proof_replayed')
    if (done.kind === 'device_not_active') return refuse('device_unregistered')
    if (done.kind === 'reported') {
      for (const one of done.cancelled) needs.signals.publish(one)
      return { reportId: done.id }
    }
    unspent = null
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

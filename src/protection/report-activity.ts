import type { ProofRefusal } from '../devices/authenticate-device.ts'

// "This wasn't me", reported of an activity: by a device, or in the portal.

import type { Activity, ActivityStore } from '../activities/activity.store.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import type { ProofFault } from '../devices/device.store.ts'
import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ActivityId, ChallengeId, ReportId, TenantId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import { isShownTo } from '../domain/portal.ts'
import { afterReport } from '../domain/protection.ts'
import { reportedInitiator } from '../domain/push-budget.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Signals } from '../platform/signals.ts'
import type { Random } from '../platform/world.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import type { ProtectionStore } from './protection.store.ts'
import type { Reporter, ReportStore } from './report.store.ts'

export type Dependencies = {
  readonly activities: Pick<ActivityStore, 'find'>
  readonly reports: Pick<ReportStore, 'reportActivity'>
  readonly protections: Pick<ProtectionStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Pick<Random, 'id'>
  readonly signals: Signals
  readonly userQueue: UserQueue
}

/** The report of an activity; a second one of the same activity returns the first. */
export type ReportReceipt = { readonly reportId: ReportId }

const attemptsMax = 5

/** The reporter's queue in the per-user fair queue. */
const queueKeyOf = (by: Reporter) =>
  by.kind === 'device' ? `device:${by.deviceId}` : `portal:${by.sessionId}`

/**
 * A device reports an activity: locks push for the user immediately, cancels pending challenges,
 * and blocks the initiator of the sign-in that the activity is about for a time.
 */
export async function reportActivity(
  dependencies: Dependencies & DeviceDependencies,
  proof: DeviceProof,
  activityId: ActivityId,
): Promise<
  | ReportReceipt
  | ProofRefusal
  | Refusal<'too_many_requests' | 'not_found' | 'proof_replayed' | 'conflict'>
> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const { tenantId, userId, id: deviceId } = device
  const reportedActivity = await dependencies.activities.find(tenantId, activityId)
  if (reportedActivity?.userId !== userId) return refuse('not_found')
  const by = { kind: 'device', deviceId, proof } as const
  const result = await report(dependencies, tenantId, reportedActivity, by)
  if (typeof result === 'object') return result
  return refuse(result === 'reporter_gone' ? 'device_unregistered' : result)
}

/**
 * The same from the portal, for a user who has no phone at hand; only of activities that the portal
 * shows.
 */
export async function reportFromPortal(
  dependencies: Dependencies,
  session: PortalSession,
  activityId: ActivityId,
): Promise<
  ReportReceipt | Refusal<'too_many_requests' | 'not_found' | 'conflict' | 'portal_session_invalid'>
> {
  const reportedActivity = await dependencies.activities.find(session.tenantId, activityId)
  if (!reportedActivity || !isShownTo(session, reportedActivity)) return refuse('not_found')
  const by = { kind: 'portal', sessionId: session.id } as const
  const result = await report(dependencies, session.tenantId, reportedActivity, by)
  return typeof result === 'string' ? refuse('portal_session_invalid') : result
}

async function report(
  dependencies: Dependencies,
  tenantId: TenantId,
  { id: activityId, userId, challengeId: about }: Activity,
  reporter: Reporter,
): Promise<
  ReportReceipt | Refusal<'too_many_requests' | 'conflict'> | ProofFault | 'reporter_gone'
> {
  const challengeId = about as ChallengeId | null
  const policy = await dependencies.tenants.findPolicy(tenantId, null)
  const activities = activitiesOf(userId, activityId, challengeId, reporter)
  let by = reporter
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const record = await dependencies.protections.find(tenantId, userId)
    if (!record) throw new Error('an activity has a user, who has a protection')
    const newReport = {
      report: { tenantId, id: dependencies.random.id('report'), userId, activityId, challengeId },
      by,
      protection: afterReport(record.protection, policy, record.now),
      initiator: reportedInitiator(policy, record.now),
      activities,
    }
    const result = await dependencies.userQueue.run({ tenantId, userId }, queueKeyOf(by), () =>
      dependencies.reports.reportActivity(newReport),
    )
    if (isRefusal(result)) return result
    if (result.kind === 'reported') {
      for (const one of result.cancelledChallenges) dependencies.signals.publish(one)
      return { reportId: result.id }
    }
    if (result.kind !== 'changed') return result.kind
    if (by.kind === 'device') by = { ...by, proof: by.proof && { ...by.proof, isSpent: true } }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

function activitiesOf(
  userId: Activity['userId'],
  activityId: ActivityId,
  challengeId: ChallengeId | null,
  by: Reporter,
) {
  const about = {
    userId,
    ...(by.kind === 'device'
      ? { actor: `device:${by.deviceId}` as const, deviceId: by.deviceId }
      : { actor: `portal:${by.sessionId}` as const }),
    ...(challengeId && { challengeId }),
  }
  return [
    activity({ ...about, type: 'activity_reported', details: { activity: activityId } }),
    activity({ ...about, type: 'push_locked', details: { lock: 'reported' } }),
  ]
}

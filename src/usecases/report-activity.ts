// "This wasn't me", said of something that happened: by a device, or in the portal.

import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ActivityId, ChallengeId, ReportId, TenantId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import { isShownTo } from '../domain/portal.ts'
import { afterReport } from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { TenantStore } from '../ports/directory-store.ts'
import type { ProtectionStore } from '../ports/protection-store.ts'
import type { Reporter, ReportStore } from '../ports/report-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Random } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'

export type Needs = {
  readonly activities: Pick<ActivityStore, 'find'>
  readonly reports: Pick<ReportStore, 'reportActivity'>
  readonly protections: Pick<ProtectionStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Pick<Random, 'id'>
  readonly signals: Signals
  readonly userTurns: UserTurns
}

/** The report that stands for what was reported; a second one of the same thing gives the first. */
export type MadeReport = { readonly reportId: ReportId }

const triesMax = 5

/** In which line of the user's whoever reports waits. */
const lineOf = (by: Reporter) =>
  by.kind === 'device' ? `device:${by.deviceId}` : `portal:${by.sessionId}`

/**
 * A device reports something that happened: locks push for the user at once, cancels what is pending and blocks whoever started
 * the sign-in that the activity is about, for a time.
 */
export async function reportActivity(
  needs: Needs & DeviceNeeds,
  proof: DeviceProof,
  activityId: ActivityId,
): Promise<MadeReport | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const { tenantId, userId, id: deviceId } = device
  const reported = await needs.activities.find(tenantId, activityId)
  if (reported?.userId !== userId) return refuse('not_found')
  return report(needs, tenantId, reported, { kind: 'device', deviceId, proof })
}

/** The same from the portal, for somebody who has no phone at hand; of what the portal shows, and of nothing else. */
export async function reportFromPortal(
  needs: Needs,
  session: PortalSession,
  activityId: ActivityId,
): Promise<MadeReport | Refusal> {
  const reported = await needs.activities.find(session.tenantId, activityId)
  if (!reported || !isShownTo(session, reported)) return refuse('not_found')
  return report(needs, session.tenantId, reported, { kind: 'portal', sessionId: session.id })
}

async function report(
  needs: Needs,
  tenantId: TenantId,
  { id: activityId, userId, challengeId: about }: Activity,
  reporter: Reporter,
): Promise<MadeReport | Refusal> {
  const challengeId = about as ChallengeId | null
  const policy = await needs.tenants.findPolicy(tenantId, null)
  const told = activitiesOf(userId, activityId, challengeId, reporter)
  let by = reporter
  for (let tries = 0; tries < triesMax; tries++) {
    const record = await needs.protections.find(tenantId, userId)
    if (!record) return refuse('not_found')
    const made = {
      report: { tenantId, id: needs.random.id('report'), userId, activityId, challengeId },
      by,
      protection: afterReport(record.protection, policy, record.now),
      initiatorBlockSeconds: policy.initiatorBlockSeconds,
      activities: told,
    }
    const done = await needs.userTurns.take({ tenantId, userId }, lineOf(by), () =>
      needs.reports.reportActivity(made),
    )
    if (isRefusal(done)) return done
    if (done.kind === 'proof_replayed') return refuse('proof_replayed')
    if (done.kind === 'reporter_gone') {
      return refuse(by.kind === 'device' ? 'device_unregistered' : 'portal_session_invalid')
    }
    if (done.kind === 'reported') {
      for (const one of done.cancelled) needs.signals.publish(one)
      return { reportId: done.id }
    }
    if (by.kind === 'device') by = { ...by, proof: null }
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

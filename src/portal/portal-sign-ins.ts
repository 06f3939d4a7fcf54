// What happened to the user, as the portal shows it: sign-ins that the relying party of the link
// asked about, and activities. "This wasn't me" can be said of each.

import type { Activity, ActivityStore } from '../activities/activity.store.ts'
import type { ChallengeStore } from '../challenges/challenge.store.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { ActivityId, ChallengeId } from '../domain/ids.ts'
import { isShownTo, type PortalSession } from '../domain/portal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { PageRequest } from '../platform/paging.ts'
import {
  type Dependencies as ReportDependencies,
  type ReportReceipt,
  reportFromPortal,
} from '../protection/report-activity.ts'
import type { PortalStore } from './portal.store.ts'

/** A page of the user's activities, newest first. */
export function listPortalActivities(
  { activities }: { readonly activities: Pick<ActivityStore, 'list'> },
  { tenantId, userId, rpId }: PortalSession,
  page: PageRequest,
): Promise<Activity[]> {
  return activities.list(tenantId, userId, page, { rpId })
}

/** One of the user's activities, if the portal shows it. */
export async function readPortalActivity(
  { activities }: { readonly activities: Pick<ActivityStore, 'find'> },
  session: PortalSession,
  id: ActivityId,
): Promise<Activity | Refusal<'not_found'>> {
  const activity = await activities.find(session.tenantId, id)
  return activity && isShownTo(session, activity) ? activity : refuse('not_found')
}

/** A page of what the relying party of the link asked the user, newest first. */
export function listPortalChallenges(
  { challenges }: { readonly challenges: Pick<ChallengeStore, 'list'> },
  { tenantId, userId, rpId }: PortalSession,
  page: PageRequest,
): Promise<Challenge[]> {
  return challenges.list({ tenantId, rpId, userId, status: null }, page)
}

/** One of these. */
export async function readPortalChallenge(
  { challenges }: { readonly challenges: Pick<ChallengeStore, 'find'> },
  { tenantId, userId, rpId }: PortalSession,
  id: ChallengeId,
): Promise<Challenge | Refusal<'not_found'>> {
  const record = await challenges.find(tenantId, rpId, id)
  return record?.challenge.userId === userId ? record.challenge : refuse('not_found')
}

/** "This wasn't me" of a sign-in: a report of the activity that recorded it. */
export async function reportChallengeFromPortal(
  dependencies: ReportDependencies & {
    readonly challenges: Pick<ChallengeStore, 'find'>
    readonly portal: Pick<PortalStore, 'findActivityOf'>
  },
  session: PortalSession,
  id: ChallengeId,
): Promise<
  ReportReceipt | Refusal<'too_many_requests' | 'not_found' | 'conflict' | 'portal_session_invalid'>
> {
  const challenge = await readPortalChallenge(dependencies, session, id)
  if (isRefusal(challenge)) return challenge
  const activityId = await dependencies.portal.findActivityOf(challenge)
  return activityId === null
    ? refuse('not_found')
    : reportFromPortal(dependencies, session, activityId)
}

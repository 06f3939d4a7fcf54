// A person's rights to their data, in the portal: a copy, and a request to be erased.

import { activity } from '../domain/activity.ts'
import { checkStepUp, erasureRequestGapSeconds, type PortalSession } from '../domain/portal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type {
  PersonalDataReading,
  PersonalDataStore,
} from '../personal-data/personal-data.store.ts'
import { busySeconds } from '../personal-data/personal-data.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { PortalStore } from './portal.store.ts'

/**
 * All data stored about the user, by whomever; the user sees that it was taken. The caller must
 * close the reading.
 */
export async function exportFromPortal(
  dependencies: {
    readonly portal: Pick<PortalStore, 'record'>
    readonly personalData: Pick<PersonalDataStore, 'openExport'>
  },
  session: PortalSession,
): Promise<
  PersonalDataReading | Refusal<'portal_step_up_needed' | 'portal_session_invalid' | 'export_busy'>
> {
  const refusal = checkStepUp(session, 'export_data')
  if (refusal) return refusal
  const { tenantId, userId, id } = session
  const event = activity({ userId, type: 'data_exported', actor: `portal:${id}` })
  if ((await dependencies.portal.record(session, event)) === null) {
    return refuse('portal_session_invalid')
  }
  const reading = await dependencies.personalData.openExport(tenantId, userId)
  return reading === 'busy' ? refuse('export_busy', { retryAfterSeconds: busySeconds }) : reading
}

/**
 * Records that the user asks to be erased, for the organisation to decide: nothing is erased. A
 * second request within a day is the first one.
 */
export async function requestErasure(
  dependencies: {
    readonly portal: Pick<PortalStore, 'requestErasure'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
): Promise<
  { readonly requestedAt: Date } | Refusal<'portal_session_invalid' | 'too_many_requests'>
> {
  const { userId, id } = session
  const actor = `portal:${id}` as const
  const event = activity({ userId, type: 'erasure_requested', actor })
  const requestedAt = await dependencies.userQueue.run(session, actor, () =>
    dependencies.portal.requestErasure(session, erasureRequestGapSeconds, event),
  )
  if (isRefusal(requestedAt)) return requestedAt
  return requestedAt === null ? refuse('portal_session_invalid') : { requestedAt }
}

// What the user is notified of, and a pause of all pushes. Silencing them takes more than a
// session, or a stolen one could hide what its thief does.

import type { NoticeStore } from '../activities/notice.store.ts'
import { activity } from '../domain/activity.ts'
import { type NoticePreferences, preferencesOf } from '../domain/notice.ts'
import { checkStepUp, type PortalSession } from '../domain/portal.ts'
import { checkPause, isAhead } from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { ProtectionReader } from '../users/protection-reader.store.ts'
import type { PortalStore } from './portal.store.ts'

/** How the user is notified of each category. */
export function readPreferencesInPortal(
  { notices }: { readonly notices: Pick<NoticeStore, 'findPreferences'> },
  { tenantId, userId }: PortalSession,
): Promise<NoticePreferences> {
  return notices.findPreferences(tenantId, userId)
}

/** Sets how the user is notified; categories left out return to their default. */
export async function setPreferencesInPortal(
  dependencies: {
    readonly portal: Pick<PortalStore, 'changePreferences'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  input: Partial<NoticePreferences>,
): Promise<
  | NoticePreferences
  | Refusal<'portal_step_up_needed' | 'portal_session_invalid' | 'too_many_requests'>
> {
  const refusal = checkStepUp(session, 'silence_pushes')
  if (refusal) return refusal
  const { userId, id } = session
  const preferences = preferencesOf(input)
  const actor = `portal:${id}` as const
  const details = { ...preferences }
  const event = activity({ userId, type: 'preferences_changed', actor, details })
  const result = await dependencies.userQueue.run(session, actor, () =>
    dependencies.portal.changePreferences(session, preferences, event),
  )
  if (isRefusal(result)) return result
  return result === 'done' ? preferences : refuse('portal_session_invalid')
}

/** Until when pushes to the user are paused; null when they are not. */
export async function readPauseInPortal(
  { protections }: { readonly protections: ProtectionReader },
  { tenantId, userId }: PortalSession,
): Promise<{ readonly until: Date | null }> {
  const record = await protections.find(tenantId, userId)
  if (!record) throw new Error('a session has a user, who has a protection')
  const { pausedUntil } = record.protection
  return { until: isAhead(pausedUntil, record.now) ? pausedUntil : null }
}

const attemptsMax = 5

/**
 * Pauses all pushes to the user until a date, at most 30 days ahead, or resumes them (null), which
 * takes no more than the session.
 */
export async function pauseInPortal(
  dependencies: {
    readonly protections: ProtectionReader
    readonly portal: Pick<PortalStore, 'changeProtection'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  until: Date | null,
): Promise<
  | { readonly until: Date | null }
  | Refusal<
      | 'portal_step_up_needed'
      | 'portal_session_invalid'
      | 'invalid_request'
      | 'too_many_requests'
      | 'conflict'
    >
> {
  const refusal = until === null ? undefined : checkStepUp(session, 'silence_pushes')
  if (refusal) return refusal
  const { tenantId, userId, id } = session
  const actor = `portal:${id}` as const
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const record = await dependencies.protections.find(tenantId, userId)
    if (!record) return refuse('portal_session_invalid')
    const { protection, now } = record
    const fault = checkPause(until, now)
    if (fault) return fault
    const details = { until: until?.toISOString() ?? 'none' }
    const event = activity({ userId, type: 'push_paused', actor, details })
    const next = { ...protection, pausedUntil: until }
    const result = await dependencies.userQueue.run(session, actor, () =>
      dependencies.portal.changeProtection(session, next, event),
    )
    if (isRefusal(result)) return result
    if (result === 'done') return { until }
    if (result === 'session_gone') return refuse('portal_session_invalid')
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

// The enrollment of a prompt ends with it.

import { activity } from '../domain/activity.ts'
import { actorOf } from '../domain/principal.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { EnrollmentStore } from '../enrollments/enrollment.store.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Signals } from '../platform/signals.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'

export type Dependencies = {
  readonly prompts: Pick<PromptStore, 'find'>
  readonly enrollments: Pick<EnrollmentStore, 'find' | 'cancel'>
  readonly userQueue: UserQueue
  readonly signals: Pick<Signals, 'publish'>
}

/**
 * Cancels the enrollment of a prompt that has ended, with a device that has not been confirmed. No
 * device could have claimed it any more; this says so, and records it.
 */
export async function endPromptEnrollment(
  { prompts, enrollments, userQueue, signals }: Dependencies,
  { prompt, client: { door } }: Pick<OwnPrompt, 'prompt' | 'client'>,
): Promise<void> {
  const { tenantId } = prompt
  // One may have been opened since the prompt was read; none is, since it has ended.
  const enrollmentId = (await prompts.find(tenantId, prompt.id))?.enrollmentId ?? null
  const record = enrollmentId && (await enrollments.find(tenantId, enrollmentId))
  if (!record || !['open', 'claimed'].includes(record.enrollment.status)) return
  const { userId, id } = record.enrollment
  const actor = actorOf(door)
  const event = activity({ userId, type: 'enrollment_cancelled', actor, enrollmentId: id })
  const enrollment = await userQueue.run({ tenantId, userId }, `enrollments:${door.rpId}`, () =>
    enrollments.cancel(tenantId, id, door.rpId, event),
  )
  if (enrollment && !isRefusal(enrollment)) signals.publish(id)
}

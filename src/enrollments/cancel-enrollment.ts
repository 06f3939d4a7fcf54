import { activity } from '../domain/activity.ts'
import type { EnrollmentId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { EnrollmentStore } from './enrollment.store.ts'
import {
  type EnrollmentReading,
  type Dependencies as ReadDependencies,
  readEnrollment,
} from './read-enrollment.ts'

export type Dependencies = ReadDependencies & {
  readonly enrollments: Pick<EnrollmentStore, 'find' | 'cancel'>
  readonly userQueue: UserQueue
}

/**
 * Cancels an enrollment that is not completed; a device that claimed it is unregistered. Cancelling
 * twice changes nothing.
 */
export async function cancelEnrollment(
  dependencies: Dependencies,
  principal: Principal,
  id: EnrollmentId,
): Promise<EnrollmentReading | Refusal<'too_many_requests' | 'not_found' | 'enrollment_not_open'>> {
  const reading = await readEnrollment(dependencies, principal, id)
  if (isRefusal(reading) || reading.status === 'cancelled') return reading
  const { userId } = reading.enrollment
  const { tenantId, rpId } = principal
  const actor = `api_key:${principal.keyId}` as const
  const cancellation = activity({ userId, type: 'enrollment_cancelled', actor, enrollmentId: id })
  const enrollment = await dependencies.userQueue.run({ tenantId, userId }, actor, () =>
    dependencies.enrollments.cancel(tenantId, id, rpId, cancellation),
  )
  if (isRefusal(enrollment)) return enrollment
  if (!enrollment)
    return refuse('enrollment_not_open', { facts: { currentStatus: reading.status } })
  dependencies.signals.publish(id)
  return { enrollment, status: 'cancelled', number: null }
}

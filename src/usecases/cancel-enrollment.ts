import { activity } from '../domain/activity.ts'
import type { EnrollmentId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrollmentStore } from '../ports/enrollment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import {
  type EnrollmentReading,
  type Needs as ReadNeeds,
  readEnrollment,
} from './read-enrollment.ts'

export type Needs = ReadNeeds & {
  readonly enrollments: Pick<EnrollmentStore, 'find' | 'cancel'>
  readonly userTurns: UserTurns
}

/** Cancels an enrollment that is not completed; a device that claimed it is unregistered. Cancelling twice changes nothing. */
export async function cancelEnrollment(
  needs: Needs,
  principal: Principal,
  id: EnrollmentId,
): Promise<EnrollmentReading | Refusal> {
  const reading = await readEnrollment(needs, principal, id, { waitMs: 0 })
  if (isRefusal(reading) || reading.status === 'cancelled') return reading
  const { userId } = reading.enrollment
  const { tenantId, rpId } = principal
  const actor = `api_key:${principal.keyId}` as const
  const told = activity({ userId, type: 'enrollment_cancelled', actor, enrollmentId: id })
  const cancelled = await needs.userTurns.take({ tenantId, userId }, actor, () =>
    needs.enrollments.cancel(tenantId, id, rpId, told),
  )
  if (isRefusal(cancelled)) return cancelled
  if (!cancelled) return refuse('enrollment_not_open', { facts: { currentStatus: reading.status } })
  needs.signals.publish(id)
  return { enrollment: cancelled, status: 'cancelled', number: null }
}

import { activity } from '../domain/activity.ts'
import type { EnrolmentId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrolmentStore } from '../ports/enrolment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { type EnrolmentReading, type Needs as ReadNeeds, readEnrolment } from './read-enrolment.ts'

export type Needs = ReadNeeds & {
  readonly enrolments: Pick<EnrolmentStore, 'find' | 'cancel'>
  readonly userTurns: UserTurns
}

/** Cancels an enrolment that is not completed; a device that claimed it is unregistered. Cancelling twice changes nothing. */
export async function cancelEnrolment(
  needs: Needs,
  principal: Principal,
  id: EnrolmentId,
): Promise<EnrolmentReading | Refusal> {
  const reading = await readEnrolment(needs, principal, id, { waitMs: 0 })
  if (isRefusal(reading) || reading.status === 'cancelled') return reading
  const { userId } = reading.enrolment
  const { tenantId, rpId } = principal
  const actor = `api_key:${principal.keyId}` as const
  const told = activity({ userId, type: 'enrolment_cancelled', actor, enrolmentId: id })
  const cancelled = await needs.userTurns.take({ tenantId, userId }, actor, () =>
    needs.enrolments.cancel(tenantId, id, rpId, told),
  )
  if (isRefusal(cancelled)) return cancelled
  if (!cancelled) return refuse('enrolment_not_open', { facts: { currentStatus: reading.status } })
  needs.signals.publish(id)
  return { enrolment: cancelled, status: 'cancelled', number: null }
}

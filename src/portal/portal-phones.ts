// A user adds a phone in the portal: the page takes the role of the relying party's.

import type { DeviceStore } from '../devices/device.store.ts'
import { activity } from '../domain/activity.ts'
import type { DeviceId, EnrollmentId } from '../domain/ids.ts'
import { checkStepUp, type PortalSession } from '../domain/portal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrollmentStore } from '../enrollments/enrollment.store.ts'
import {
  draftEnrollment,
  mayBeReplaced,
  type OpenedEnrollment,
} from '../enrollments/open-enrollment.ts'
import {
  type EnrollmentReading,
  type EnrollmentWait,
  followEnrollment,
  type Dependencies as ReadDependencies,
} from '../enrollments/read-enrollment.ts'
import type { AccessCheck } from '../platform/access-check.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random } from '../platform/world.ts'
import type { PushSignInStore } from '../protection/push-sign-in.store.ts'
import { reasonForNotEnrolling } from '../protection/push-sign-in.ts'
import type { TenantStore } from '../tenants/directory.store.ts'

type OpenDependencies = {
  readonly enrollments: Pick<EnrollmentStore, 'createInPortal'>
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly pushSignIn: Pick<PushSignInStore, 'find'>
  readonly random: Random
  readonly hashing: Hashing
  readonly userQueue: UserQueue
  readonly publicOrigin: string
}

/**
 * Opens an enrollment for the user's next phone, on behalf of the relying party of the link. The
 * number of the new phone is shown in this session alone.
 */
export async function openEnrollmentFromPortal(
  dependencies: OpenDependencies,
  session: PortalSession,
  replacesDeviceId: DeviceId | null,
): Promise<
  | OpenedEnrollment
  | Refusal<
      | 'portal_step_up_needed'
      | 'portal_session_invalid'
      | 'user_suspended'
      | 'push_sign_in_off'
      | 'too_many_requests'
      | 'not_found'
    >
> {
  const refusal = checkStepUp(session, 'add_phone')
  if (refusal) return refusal
  const { tenantId, userId, rpId, id: sessionId } = session
  if (replacesDeviceId !== null) {
    const device = await dependencies.devices.find(tenantId, replacesDeviceId)
    if (!device || !mayBeReplaced(device, userId)) return refuse('not_found')
  }
  const policy = await dependencies.tenants.findPolicy(tenantId, rpId)
  const whyNot = await reasonForNotEnrolling(dependencies, policy, tenantId, userId)
  if (whyNot) return whyNot
  const actor = `portal:${sessionId}` as const
  const { newEnrollment, codes } = draftEnrollment(dependencies, policy, {
    ...{ tenantId, userId, rpId, replacesDeviceId, parentDeviceId: null, actor },
    openedByDeviceId: null,
    openedBySessionId: sessionId,
  })
  const enrollment = await dependencies.userQueue.run(session, actor, () =>
    dependencies.enrollments.createInPortal(newEnrollment),
  )
  if (isRefusal(enrollment)) return enrollment
  if (typeof enrollment === 'object') return { enrollment, ...codes }
  return refuse(enrollment === 'session_gone' ? 'portal_session_invalid' : enrollment)
}

/**
 * Reads an enrollment that this session opened, waiting for its status to change; the wait ends
 * with the session.
 */
export function readPortalEnrollment(
  dependencies: ReadDependencies,
  { tenantId, id: openedBySessionId }: PortalSession,
  id: EnrollmentId,
  wait: EnrollmentWait,
  isAborted?: () => boolean,
  stillAllowed?: AccessCheck<Refusal<'portal_session_invalid'>>,
): Promise<EnrollmentReading | Refusal<'not_found' | 'portal_session_invalid'>> {
  const owner = { tenantId, openedBySessionId }
  return followEnrollment(dependencies, owner, id, wait, { isAborted, stillAllowed })
}

/** Cancels an enrollment that this session opened; doing it twice changes nothing. */
export async function cancelEnrollmentFromPortal(
  dependencies: ReadDependencies & {
    readonly enrollments: Pick<EnrollmentStore, 'cancel'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  id: EnrollmentId,
): Promise<EnrollmentReading | Refusal<'too_many_requests' | 'not_found' | 'enrollment_not_open'>> {
  const reading = await followEnrollment(
    dependencies,
    { tenantId: session.tenantId, openedBySessionId: session.id },
    id,
    { waitMs: 0 },
  )
  if (isRefusal(reading) || reading.status === 'cancelled') return reading
  const { tenantId, userId, rpId } = session
  const actor = `portal:${session.id}` as const
  const event = activity({ userId, type: 'enrollment_cancelled', actor, enrollmentId: id })
  const enrollment = await dependencies.userQueue.run(session, actor, () =>
    dependencies.enrollments.cancel(tenantId, id, rpId, event),
  )
  if (isRefusal(enrollment)) return enrollment
  if (!enrollment) {
    return refuse('enrollment_not_open', { facts: { currentStatus: reading.status } })
  }
  dependencies.signals.publish(id)
  return { enrollment, status: 'cancelled', number: null }
}

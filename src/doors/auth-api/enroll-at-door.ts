import { type EnrollmentId, isId } from '../../domain/ids.ts'
import { strictest } from '../../domain/policy.ts'
import { checkPushSignIn } from '../../domain/push-sign-in.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import {
  type Dependencies as OpenDependencies,
  type OpenedEnrollment,
  openEnrollment,
} from '../../enrollments/open-enrollment.ts'
import {
  type EnrollmentReading,
  type Dependencies as ReadDependencies,
  readEnrollment,
} from '../../enrollments/read-enrollment.ts'
import { type Dependencies as ImportDependencies, importUser } from '../../users/import-user.ts'
import type { DoorClient } from '../authenticate-integration.ts'

export type Dependencies = OpenDependencies & ImportDependencies

/**
 * Enrolls a user who did not exist before. Never an existing one: a thief of one machine's secret
 * could enroll a phone of their own for every user. This wire format cannot carry the number that
 * confirms an enrollment, so the policy must waive it.
 */
export async function enrollAtDoor(
  dependencies: Dependencies,
  { door, integration }: DoorClient,
  userName: string,
): Promise<
  | OpenedEnrollment
  | Refusal<
      | 'namespace_not_granted'
      | 'user_suspended'
      | 'push_sign_in_off'
      | 'too_many_requests'
      | 'not_found'
      | 'identifier_taken'
      | 'user_not_found'
      | 'enrollment_not_allowed'
    >
> {
  const { settings, namespace, userNames } = integration
  const { tenantId, rpId } = door
  const isAllowed = settings.kind === 'duo_auth_api' && settings.enrollmentAllowed
  if (!isAllowed) return refuse('enrollment_not_allowed')
  const policy = strictest(await dependencies.tenants.findPolicy(tenantId, rpId), door.policy)
  if (policy.enrollmentConfirmation) return refuse('enrollment_not_allowed')
  // Before the user exists: otherwise each name that is tried would become one.
  const refusal = checkPushSignIn(policy, null)
  if (refusal) return refusal
  const value = mapUserName(userNames, userName)
  if (value === undefined) return refuse('user_not_found')
  const input = { displayName: value, identifiers: [{ namespace, value }] }
  const importResult = await importUser(dependencies, door, input)
  if (isRefusal(importResult)) return importResult
  if (!importResult.isNew) return refuse('identifier_taken')
  return openEnrollment(dependencies, door, { user: { id: importResult.user.id } })
}

/**
 * The status of an enrollment of this door's relying party, for a client that names its user as
 * well.
 */
export async function readEnrollmentAtDoor(
  dependencies: ReadDependencies,
  { door }: DoorClient,
  query: { readonly userId: string; readonly enrollment: string },
): Promise<EnrollmentReading['status'] | Refusal<'not_found'>> {
  if (!isId('enrollment', query.enrollment)) return refuse('not_found')
  const id: EnrollmentId = query.enrollment
  const reading = await readEnrollment(dependencies, door, id)
  if (isRefusal(reading)) return reading
  return reading.enrollment.userId === query.userId ? reading.status : refuse('not_found')
}

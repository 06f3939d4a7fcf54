import { type EnrollmentId, isId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import { type Needs as ImportNeeds, importUser } from '../import-user.ts'
import {
  type OpenedEnrollment,
  type Needs as OpenNeeds,
  openEnrollment,
} from '../open-enrollment.ts'
import {
  type EnrollmentReading,
  type Needs as ReadNeeds,
  readEnrollment,
} from '../read-enrollment.ts'
import type { Entered } from './authenticate-integration.ts'

export type Needs = OpenNeeds & ImportNeeds

/**
 * Enrolls a user whom nobody knew before. Never one who is known: whoever stole the secret of one machine would enroll a phone of their
 * own for everybody. The number that confirms an enrollment has no place in this wire format, so the policy must do without.
 */
export async function enrollAtDoor(
  needs: Needs,
  { door, integration }: Entered,
  userName: string,
): Promise<OpenedEnrollment | Refusal> {
  const { settings, namespace, userNames } = integration
  const { tenantId, rpId } = door
  const isAllowed = settings.kind === 'duo_auth_api' && settings.enrollmentAllowed
  if (!isAllowed) return refuse('enrollment_not_allowed')
  const policy = await needs.tenants.findPolicy(tenantId, rpId)
  if (policy.enrollmentConfirmation) return refuse('enrollment_not_allowed')
  const value = mapUserName(userNames, userName)
  if (value === undefined) return refuse('user_not_found')
  const made = { displayName: value, identifiers: [{ namespace, value }] }
  const imported = await importUser(needs, door, made)
  if (isRefusal(imported)) return imported
  if (!imported.created) return refuse('identifier_taken')
  return openEnrollment(needs, door, { user: { id: imported.user.id } })
}

/** How an enrollment of this door's relying party stands, for whoever names its user too. */
export async function readEnrollmentAtDoor(
  needs: ReadNeeds,
  { door }: Entered,
  asked: { readonly userId: string; readonly enrollment: string },
): Promise<EnrollmentReading['status'] | Refusal> {
  if (!isId('enrollment', asked.enrollment)) return refuse('not_found')
  const id: EnrollmentId = asked.enrollment
  const reading = await readEnrollment(needs, door, id, { waitMs: 0 })
  if (isRefusal(reading)) return reading
  return reading.enrollment.userId === asked.userId ? reading.status : refuse('not_found')
}

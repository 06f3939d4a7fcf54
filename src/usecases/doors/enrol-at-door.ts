import { type EnrolmentId, isId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import { type Needs as ImportNeeds, importUser } from '../import-user.ts'
import { type OpenedEnrolment, type Needs as OpenNeeds, openEnrolment } from '../open-enrolment.ts'
import { type EnrolmentReading, type Needs as ReadNeeds, readEnrolment } from '../read-enrolment.ts'
import type { Entered } from './authenticate-integration.ts'

export type Needs = OpenNeeds & ImportNeeds

/**
 * Enrols a user whom nobody knew before. Never one who is known: whoever stole the secret of one machine would enrol a phone of their
 * own for everybody. The number that confirms an enrolment has no place in this wire format, so the policy must do without.
 */
export async function enrolAtDoor(
  needs: Needs,
  { door, integration }: Entered,
  userName: string,
): Promise<OpenedEnrolment | Refusal> {
  const { settings, namespace, userNames } = integration
  const { tenantId, rpId } = door
  const isAllowed = settings.kind === 'duo_auth_api' && settings.enrolmentAllowed
  if (!isAllowed) return refuse('enrolment_not_allowed')
  const policy = await needs.tenants.findPolicy(tenantId, rpId)
  if (policy.enrolmentConfirmation) return refuse('enrolment_not_allowed')
  const value = mapUserName(userNames, userName)
  if (value === undefined) return refuse('user_not_found')
  const made = { displayName: value, identifiers: [{ namespace, value }] }
  const imported = await importUser(needs, door, made)
  if (isRefusal(imported)) return imported
  if (!imported.created) return refuse('identifier_taken')
  return openEnrolment(needs, door, { user: { id: imported.user.id } })
}

/** How an enrolment of this door's relying party stands, for whoever names its user too. */
export async function readEnrolmentAtDoor(
  needs: ReadNeeds,
  { door }: Entered,
  asked: { readonly userId: string; readonly enrolment: string },
): Promise<EnrolmentReading['status'] | Refusal> {
  if (!isId('enrolment', asked.enrolment)) return refuse('not_found')
  const id: EnrolmentId = asked.enrolment
  const reading = await readEnrolment(needs, door, id, { waitMs: 0 })
  if (isRefusal(reading)) return reading
  return reading.enrolment.userId === asked.userId ? reading.status : refuse('not_found')
}

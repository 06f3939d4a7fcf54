import type { DeviceProof } from '../domain/device-proof.ts'
import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { PageRequest, UserStore } from '../ports/directory-store.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import { findUser } from './find-user.ts'

export type Needs = {
  readonly activities: ActivityStore
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

/** A page of what happened to a user, newest first, for a relying party that may see the user. */
export async function listActivities(
  needs: Needs,
  principal: Principal,
  userId: UserId,
  page: PageRequest,
): Promise<Activity[] | Refusal> {
  const user = await findUser(needs, principal, { id: userId })
  return isRefusal(user) ? user : needs.activities.list(principal.tenantId, user.id, page)
}

/** The same page for the user's own device. */
export async function listOwnActivities(
  needs: DeviceNeeds & { readonly activities: ActivityStore },
  proof: DeviceProof,
  page: PageRequest,
): Promise<Activity[] | Refusal> {
  const device = await authenticateDevice(needs, proof)
  return isRefusal(device) ? device : needs.activities.list(device.tenantId, device.userId, page)
}

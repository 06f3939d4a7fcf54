import type { DeviceProof } from '../domain/device-proof.ts'
import type { UserId } from '../domain/ids.ts'
import { hiddenTypes } from '../domain/notice.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { PageRequest, UserStore } from '../ports/directory-store.ts'
import type { NoticeStore } from '../ports/notice-store.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import { findUser } from './find-user.ts'

export type Needs = {
  readonly activities: Pick<ActivityStore, 'list'>
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
  const { tenantId, rpId } = principal
  return isRefusal(user) ? user : needs.activities.list(tenantId, user.id, page, { rpId })
}

/** The same page for the user's own device, without the categories that the user has switched off. */
export async function listOwnActivities(
  needs: DeviceNeeds & {
    readonly activities: Pick<ActivityStore, 'list'>
    readonly notices: Pick<NoticeStore, 'findPreferences'>
  },
  proof: DeviceProof,
  page: PageRequest,
): Promise<Activity[] | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const hidden = hiddenTypes(await needs.notices.findPreferences(tenantId, userId))
  return needs.activities.list(tenantId, userId, page, { hidden })
}

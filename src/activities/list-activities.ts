import type { ProofRefusal } from '../devices/authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { UserId } from '../domain/ids.ts'
import { hiddenTypes } from '../domain/notice.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { PageRequest } from '../platform/paging.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { Activity, ActivityStore } from './activity.store.ts'
import type { NoticeStore } from './notice.store.ts'

export type Dependencies = {
  readonly activities: Pick<ActivityStore, 'list'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

/** A page of a user's activities, newest first, for a relying party that may see the user. */
export async function listActivities(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
  page: PageRequest,
): Promise<Activity[] | Refusal<'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  const { tenantId, rpId } = principal
  return isRefusal(user) ? user : dependencies.activities.list(tenantId, user.id, page, { rpId })
}

/**
 * The same page for the user's own device, without the categories that the user has switched off.
 */
export async function listOwnActivities(
  dependencies: DeviceDependencies & {
    readonly activities: Pick<ActivityStore, 'list'>
    readonly notices: Pick<NoticeStore, 'findPreferences'>
  },
  proof: DeviceProof,
  page: PageRequest,
): Promise<Activity[] | ProofRefusal> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const hiddenActivityTypes = hiddenTypes(
    await dependencies.notices.findPreferences(tenantId, userId),
  )
  return dependencies.activities.list(tenantId, userId, page, { hiddenTypes: hiddenActivityTypes })
}

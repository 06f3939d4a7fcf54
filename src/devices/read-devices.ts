import type { Device } from '../domain/device.ts'
import type { DeviceId, UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { DeviceStore } from './device.store.ts'

export type Dependencies = {
  readonly devices: Pick<DeviceStore, 'find' | 'listOfUser'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

/** All devices that a user ever had, newest first; unregistered ones stay on record. */
export async function listDevices(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
): Promise<Device[] | Refusal<'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  return isRefusal(user) ? user : dependencies.devices.listOfUser(principal.tenantId, user.id)
}

/** One device of a user that the relying party may see. */
export async function readDevice(
  dependencies: Dependencies,
  principal: Principal,
  id: DeviceId,
): Promise<Device | Refusal<'not_found'>> {
  const device = await dependencies.devices.find(principal.tenantId, id)
  if (!device) return refuse('not_found')
  const user = await readUser(dependencies, principal, device.userId)
  return isRefusal(user) ? user : device
}

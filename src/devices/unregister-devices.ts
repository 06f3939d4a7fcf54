import type { Device, UnregisterReason } from '../domain/device.ts'
import type { DeviceId, UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Revocation } from '../domain/revocation.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { RevocationLog } from '../platform/logs/revocation-log.store.ts'
import type { Signals } from '../platform/signals.ts'
import { readUser } from '../users/find-user.ts'
import type { DeviceStore, UnregistrationEffects } from './device.store.ts'
import { type Dependencies as ReadDependencies, readDevice } from './read-devices.ts'

export type NotifyDependencies = {
  readonly signals: Pick<Signals, 'publish'>
  readonly revocationLog: RevocationLog
}

export type Dependencies = ReadDependencies &
  NotifyDependencies & {
    readonly devices: Pick<DeviceStore, 'find' | 'unregister'>
    readonly userQueue: UserQueue
  }

/**
 * Signals all waiters what an unregistration ended, and writes it to the revocation log before it
 * resolves.
 */
export async function notifyUnregistration(
  { signals, revocationLog }: NotifyDependencies,
  { devices, endedChallenges }: UnregistrationEffects,
): Promise<void> {
  for (const id of endedChallenges) signals.publish(id)
  for (const device of devices) signals.publish(device.enrollmentId)
  await revocationLog.append(devices.flatMap(revocationOf))
}

function revocationOf(device: Device): Revocation[] {
  const { tenantId, userId, id, unregisteredAt, unregisterReason } = device
  if (unregisteredAt === null || unregisterReason === null) return []
  const about = { tenantId, userId, deviceId: id, reason: unregisterReason, at: unregisteredAt }
  return [{ revocation: 'device_unregistered', ...about }]
}

/**
 * Unregisters one device permanently. When this resolves, no answer of that device commits any
 * more. Unregistering it again changes nothing, and the first reason stays.
 */
export async function unregisterDevice(
  dependencies: Dependencies,
  principal: Principal,
  id: DeviceId,
  reason: UnregisterReason,
): Promise<Device | Refusal<'too_many_requests' | 'not_found'>> {
  const device = await readDevice(dependencies, principal, id)
  if (isRefusal(device)) return device
  if (device.status === 'unregistered') {
    // A repeated call may follow one without a response, if the process died between the database
    // and the revocation log.
    await notifyUnregistration(dependencies, { devices: [device], endedChallenges: [] })
    return device
  }
  const result = await unregister(dependencies, principal, device.userId, [id], reason)
  return isRefusal(result) ? result : readDevice(dependencies, principal, id)
}

/** Unregisters every device of a user; returns those that were not unregistered before. */
export async function unregisterAllDevices(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
  reason: UnregisterReason,
): Promise<readonly Device[] | Refusal<'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  return isRefusal(user) ? user : unregister(dependencies, principal, user.id, [], reason)
}

async function unregister(
  dependencies: Dependencies,
  { tenantId, keyId }: Principal,
  userId: UserId,
  deviceIds: readonly DeviceId[],
  reason: UnregisterReason,
): Promise<readonly Device[] | Refusal<'too_many_requests'>> {
  const actor = `api_key:${keyId}` as const
  const command = { tenantId, userId, deviceIds, reason, actor }
  const result = await dependencies.userQueue.run(command, actor, () =>
    dependencies.devices.unregister(command),
  )
  if (isRefusal(result)) return result
  await notifyUnregistration(dependencies, result)
  return result.devices
}

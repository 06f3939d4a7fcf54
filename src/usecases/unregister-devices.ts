import type { Device, UnregisterReason } from '../domain/device.ts'
import type { DeviceId, UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Revocation } from '../domain/revocation.ts'
import type { DeviceStore, Unregistered } from '../ports/device-store.ts'
import type { RevocationLog } from '../ports/revocation-log.ts'
import type { Signals } from '../ports/signals.ts'
import type { UserTurns } from '../ports/turns.ts'
import { findUser } from './find-user.ts'
import { type Needs as ReadDependencies, readDevice } from './read-devices.ts'

export type TellingNeeds = {
  readonly signals: Pick<Signals, 'publish'>
  readonly revocationLog: RevocationLog
}

export type Needs = ReadDependencies &
  TellingNeeds & {
    readonly devices: Pick<DeviceStore, 'find' | 'unregister'>
    readonly userTurns: UserTurns
  }

/**
 * Signals all waiters what an unregistration ended, and writes it to the revocation log before it
 * resolves.
 */
export async function tellUnregistered(
  { signals, revocationLog }: TellingNeeds,
  { devices, endedChallenges }: Unregistered,
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
  dependencies: Needs,
  principal: Principal,
  id: DeviceId,
  reason: UnregisterReason,
): Promise<Device | Refusal> {
  const device = await readDevice(dependencies, principal, id)
  if (isRefusal(device)) return device
  if (device.status === 'unregistered') {
    // A repeated call may follow one without a response, if the process died between the database
    // and the revocation log.
    await tellUnregistered(dependencies, { devices: [device], endedChallenges: [] })
    return device
  }
  const result = await unregister(dependencies, principal, device.userId, [id], reason)
  return isRefusal(result) ? result : readDevice(dependencies, principal, id)
}

/** Unregisters every device of a user; returns those that were not unregistered before. */
export async function unregisterAllDevices(
  dependencies: Needs,
  principal: Principal,
  userId: UserId,
  reason: UnregisterReason,
): Promise<readonly Device[] | Refusal> {
  const user = await findUser(dependencies, principal, { id: userId })
  return isRefusal(user) ? user : unregister(dependencies, principal, user.id, [], reason)
}

async function unregister(
  dependencies: Needs,
  { tenantId, keyId }: Principal,
  userId: UserId,
  deviceIds: readonly DeviceId[],
  reason: UnregisterReason,
): Promise<readonly Device[] | Refusal> {
  const actor = `api_key:${keyId}` as const
  const command = { tenantId, userId, deviceIds, reason, actor }
  const result = await dependencies.userTurns.take(command, actor, () =>
    dependencies.devices.unregister(command, null),
  )
  if (isRefusal(result)) return result
  if (result === 'proof_replayed') throw new Error('no proof was given to be replayed')
  await tellUnregistered(dependencies, result)
  return result.devices
}

import { type Actor, activity, type NewActivity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { SuspensionStatus } from '../domain/suspension.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { DeviceStore } from './device.store.ts'
import { type Dependencies as ReadDependencies, readDevice } from './read-devices.ts'
import type { DeviceSuspension, SuspensionEffects, SuspensionStore } from './suspension.store.ts'
import type { NotifyDependencies } from './unregister-devices.ts'

export type Dependencies = ReadDependencies &
  NotifyDependencies & {
    readonly devices: Pick<DeviceStore, 'change'>
    readonly suspensions: Pick<SuspensionStore, 'suspendDevice' | 'activateDevice'>
    readonly userQueue: UserQueue
  }

export type Changes = { readonly name?: string; readonly status?: SuspensionStatus }

/**
 * Renames a device, suspends it, or activates it again, on behalf of its user. When a suspension
 * resolves, no answer of the device commits until it is active again. Values that are already set
 * change nothing.
 */
export async function changeDevice(
  dependencies: Dependencies,
  principal: Principal,
  id: DeviceId,
  { name, status }: Changes,
): Promise<
  | Device
  | Refusal<
      'device_not_active' | 'too_many_requests' | 'not_found' | 'device_unregistered' | 'conflict'
    >
> {
  const device = await readDevice(dependencies, principal, id)
  if (isRefusal(device)) return device
  if (device.status === 'unregistered') return refuse('device_unregistered')
  if (name !== undefined && name !== device.name) {
    const actor = `api_key:${principal.keyId}` as const
    const renamedDevice = await renameDevice(dependencies, device, name, actor)
    if (isRefusal(renamedDevice)) return renamedDevice
  }
  if (status !== undefined && status !== device.status) {
    // Only its enrollment makes a new device active.
    if (device.status === 'unconfirmed') return refuse('device_not_active')
    const refusal = await setStatus(dependencies, principal, device, status)
    if (refusal) return refusal
  }
  const changedDevice = await readDevice(dependencies, principal, id)
  const isDone = isRefusal(changedDevice) || status === undefined || changedDevice.status === status
  if (isDone) return changedDevice
  return refuse(changedDevice.status === 'unregistered' ? 'device_unregistered' : 'conflict')
}

/** Renames a live device and shows it to its user. */
async function renameDevice(
  { devices }: { readonly devices: Pick<DeviceStore, 'change'> },
  device: Device,
  name: string,
  actor: Actor,
): Promise<Device | Refusal<'device_unregistered'>> {
  const { tenantId, id } = device
  const renamedDevice = await devices.change(tenantId, id, { name }, renaming(device, name, actor))
  return renamedDevice ?? refuse('device_unregistered')
}

/** How a new name is recorded. */
export const renaming = (
  { id: deviceId, userId, name: from }: Device,
  to: string,
  actor: Actor,
): NewActivity =>
  activity({ userId, type: 'device_renamed', actor, deviceId, details: { from, to } })

async function setStatus(
  dependencies: Dependencies,
  { tenantId, keyId }: Principal,
  { id: deviceId, userId }: Device,
  status: SuspensionStatus,
): Promise<Refusal<'too_many_requests'> | undefined> {
  const { suspensions, userQueue, revocationLog } = dependencies
  const about = { tenantId, userId, deviceId }
  const command = { ...about, actor: `api_key:${keyId}` } as const
  if (status === 'active') {
    const activation = await userQueue.run(command, command.actor, () =>
      suspensions.activateDevice(command),
    )
    if (!activation) return undefined
    if (isRefusal(activation)) return activation
    await revocationLog.append([{ revocation: 'device_activated', ...about, at: activation.at }])
    return undefined
  }
  const suspension = await userQueue.run(command, command.actor, () =>
    suspensions.suspendDevice(command),
  )
  if (!suspension) return undefined
  if (isRefusal(suspension)) return suspension
  await notifySuspension(dependencies, command, suspension)
  return undefined
}

/** Announces a suspension, when it is committed. */
export async function notifySuspension(
  { signals, revocationLog }: NotifyDependencies,
  command: DeviceSuspension,
  suspension: SuspensionEffects,
): Promise<void> {
  for (const id of suspension.endedChallenges) signals.publish(id)
  const { tenantId, userId, deviceId } = command
  const about = { tenantId, userId, deviceId }
  await revocationLog.append([{ revocation: 'device_suspended', ...about, at: suspension.at }])
}

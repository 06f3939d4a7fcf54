import { activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { SuspensionStore } from '../ports/suspension-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { type Needs as ReadNeeds, readDevice } from './read-devices.ts'
import type { TellingNeeds } from './unregister-devices.ts'

export type Needs = ReadNeeds &
  TellingNeeds & {
    readonly devices: Pick<DeviceStore, 'change'>
    readonly suspensions: Pick<SuspensionStore, 'suspendDevice' | 'activateDevice'>
    readonly userTurns: UserTurns
  }

export type Changes = { readonly name?: string; readonly status?: 'active' | 'suspended' }

/**
 * Gives a device another name, suspends it, or makes it active again, on behalf of its user. When a suspension returns, no answer
 * of the device commits until it is active again. What is as it should be changes nothing.
 */
export async function changeDevice(
  needs: Needs,
  principal: Principal,
  id: DeviceId,
  { name, status }: Changes,
): Promise<Device | Refusal> {
  const device = await readDevice(needs, principal, id)
  if (isRefusal(device)) return device
  if (device.status === 'unregistered') return refuse('device_unregistered')
  if (name !== undefined && name !== device.name) {
    const renamed = await rename(needs, principal, device, name)
    if (isRefusal(renamed)) return renamed
  }
  if (status !== undefined && status !== device.status) {
    // Only its enrollment makes a new device active.
    if (device.status === 'unconfirmed') return refuse('device_not_active')
    const refusal = await setStatus(needs, principal, device, status)
    if (refusal) return refusal
  }
  const changed = await readDevice(needs, principal, id)
  const isDone = isRefusal(changed) || status === undefined || changed.status === status
  if (isDone) return changed
  return refuse(changed.status === 'unregistered' ? 'device_unregistered' : 'conflict')
}

async function rename(
  { devices }: Needs,
  { tenantId, keyId }: Principal,
  { id, userId, name: from }: Device,
  to: string,
): Promise<Device | Refusal> {
  const renamed = await devices.change(
    tenantId,
    id,
    { name: to },
    activity({
      userId,
      type: 'device_renamed',
      actor: `api_key:${keyId}`,
      deviceId: id,
      details: { from, to },
    }),
    null,
  )
  if (renamed === 'proof_replayed') throw new Error('no proof was given to be replayed')
  return renamed ?? refuse('device_unregistered')
}

async function setStatus(
  { suspensions, userTurns, signals, revocationLog }: Needs,
  { tenantId, keyId }: Principal,
  { id: deviceId, userId }: Device,
  status: 'active' | 'suspended',
): Promise<Refusal | undefined> {
  const about = { tenantId, userId, deviceId }
  const command = { ...about, actor: `api_key:${keyId}` } as const
  if (status === 'active') {
    const activated = await userTurns.take(command, command.actor, () =>
      suspensions.activateDevice(command),
    )
    if (!activated) return undefined
    if (isRefusal(activated)) return activated
    await revocationLog.append([{ revocation: 'device_activated', ...about, at: activated.at }])
    return undefined
  }
  const suspended = await userTurns.take(command, command.actor, () =>
    suspensions.suspendDevice(command),
  )
  if (!suspended) return undefined
  if (isRefusal(suspended)) return suspended
  for (const id of suspended.endedChallenges) signals.publish(id)
  await revocationLog.append([{ revocation: 'device_suspended', ...about, at: suspended.at }])
  return undefined
}

import type { ProofRefusal } from './authenticate-device.ts'
// Operations of a device on itself and on the user's other devices.

import { activity } from '../domain/activity.ts'
import { type Device, type KeyRole, workingStatuses } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId } from '../domain/ids.ts'
import { answerabilityOf } from '../domain/readiness.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { ProtectionReader } from '../users/protection-reader.store.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
  verifyProof,
} from './authenticate-device.ts'
import type { DeviceChanges, DeviceStore } from './device.store.ts'
import { type NotifyDependencies, notifyUnregistration } from './unregister-devices.ts'

export type Dependencies = DeviceDependencies &
  NotifyDependencies & {
    readonly devices: Pick<
      DeviceStore,
      'find' | 'listOfUser' | 'changeWithProof' | 'unregisterWithProof'
    >
    readonly userQueue: UserQueue
  }

/** A device, and whether it may be asked challenges. */
export type OwnDevice = Device & ReturnType<typeof answerabilityOf>

/**
 * The device as the service knows it, and the reason if it may not answer. Suspended devices, and
 * apps that are too old, learn here the reason for which every other call refuses them.
 */
export async function readSelf(
  dependencies: Dependencies & { readonly protections: ProtectionReader },
  proof: DeviceProof,
): Promise<OwnDevice | ProofRefusal> {
  const knownDevice = await dependencies.devices.findKnown(proof.tenantId, proof.deviceId)
  if (knownDevice === null) return refuse('proof_invalid')
  const statuses = [...workingStatuses, 'suspended'] as const
  const device = await verifyProof(dependencies, proof, knownDevice, { statuses, anyApp: true })
  if (isRefusal(device)) return device
  const record = await dependencies.protections.find(device.tenantId, device.userId)
  if (!record) throw new Error('a device has a user, who has a protection')
  return { ...device, ...answerabilityOf(device, { ...record, policy: knownDevice.policy }) }
}

/**
 * Changes what the device reports about itself; a new name is shown to the user as an activity. The
 * version of the protocol only rises: an app that was rolled back, or an attacker with its key,
 * cannot make the service speak an older one.
 */
export async function updateSelf(
  dependencies: Dependencies,
  proof: DeviceProof,
  changes: DeviceChanges,
): Promise<Device | ProofRefusal | Refusal<'proof_replayed' | 'protocol_version_lowered'>> {
  const device = await authenticateDevice(dependencies, proof, {
    statuses: workingStatuses,
    anyApp: true,
  })
  if (isRefusal(device)) return device
  if (changes.protocolVersion !== undefined && changes.protocolVersion < device.protocolVersion) {
    return refuse('protocol_version_lowered', {
      facts: { protocolVersion: device.protocolVersion },
    })
  }
  const isRename = changes.name !== undefined && changes.name !== device.name
  const event = isRename
    ? activity({
        userId: device.userId,
        type: 'device_renamed',
        actor: `device:${device.id}`,
        deviceId: device.id,
        details: { from: device.name, to: changes.name },
      })
    : null
  const changedDevice = await dependencies.devices.changeWithProof(
    device.tenantId,
    device.id,
    changes,
    event,
    proof,
  )
  if (typeof changedDevice === 'string') return refuse(changedDevice)
  return changedDevice ?? refuse('device_unregistered')
}

/** The user's live devices, this one among them, newest first. */
export async function listOwnDevices(
  dependencies: Dependencies,
  proof: DeviceProof,
): Promise<readonly Device[] | ProofRefusal> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const devices = await dependencies.devices.listOfUser(device.tenantId, device.userId)
  return devices.filter((other) => other.status !== 'unregistered')
}

/** Unregisters the calling device itself, at its user's request. */
export async function unregisterSelf(
  dependencies: Dependencies,
  proof: DeviceProof,
): Promise<
  | ProofRefusal
  | Refusal<'too_many_requests' | 'not_found' | 'proof_replayed' | 'conflict'>
  | undefined
> {
  return unregisterOwn(dependencies, proof, proof.deviceId, {
    role: 'possession',
    reason: 'user_request',
  })
}

/**
 * Unregisters another device of the same user: the lost phone. Requires the verification key, so
 * that a thief with an unlocked phone cannot unregister the owner's other devices.
 */
export async function unregisterOther(
  dependencies: Dependencies,
  proof: DeviceProof,
  id: DeviceId,
): Promise<
  | ProofRefusal
  | Refusal<'too_many_requests' | 'not_found' | 'proof_replayed' | 'conflict'>
  | undefined
> {
  return unregisterOwn(dependencies, proof, id, { role: 'verification', reason: 'lost' })
}

async function unregisterOwn(
  dependencies: Dependencies,
  proof: DeviceProof,
  id: DeviceId,
  how: { readonly role: KeyRole; readonly reason: 'user_request' | 'lost' },
): Promise<
  | ProofRefusal
  | Refusal<'too_many_requests' | 'not_found' | 'proof_replayed' | 'conflict'>
  | undefined
> {
  const statuses = id === proof.deviceId ? workingStatuses : undefined
  const device = await authenticateDevice(dependencies, proof, {
    role: how.role,
    anyApp: true,
    ...(statuses && { statuses }),
  })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const other = await dependencies.devices.find(tenantId, id)
  if (other?.userId !== userId) return refuse('not_found')
  const actor = `device:${device.id}` as const
  const command = { tenantId, userId, deviceIds: [id], reason: how.reason, actor }
  const result = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
    dependencies.devices.unregisterWithProof(command, proof),
  )
  if (isRefusal(result)) return result
  if (typeof result === 'string') return refuse(result)
  await notifyUnregistration(dependencies, result)
  if (result.devices.length > 0) return undefined
  // Nothing was left to unregister, or the caller was itself unregistered or suspended meanwhile
  // and changed nothing.
  const current = await dependencies.devices.find(tenantId, id)
  if (current?.status === 'unregistered') return undefined
  const caller = await authenticateDevice(dependencies, proof, { statuses: workingStatuses })
  return isRefusal(caller) ? caller : refuse('conflict', { retryAfterSeconds: 1 })
}

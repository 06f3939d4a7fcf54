// What a device may do with itself and with the user's other devices.

import { activity } from '../domain/activity.ts'
import type { Device, KeyRole } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId } from '../domain/ids.ts'
import { standingOf } from '../domain/readiness.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceChanges, DeviceStore } from '../ports/device-store.ts'
import type { ProtectionStore } from '../ports/protection-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import {
  authenticateDevice,
  believeProof,
  type Needs as DeviceNeeds,
} from './authenticate-device.ts'
import { type TellingNeeds, tellUnregistered } from './unregister-devices.ts'

export type Needs = DeviceNeeds &
  TellingNeeds & {
    readonly devices: Pick<DeviceStore, 'find' | 'listOfUser' | 'change' | 'unregister'>
    readonly userTurns: UserTurns
  }

const alive = ['active', 'unconfirmed'] as const

/** A device, and whether anything is asked of it. */
export type OwnDevice = Device & ReturnType<typeof standingOf>

/**
 * The device as the service knows it, and why it may not answer if so. Devices that are suspended,
 * and apps that are too old, are told here what every other call refuses them for.
 */
export async function readSelf(
  needs: Needs & { readonly protections: Pick<ProtectionStore, 'find'> },
  proof: DeviceProof,
): Promise<OwnDevice | Refusal> {
  const known = await needs.devices.findKnown(proof.tenantId, proof.deviceId)
  const statuses = [...alive, 'suspended'] as const
  const device = await believeProof(needs, proof, known, { statuses, anyApp: true })
  if (isRefusal(device) || known === null) return isRefusal(device) ? device : refuse('not_found')
  const record = await needs.protections.find(device.tenantId, device.userId)
  if (!record) throw new Error('a device has a user, who has a protection')
  return { ...device, ...standingOf(device, { ...record, policy: known.policy }) }
}

/** Changes what the device says of itself; a new name is shown to the user as an activity. */
export async function updateSelf(
  needs: Needs,
  proof: DeviceProof,
  changes: DeviceChanges,
): Promise<Device | Refusal> {
  const device = await authenticateDevice(needs, proof, { statuses: alive, anyApp: true })
  if (isRefusal(device)) return device
  const renamed = changes.name !== undefined && changes.name !== device.name
  const event = renamed
    ? activity({
        userId: device.userId,
        type: 'device_renamed',
        actor: `device:${device.id}`,
        deviceId: device.id,
        details: { from: device.name, to: changes.name },
      })
    : null
  const changed = await needs.devices.change(device.tenantId, device.id, changes, event, proof)
  if (changed === 'proof_replayed') return refuse('proof_replayed')
  return changed ?? refuse('device_unregistered')
}

/** The user's live devices, this one among them, newest first. */
export async function listOwnDevices(
  needs: Needs,
  proof: DeviceProof,
): Promise<readonly Device[] | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const devices = await needs.devices.listOfUser(device.tenantId, device.userId)
  return devices.filter((other) => other.status !== 'unregistered')
}

/** Unregisters the calling device itself; its user leaves with it. */
export async function unregisterSelf(
  needs: Needs,
  proof: DeviceProof,
): Promise<Refusal | undefined> {
  return unregisterOwn(needs, proof, proof.deviceId, { role: 'possession', reason: 'user_request' })
}

/**
 * Unregisters another device of the same user: the lost phone. Takes the verification key, so that a thief who holds an
 * unlocked phone for a moment cannot throw out the owner's others.
 */
export async function unregisterOther(
  needs: Needs,
  proof: DeviceProof,
  id: DeviceId,
): Promise<Refusal | undefined> {
  return unregisterOwn(needs, proof, id, { role: 'verification', reason: 'lost' })
}

async function unregisterOwn(
  needs: Needs,
  proof: DeviceProof,
  id: DeviceId,
  how: { readonly role: KeyRole; readonly reason: 'user_request' | 'lost' },
): Promise<Refusal | undefined> {
  const statuses = id === proof.deviceId ? alive : undefined
  const device = await authenticateDevice(needs, proof, {
    role: how.role,
    anyApp: true,
    ...(statuses && { statuses }),
  })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const other = await needs.devices.find(tenantId, id)
  if (other?.userId !== userId) return refuse('not_found')
  const actor = `device:${device.id}` as const
  const command = { tenantId, userId, deviceIds: [id], reason: how.reason, actor }
  const done = await needs.userTurns.take(device, `device:${device.id}`, () =>
    needs.devices.unregister(command, proof),
  )
  if (isRefusal(done)) return done
  if (done === 'proof_replayed') return refuse('proof_replayed')
  await tellUnregistered(needs, done)
  if (done.devices.length > 0) return undefined
  // Nothing was left to do, or the caller was itself unregistered or suspended meanwhile and did nothing.
  const standing = await needs.devices.find(tenantId, id)
  if (standing?.status === 'unregistered') return undefined
  const caller = await authenticateDevice(needs, proof, { statuses: alive })
  return isRefusal(caller) ? caller : refuse('conflict', { retryAfterSeconds: 1 })
}

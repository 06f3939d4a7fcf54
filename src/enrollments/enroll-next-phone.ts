import type { ProofRefusal } from '../devices/authenticate-device.ts'

// A user's own device enrolls the next phone: it takes the role of the relying party's page.

import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import type { DeviceStore } from '../devices/device.store.ts'
import { keyOf } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId, EnrollmentId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random } from '../platform/world.ts'
import type { PushSignInStore } from '../protection/push-sign-in.store.ts'
import { reasonForNotEnrolling } from '../protection/push-sign-in.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import type { EnrollmentStore } from './enrollment.store.ts'
import {
  draftEnrollment,
  mayBeParent,
  mayBeReplaced,
  type OpenedEnrollment,
} from './open-enrollment.ts'
import {
  type EnrollmentReading,
  type EnrollmentWait,
  followEnrollment,
  type Dependencies as ReadDependencies,
} from './read-enrollment.ts'

export type Dependencies = DeviceDependencies & {
  readonly enrollments: Pick<EnrollmentStore, 'find' | 'createByDevice'>
  readonly userQueue: UserQueue
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly pushSignIn: Pick<PushSignInStore, 'find'>
  readonly random: Random
  readonly hashing: Hashing
  readonly publicOrigin: string
}

/**
 * Opens an enrollment for the user's next phone. Requires the verification key. The calling device
 * is unregistered, reason `replaced`, when the new one is confirmed, unless that is its companion;
 * with `replacesDeviceId` another of the user's devices is unregistered instead, and with null
 * none. The enrollment belongs to the relying party that enrolled the calling device, and ends with
 * the calling device.
 */
export async function openNextEnrollment(
  dependencies: Dependencies,
  proof: DeviceProof,
  {
    replacesDeviceId,
    companion = false,
  }: { readonly replacesDeviceId?: DeviceId | null; readonly companion?: boolean },
): Promise<
  | OpenedEnrollment
  | ProofRefusal<'verification'>
  | Refusal<
      'user_suspended' | 'push_sign_in_off' | 'too_many_requests' | 'not_found' | 'proof_replayed'
    >
> {
  const requirement = { role: 'verification' } as const
  const device = await authenticateDevice(dependencies, proof, requirement)
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  if (companion && !mayBeParent(device, userId)) return refuse('not_found')
  const defaultId = companion ? null : device.id
  const replacedId = replacesDeviceId === undefined ? defaultId : replacesDeviceId
  if (companion && replacedId === device.id) return refuse('not_found')
  const other = replacedId && (await dependencies.devices.find(tenantId, replacedId))
  if (replacedId !== null && !(other && mayBeReplaced(other, userId))) return refuse('not_found')
  const origin = await dependencies.enrollments.find(tenantId, device.enrollmentId)
  if (!origin) throw new Error(`device ${device.id} came from no enrollment`)
  const { rpId } = origin.enrollment
  const policy = await dependencies.tenants.findPolicy(tenantId, rpId)
  const refusal = await reasonForNotEnrolling(dependencies, policy, tenantId, userId)
  if (refusal) return refusal
  const { newEnrollment, codes } = draftEnrollment(dependencies, policy, {
    tenantId,
    userId,
    rpId,
    replacesDeviceId: replacedId,
    parentDeviceId: companion ? device.id : null,
    openedByDeviceId: device.id,
    openedBySessionId: null,
    actor: `device:${device.id}`,
  })
  const enrollment = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
    dependencies.enrollments.createByDevice(newEnrollment, proof),
  )
  if (isRefusal(enrollment)) return enrollment
  if (typeof enrollment === 'object') return { enrollment, ...codes }
  if (enrollment !== 'changed') return refuse(enrollment)
  const currentDevice = await authenticateDevice(dependencies, proof, requirement)
  return isRefusal(currentDevice) ? currentDevice : refuse('not_found')
}

/**
 * Reads an enrollment that this device opened, waiting for its status to change; the number is for
 * this device's screen. The wait ends when the device is suspended or unregistered meanwhile, or
 * has replaced the key that asked; a device that the new phone has just replaced still learns that
 * the enrollment is completed.
 */
export async function readNextEnrollment(
  dependencies: DeviceDependencies & ReadDependencies,
  proof: DeviceProof,
  id: EnrollmentId,
  wait: EnrollmentWait,
  isAborted?: () => boolean,
): Promise<EnrollmentReading | ProofRefusal | Refusal<'not_found'>> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const isOwn = { tenantId: device.tenantId, openedByDeviceId: device.id }
  return followEnrollment(dependencies, isOwn, id, wait, {
    isAborted,
    stillAllowed: async (status) => {
      const knownDevice = await dependencies.devices.findKnown(device.tenantId, device.id)
      const now = knownDevice?.device.status
      if (knownDevice && now === 'active') {
        return keyOf(knownDevice.keys, proof.kid) ? undefined : refuse('proof_invalid')
      }
      if (status === 'completed') return undefined
      return refuse(now === 'suspended' ? 'device_suspended' : 'device_unregistered')
    },
  })
}

// A user's own device enrolls the next phone: it plays the part of the relying party's page.

import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId, EnrollmentId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { TenantStore } from '../ports/directory-store.ts'
import type { EnrollmentStore } from '../ports/enrollment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, Random } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
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
  type Needs as ReadNeeds,
} from './read-enrollment.ts'

export type Needs = DeviceNeeds & {
  readonly enrollments: Pick<EnrollmentStore, 'find' | 'createByDevice'>
  readonly userTurns: UserTurns
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Random
  readonly hashing: Hashing
  readonly publicOrigin: string
}

/**
 * Opens an enrollment for the user's next phone. Takes the verification key. The calling device is unregistered, reason `replaced`, when
 * the new one is confirmed, unless that is a companion of it; with `replacesDeviceId` another of the user's devices is instead, and with null none. The enrollment belongs
 * to the relying party that enrolled the calling device, and ends with the calling device.
 */
export async function openNextEnrollment(
  needs: Needs,
  proof: DeviceProof,
  {
    replacesDeviceId,
    companion = false,
  }: { readonly replacesDeviceId?: DeviceId | null; readonly companion?: boolean },
): Promise<OpenedEnrollment | Refusal> {
  const requirement = { role: 'verification' } as const
  const device = await authenticateDevice(needs, proof, requirement)
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  if (companion && !mayBeParent(device, userId)) return refuse('not_found')
  const usual = companion ? null : device.id
  const replaced = replacesDeviceId === undefined ? usual : replacesDeviceId
  if (companion && replaced === device.id) return refuse('not_found')
  const other = replaced && (await needs.devices.find(tenantId, replaced))
  if (replaced !== null && !(other && mayBeReplaced(other, userId))) return refuse('not_found')
  const origin = await needs.enrollments.find(tenantId, device.enrollmentId)
  if (!origin) throw new Error(`device ${device.id} came from no enrollment`)
  const { rpId } = origin.enrollment
  const policy = await needs.tenants.findPolicy(tenantId, rpId)
  const { made, codes } = draftEnrollment(needs, policy, {
    tenantId,
    userId,
    rpId,
    replacesDeviceId: replaced,
    parentDeviceId: companion ? device.id : null,
    openedByDeviceId: device.id,
    actor: `device:${device.id}`,
  })
  const enrollment = await needs.userTurns.take(device, `device:${device.id}`, () =>
    needs.enrollments.createByDevice(made, proof),
  )
  if (isRefusal(enrollment)) return enrollment
  if (enrollment === 'proof_replayed') return refuse('proof_replayed')
  if (enrollment === 'user_suspended') return refuse('user_suspended')
  if (enrollment !== 'changed') return { enrollment, ...codes }
  const standing = await authenticateDevice(needs, proof, requirement)
  return isRefusal(standing) ? standing : refuse('not_found')
}

/**
 * Reads an enrollment that this device opened, waiting for its status to change; the number is for this device's screen. The wait ends when the
 * device is suspended or unregistered meanwhile; one that the new phone has just replaced still learns that it has.
 */
export async function readNextEnrollment(
  needs: DeviceNeeds & ReadNeeds & { readonly devices: Pick<DeviceStore, 'find'> },
  proof: DeviceProof,
  id: EnrollmentId,
  wait: EnrollmentWait,
  aborted?: () => boolean,
): Promise<EnrollmentReading | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const isOwn = { tenantId: device.tenantId, openedByDeviceId: device.id }
  return followEnrollment(needs, isOwn, id, wait, {
    aborted,
    stillAllowed: async (status) => {
      const now = await needs.devices.find(device.tenantId, device.id)
      if (now?.status === 'active' || status === 'completed') return undefined
      return refuse(now?.status === 'suspended' ? 'device_suspended' : 'device_unregistered')
    },
  })
}

// A user's own device enrols the next phone: it plays the part of the relying party's page.

import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId, EnrolmentId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { TenantStore } from '../ports/directory-store.ts'
import type { EnrolmentStore } from '../ports/enrolment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, Random } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import {
  draftEnrolment,
  mayBeParent,
  mayBeReplaced,
  type OpenedEnrolment,
} from './open-enrolment.ts'
import {
  type EnrolmentReading,
  type EnrolmentWait,
  followEnrolment,
  type Needs as ReadNeeds,
} from './read-enrolment.ts'

export type Needs = DeviceNeeds & {
  readonly enrolments: Pick<EnrolmentStore, 'find' | 'createByDevice'>
  readonly userTurns: UserTurns
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Random
  readonly hashing: Hashing
  readonly publicOrigin: string
}

/**
 * Opens an enrolment for the user's next phone. Takes the verification key. The calling device is unregistered, reason `replaced`, when
 * the new one is confirmed, unless that is a companion of it; with `replacesDeviceId` another of the user's devices is instead, and with null none. The enrolment belongs
 * to the relying party that enrolled the calling device, and ends with the calling device.
 */
export async function openNextEnrolment(
  needs: Needs,
  proof: DeviceProof,
  {
    replacesDeviceId,
    companion = false,
  }: { readonly replacesDeviceId?: DeviceId | null; readonly companion?: boolean },
): Promise<OpenedEnrolment | Refusal> {
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
  const origin = await needs.enrolments.find(tenantId, device.enrolmentId)
  if (!origin) throw new Error(`device ${device.id} came from no enrolment`)
  const { rpId } = origin.enrolment
  const policy = await needs.tenants.findPolicy(tenantId, rpId)
  const { made, codes } = draftEnrolment(needs, policy, {
    tenantId,
    userId,
    rpId,
    replacesDeviceId: replaced,
    parentDeviceId: companion ? device.id : null,
    openedByDeviceId: device.id,
    actor: `device:${device.id}`,
  })
  const enrolment = await needs.userTurns.take(device, `device:${device.id}`, () =>
    needs.enrolments.createByDevice(made, proof),
  )
  if (isRefusal(enrolment)) return enrolment
  if (enrolment === 'proof_replayed') return refuse('proof_replayed')
  if (enrolment === 'user_suspended') return refuse('user_suspended')
  if (enrolment !== 'changed') return { enrolment, ...codes }
  const standing = await authenticateDevice(needs, proof, requirement)
  return isRefusal(standing) ? standing : refuse('not_found')
}

/**
 * Reads an enrolment that this device opened, waiting for its status to change; the number is for this device's screen. The wait ends when the
 * device is suspended or unregistered meanwhile; one that the new phone has just replaced still learns that it has.
 */
export async function readNextEnrolment(
  needs: DeviceNeeds & ReadNeeds & { readonly devices: Pick<DeviceStore, 'find'> },
  proof: DeviceProof,
  id: EnrolmentId,
  wait: EnrolmentWait,
  aborted?: () => boolean,
): Promise<EnrolmentReading | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const isOwn = { tenantId: device.tenantId, openedByDeviceId: device.id }
  return followEnrolment(needs, isOwn, id, wait, {
    aborted,
    stillAllowed: async (status) => {
      const now = await needs.devices.find(device.tenantId, device.id)
      if (now?.status === 'active' || status === 'completed') return undefined
      return refuse(now?.status === 'suspended' ? 'device_suspended' : 'device_unregistered')
    },
  })
}

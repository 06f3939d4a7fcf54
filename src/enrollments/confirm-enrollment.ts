import type { ProofRefusal } from '../devices/authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import { type NotifyDependencies, notifyUnregistration } from '../devices/unregister-devices.ts'
import { activity, type NewActivity } from '../domain/activity.ts'
import { type Device, workingStatuses } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import {
  type ConfirmationEffect,
  confirmationDigits,
  confirmEnrollment as decideConfirmation,
  viewOf,
} from '../domain/enrollment.ts'
import { isNumberOf } from '../domain/number-match.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Sealing } from '../platform/world.ts'
import type { EnrollmentRecord, EnrollmentStore } from './enrollment.store.ts'
import { enrollmentNumberBinding } from './read-enrollment.ts'

export type Dependencies = DeviceDependencies &
  NotifyDependencies & {
    readonly enrollments: Pick<EnrollmentStore, 'findForConfirmation' | 'confirm'>
    readonly userQueue: UserQueue
    readonly sealing: Pick<Sealing, 'open'>
    readonly hashing: Pick<Hashing, 'equal'>
  }

/**
 * Checks the number that the person read on the relying party's page and typed on the new device.
 * Right: the device is active from this moment. Wrong: an attempt is used up, and with the last one
 * enrollment and device are void.
 */
export async function confirmEnrollment(
  dependencies: Dependencies,
  proof: DeviceProof,
  number: string,
): Promise<
  | { readonly status: 'active' }
  | ProofRefusal
  | Refusal<
      | 'too_many_requests'
      | 'wrong_number'
      | 'proof_replayed'
      | 'conflict'
      | 'device_not_pending'
      | 'enrollment_expired'
      | 'enrollment_not_claimed'
    >
> {
  const device = await authenticateDevice(dependencies, proof, {
    statuses: workingStatuses,
  })
  if (isRefusal(device)) return device
  if (device.status === 'active') return refuse('device_not_pending')
  const record = await dependencies.enrollments.findForConfirmation(device.tenantId, device.id)
  if (!record) return refuse('enrollment_not_claimed')
  const status = viewOf(record.enrollment, record.now)
  if (status !== 'claimed') {
    return refuse(status === 'expired' ? 'enrollment_expired' : 'enrollment_not_claimed')
  }
  const effect = decideConfirmation(
    record.enrollment.wrongNumbersLeft,
    matches(dependencies, record, number),
  )
  const { enrollment } = record
  const activities = activitiesOf(device, effect)
  const result = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
    dependencies.enrollments.confirm({ enrollment, effect, activities }, proof),
  )
  if (isRefusal(result)) return result
  if (result.kind === 'changed') return refuse('conflict', { retryAfterSeconds: 1 })
  if (result.kind !== 'recorded') return refuse(result.kind)
  if (effect.outcome !== 'wrong_number') dependencies.signals.publish(enrollment.id)
  if (result.unregistration) await notifyUnregistration(dependencies, result.unregistration)
  if (effect.outcome === 'confirmed') return { status: 'active' }
  return refuse('wrong_number', { facts: { wrongNumbersLeft: effect.wrongNumbersLeft } })
}

function matches(
  { sealing, hashing }: Dependencies,
  { enrollment, numberSealed }: EnrollmentRecord,
  number: string,
): boolean {
  if (numberSealed === null || !isNumberOf(confirmationDigits, number)) return false
  return hashing.equal(sealing.open(numberSealed, enrollmentNumberBinding(enrollment)), number)
}

function activitiesOf(device: Device, { outcome }: ConfirmationEffect): NewActivity[] {
  const about = {
    userId: device.userId,
    actor: `device:${device.id}`,
    deviceId: device.id,
    enrollmentId: device.enrollmentId,
  } as const
  switch (outcome) {
    case 'confirmed':
      return [
        activity({
          ...about,
          type: 'device_added',
          details: { name: device.name, platform: device.platform },
        }),
      ]
    case 'wrong_number':
      return [activity({ ...about, type: 'number_failed' })]
    case 'void':
      return [
        activity({ ...about, type: 'number_failed' }),
        activity({
          ...about,
          type: 'enrollment_void',
          details: { reason: 'number_tries_used_up' },
        }),
      ]
  }
}

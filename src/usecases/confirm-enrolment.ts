import { activity, type NewActivity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import {
  type ConfirmationEffect,
  confirmationDigits,
  confirmEnrolment as decideConfirmation,
  viewOf,
} from '../domain/enrolment.ts'
import { isNumberOf } from '../domain/number-match.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrolmentRecord, EnrolmentStore } from '../ports/enrolment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, Sealing } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import { enrolmentNumberBinding } from './read-enrolment.ts'
import { type TellingNeeds, tellUnregistered } from './unregister-devices.ts'

export type Needs = DeviceNeeds &
  TellingNeeds & {
    readonly enrolments: Pick<EnrolmentStore, 'findForConfirmation' | 'confirm'>
    readonly userTurns: UserTurns
    readonly sealing: Pick<Sealing, 'open'>
    readonly hashing: Pick<Hashing, 'equal'>
  }

/**
 * Takes the number that the person read on the relying party's page and typed on the new device. Right: the device is active
 * from this moment. Wrong: a try is lost, and with the last one enrolment and device are void.
 */
export async function confirmEnrolment(
  needs: Needs,
  proof: DeviceProof,
  number: string,
): Promise<{ readonly status: 'active' } | Refusal> {
  const device = await authenticateDevice(needs, proof, { statuses: ['unconfirmed', 'active'] })
  if (isRefusal(device)) return device
  if (device.status === 'active') return refuse('device_not_pending')
  const record = await needs.enrolments.findForConfirmation(device.tenantId, device.id)
  if (!record) return refuse('enrolment_not_claimed')
  const status = viewOf(record.enrolment, record.now)
  if (status !== 'claimed') {
    return refuse(status === 'expired' ? 'enrolment_expired' : 'enrolment_not_claimed')
  }
  const effect = decideConfirmation(
    record.enrolment.wrongNumbersLeft,
    matches(needs, record, number),
  )
  const { enrolment } = record
  const activities = activitiesOf(device, effect)
  const confirmed = await needs.userTurns.take(device, `device:${device.id}`, () =>
    needs.enrolments.confirm({ enrolment, effect, activities }, proof),
  )
  if (isRefusal(confirmed)) return confirmed
  if (confirmed.kind === 'proof_replayed') return refuse('proof_replayed')
  if (confirmed.kind === 'changed') return refuse('conflict', { retryAfterSeconds: 1 })
  if (effect.outcome !== 'wrong_number') needs.signals.publish(enrolment.id)
  if (confirmed.replaced) await tellUnregistered(needs, confirmed.replaced)
  if (effect.outcome === 'confirmed') return { status: 'active' }
  return refuse('wrong_number', { facts: { wrongNumbersLeft: effect.wrongNumbersLeft } })
}

function matches(
  { sealing, hashing }: Needs,
  { enrolment, numberSealed }: EnrolmentRecord,
  number: string,
): boolean {
  if (numberSealed === null || !isNumberOf(confirmationDigits, number)) return false
  return hashing.equal(sealing.open(numberSealed, enrolmentNumberBinding(enrolment)), number)
}

function activitiesOf(device: Device, { outcome }: ConfirmationEffect): NewActivity[] {
  const about = {
    userId: device.userId,
    actor: `device:${device.id}`,
    deviceId: device.id,
    enrolmentId: device.enrolmentId,
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
        activity({ ...about, type: 'enrolment_void', details: { reason: 'number_tries_used_up' } }),
      ]
  }
}

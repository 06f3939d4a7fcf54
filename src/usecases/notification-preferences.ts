import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import { type NoticePreferences, preferencesOf } from '../domain/notice.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { NoticeStore } from '../ports/notice-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'

export type Needs = DeviceNeeds & {
  readonly notices: Pick<NoticeStore, 'findPreferences' | 'changePreferences'>
}

/** How the device's user wants to hear of each category. */
export async function readNotificationPreferences(
  needs: Needs,
  proof: DeviceProof,
): Promise<NoticePreferences | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  return needs.notices.findPreferences(device.tenantId, device.userId)
}

/**
 * Sets how the user wants to hear; categories left out return to their default. Takes the verification key, so that a thief who
 * holds an unlocked phone cannot silence what would give him away, and is itself told to the user's other devices.
 */
export async function setNotificationPreferences(
  needs: Needs & { readonly userTurns: UserTurns },
  proof: DeviceProof,
  wanted: Partial<NoticePreferences>,
): Promise<NoticePreferences | Refusal> {
  const device = await authenticateDevice(needs, proof, { role: 'verification' })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const preferences = preferencesOf(wanted)
  const actor = `device:${device.id}` as const
  const change = {
    tenantId,
    userId,
    preferences,
    activity: activity({
      userId,
      type: 'preferences_changed',
      actor,
      deviceId: device.id,
      details: { ...preferences },
    }),
  }
  const changed = await needs.userTurns.take(device, actor, () =>
    needs.notices.changePreferences(change, proof),
  )
  if (isRefusal(changed)) return changed
  if (changed === 'proof_replayed') return refuse('proof_replayed')
  return changed ? preferences : refuse('device_unregistered')
}

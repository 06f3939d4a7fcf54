import type { ProofRefusal } from '../devices/authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import { type NoticePreferences, preferencesOf } from '../domain/notice.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { NoticeStore } from './notice.store.ts'

export type Dependencies = DeviceDependencies & {
  readonly notices: Pick<NoticeStore, 'findPreferences' | 'changePreferences'>
}

/** How the device's user is notified of each category. */
export async function readNotificationPreferences(
  dependencies: Dependencies,
  proof: DeviceProof,
): Promise<NoticePreferences | ProofRefusal> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  return dependencies.notices.findPreferences(device.tenantId, device.userId)
}

/**
 * Sets how the user is notified; categories left out return to their default. Requires the
 * verification key, so that a thief with an unlocked phone cannot silence notices that would expose
 * the theft; the change itself is also notified to the user's other devices.
 */
export async function setNotificationPreferences(
  dependencies: Dependencies & { readonly userQueue: UserQueue },
  proof: DeviceProof,
  input: Partial<NoticePreferences>,
): Promise<
  NoticePreferences | ProofRefusal<'verification'> | Refusal<'too_many_requests' | 'proof_replayed'>
> {
  const device = await authenticateDevice(dependencies, proof, { role: 'verification' })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  const preferences = preferencesOf(input)
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
  const result = await dependencies.userQueue.run(device, actor, () =>
    dependencies.notices.changePreferences(change, proof),
  )
  if (isRefusal(result)) return result
  if (result === 'done') return preferences
  return refuse(result ?? 'device_unregistered')
}

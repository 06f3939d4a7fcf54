import type { ProofRefusal } from '../devices/authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { afterUnlock, checkPause, isLocked, type Protection } from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { ProtectionStore } from './protection.store.ts'

export type Dependencies = {
  readonly protections: ProtectionStore
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

export type UnlockDependencies = Dependencies & { readonly userQueue: UserQueue }

const attemptsMax = 5

/** Locks and counters of a user, for a relying party that may see the user. */
export async function readProtection(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
): Promise<Protection | Refusal<'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const record = await dependencies.protections.find(principal.tenantId, userId)
  return record?.protection ?? refuse('not_found')
}

/**
 * Lifts every lock of push sign-in and every block of an initiator, and clears the counts, at an
 * admin's request.
 */
export async function unlockUser(
  dependencies: UnlockDependencies,
  principal: Principal,
  userId: UserId,
): Promise<Protection | Refusal<'too_many_requests' | 'not_found' | 'conflict'>> {
  const { tenantId, keyId } = principal
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const record = await dependencies.protections.find(tenantId, userId)
    if (!record) return refuse('not_found')
    const { protection, now } = record
    const next = afterUnlock(protection)
    const actor = `api_key:${keyId}` as const
    const activities = isLocked(protection, now)
      ? [activity({ userId, type: 'push_unlocked', actor, details: { by: 'admin' } })]
      : []
    const result = await dependencies.userQueue.run({ tenantId, userId }, actor, () =>
      dependencies.protections.unlock(tenantId, userId, next, activities),
    )
    if (isRefusal(result)) return result
    if (result === 'done') return next
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

export type PauseDependencies = DeviceDependencies & {
  readonly protections: ProtectionStore
  readonly userQueue: UserQueue
}

/** Until when pushes to the device's user are paused; null when they are not. */
export async function readPushPause(
  dependencies: PauseDependencies,
  proof: DeviceProof,
): Promise<{ readonly until: Date | null } | ProofRefusal> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const record = await dependencies.protections.find(device.tenantId, device.userId)
  if (!record) throw new Error('a device has a user, who has a protection')
  const { pausedUntil } = record.protection
  return { until: pausedUntil !== null && pausedUntil > record.now ? pausedUntil : null }
}

/**
 * Pauses all pushes to the user until a date, at most 30 days ahead, or resumes them (null).
 * Challenges stay: the user finds them by opening the app.
 */
export async function pausePushes(
  dependencies: PauseDependencies,
  proof: DeviceProof,
  until: Date | null,
): Promise<
  | { readonly until: Date | null }
  | ProofRefusal<'verification'>
  | Refusal<'invalid_request' | 'too_many_requests' | 'proof_replayed' | 'conflict'>
> {
  const device = await authenticateDevice(dependencies, proof, { role: 'verification' })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  let isSpent = false
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const record = await dependencies.protections.find(tenantId, userId)
    if (!record) throw new Error('a device has a user, who has a protection')
    const { protection, now } = record
    const refusal = checkPause(until, now)
    if (refusal) return refusal
    const pauseActivity = activity({
      userId,
      type: 'push_paused',
      actor: `device:${device.id}`,
      deviceId: device.id,
      details: { until: until?.toISOString() ?? 'none' },
    })
    const next = { ...protection, pausedUntil: until }
    const spending = { ...proof, isSpent }
    const result = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
      dependencies.protections.change(tenantId, userId, next, [pauseActivity], spending),
    )
    if (isRefusal(result)) return result
    if (result === 'device_not_active') return refuse('device_unregistered')
    if (result === 'done') return { until }
    if (result !== 'changed') return refuse(result)
    isSpent = true
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

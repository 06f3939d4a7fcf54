import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { afterUnlock, isLocked, type Protection, pauseDaysMax } from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserStore } from '../ports/directory-store.ts'
import type { ProtectionStore } from '../ports/protection-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import { findUser } from './find-user.ts'

export type Needs = {
  readonly protections: ProtectionStore
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

export type UnlockNeeds = Needs & { readonly userTurns: UserTurns }

const triesMax = 5

/** Locks and counters of a user, for a relying party that may see the user. */
export async function readProtection(
  needs: Needs,
  principal: Principal,
  userId: UserId,
): Promise<Protection | Refusal> {
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const record = await needs.protections.find(principal.tenantId, userId)
  return record?.protection ?? refuse('not_found')
}

/** Lifts every lock of push sign-in, every block of an initiator, and clears the counts, on an admin's word. */
export async function unlockUser(
  needs: UnlockNeeds,
  principal: Principal,
  userId: UserId,
): Promise<Protection | Refusal> {
  const { tenantId, keyId } = principal
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  for (let tries = 0; tries < triesMax; tries++) {
    const record = await needs.protections.find(tenantId, userId)
    if (!record) return refuse('not_found')
    const { protection, now } = record
    const next = afterUnlock(protection)
    const actor = `api_key:${keyId}` as const
    const told = isLocked(protection, now)
      ? [activity({ userId, type: 'push_unlocked', actor, details: { by: 'admin' } })]
      : []
    const done = await needs.userTurns.take({ tenantId, userId }, actor, () =>
      needs.protections.unlock(tenantId, userId, next, told),
    )
    if (isRefusal(done)) return done
    if (done) return next
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

export type PauseNeeds = DeviceNeeds & {
  readonly protections: ProtectionStore
  readonly userTurns: UserTurns
}

/** Until when the device's user wants no pushes; null when pushes come. */
export async function readPushPause(
  needs: PauseNeeds,
  proof: DeviceProof,
): Promise<{ readonly until: Date | null } | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const record = await needs.protections.find(device.tenantId, device.userId)
  if (!record) return refuse('not_found')
  const { pausedUntil } = record.protection
  return { until: pausedUntil !== null && pausedUntil > record.now ? pausedUntil : null }
}

/**
 * Stops all pushes to the user until a date, at most 30 days ahead, or lets them come again (null). Challenges stay: whoever opens
 * the app finds them.
 */
export async function pausePushes(
  needs: PauseNeeds,
  proof: DeviceProof,
  until: Date | null,
): Promise<{ readonly until: Date | null } | Refusal> {
  const device = await authenticateDevice(needs, proof, { role: 'verification' })
  if (isRefusal(device)) return device
  const { tenantId, userId } = device
  let unspent: DeviceProof | null = proof
  for (let tries = 0; tries < triesMax; tries++) {
    const record = await needs.protections.find(tenantId, userId)
    if (!record) return refuse('not_found')
    const { protection, now } = record
    const latest = new Date(now.getTime() + pauseDaysMax * 24 * 60 * 60 * 1000)
    if (until !== null && (until <= now || until > latest)) {
      return refuse('invalid_request', {
        hint: `until must lie ahead, and at most ${pauseDaysMax} days.`,
      })
    }
    const told = activity({
      userId,
      type: 'push_paused',
      actor: `device:${device.id}`,
      deviceId: device.id,
      details: { until: until?.toISOString() ?? 'none' },
    })
    const next = { ...protection, pausedUntil: until }
    const spending = unspent
    const changed = await needs.userTurns.take(device, `device:${device.id}`, () =>
      needs.protections.change(tenantId, userId, next, [told], spending),
    )
    if (isRefusal(changed)) return changed
    if (changed === 'proof_replayed') return refuse('proof_replayed')
    if (changed === 'device_not_active') return refuse('device_unregistered')
    if (changed) return { until }
    unspent = null
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

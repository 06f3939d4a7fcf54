import type { UnregisterReason } from '../domain/device.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceSpanStore, Span } from '../ports/device-span-store.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Clock } from '../ports/world.ts'
import { type TellingNeeds, tellUnregistered } from './unregister-devices.ts'

/** Devices that one call unregisters at most; whoever has more calls again. */
export const devicesPerCallMax = 200

export type Needs = TellingNeeds & {
  readonly devices: Pick<DeviceStore, 'unregister'>
  readonly deviceSpans: DeviceSpanStore
  readonly userTurns: UserTurns
  readonly clock: Clock
}

export type UnregisteredByTime = {
  readonly unregistered: number
  readonly users: number
  /** Whether there may be more: then the same call goes on where this one stopped. */
  readonly more: boolean
}

/**
 * Unregisters the devices of the whole tenant that were registered in a span of time: when a relying party was taken over, and nobody knows
 * which of its enrollments were honest. One transaction for each user, so that nobody waits for all; for each the guarantee of
 * `DeviceStore.unregister` holds. The span must be over, or there would be no end to it.
 */
export async function unregisterByTime(
  needs: Needs,
  { tenantId, keyId }: Principal,
  { from, to, reason }: Span & { readonly reason: UnregisterReason },
): Promise<UnregisteredByTime | Refusal> {
  if (from >= to || to > needs.clock.now()) {
    return refuse('invalid_request', { hint: '`from` must lie before `to`, and `to` not ahead.' })
  }
  const actor = `api_key:${keyId}` as const
  const found = await needs.deviceSpans.take(tenantId, { from, to }, devicesPerCallMax, {
    type: 'devices_unregistered_by_time',
    actor,
    subject: tenantId,
    details: { from: from.toISOString(), to: to.toISOString(), reason },
  })
  let unregistered = 0
  const byUser = Map.groupBy(found, ({ userId }) => userId)
  for (const [userId, devices] of byUser) {
    const deviceIds = devices.map(({ id }) => id)
    const command = { tenantId, userId, deviceIds, reason, actor }
    const done = await needs.userTurns.take(command, actor, () =>
      needs.devices.unregister(command, null),
    )
    // The same call goes on where this one stopped.
    if (isRefusal(done)) return done
    if (done === 'proof_replayed') throw new Error('no proof was given to be replayed')
    await tellUnregistered(needs, done)
    unregistered += done.devices.length
  }
  return { unregistered, users: byUser.size, more: found.length === devicesPerCallMax }
}

import type { UnregisterReason } from '../domain/device.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Clock } from '../platform/world.ts'
import type { DeviceStore } from './device.store.ts'
import type { DeviceSpanStore, Span } from './device-span.store.ts'
import { type NotifyDependencies, notifyUnregistration } from './unregister-devices.ts'

/** Devices that one call unregisters at most; for more, the caller calls again. */
export const devicesPerCallMax = 200

export type Dependencies = NotifyDependencies & {
  readonly devices: Pick<DeviceStore, 'unregister'>
  readonly deviceSpans: DeviceSpanStore
  readonly userQueue: UserQueue
  readonly clock: Clock
}

export type UnregisterByTimeResult = {
  readonly unregistered: number
  readonly users: number
  /** Whether there may be more: then the same call continues where this one stopped. */
  readonly more: boolean
}

/**
 * Unregisters the devices of the whole tenant that were registered in a time span: for when a
 * relying party was compromised, and nobody knows which of its enrollments are legitimate. One
 * transaction for each user, so that none waits for all; the guarantee of `DeviceStore.unregister`
 * holds for each. The span must be over, or it would have no end.
 */
export async function unregisterByTime(
  dependencies: Dependencies,
  { tenantId, keyId }: Principal,
  { from, to, reason }: Span & { readonly reason: UnregisterReason },
): Promise<UnregisterByTimeResult | Refusal<'invalid_request' | 'too_many_requests'>> {
  if (from >= to || to > dependencies.clock.now()) {
    return refuse('invalid_request', {
      hint: '`from` must be before `to`, and `to` not in the future.',
    })
  }
  const actor = `api_key:${keyId}` as const
  const batch = await dependencies.deviceSpans.take(tenantId, { from, to }, devicesPerCallMax, {
    type: 'devices_unregistered_by_time',
    actor,
    subject: tenantId,
    details: { from: from.toISOString(), to: to.toISOString(), reason },
  })
  let unregisteredCount = 0
  const byUser = Map.groupBy(batch, ({ userId }) => userId)
  for (const [userId, devices] of byUser) {
    const deviceIds = devices.map(({ id }) => id)
    const command = { tenantId, userId, deviceIds, reason, actor }
    const result = await dependencies.userQueue.run(command, actor, () =>
      dependencies.devices.unregister(command),
    )
    // The same call, repeated, goes on where this one stopped.
    if (isRefusal(result)) return result
    await notifyUnregistration(dependencies, result)
    unregisteredCount += result.devices.length
  }
  return {
    unregistered: unregisteredCount,
    users: byUser.size,
    more: batch.length === devicesPerCallMax,
  }
}

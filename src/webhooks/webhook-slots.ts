// How many attempts may be in flight in one process.

import type { WebhookEndpointId } from '../domain/ids.ts'
import type { EndpointLoad, Subscriber } from './webhook.store.ts'

/** In all, for one tenant, at one endpoint, and at one that has failed since its last success. */
export const webhooksInFlight = {
  max: 256,
  perTenant: 128,
  perEndpoint: 32,
  perFailing: 4,
} as const

/**
 * Takes slots for deliveries that are leased as they are queued, within the limits of a claim. It
 * does not know the tenants of the loads: all of them together get what a claim gives to one, so
 * that as many slots are left.
 */
export function buildSlotTaker(
  loads: readonly EndpointLoad[],
  isSlow: (id: WebhookEndpointId) => boolean,
): (subscriber: Pick<Subscriber, 'id' | 'failingSince'>) => boolean {
  const { perTenant, perEndpoint, perFailing } = webhooksInFlight
  const inFlightById = new Map(loads.map(({ endpointId, inFlight }) => [endpointId, inFlight]))
  let total = loads.reduce((sum, { inFlight }) => sum + inFlight, 0)
  return ({ id, failingSince }) => {
    const inFlight = inFlightById.get(id) ?? 0
    const max = failingSince === null && !isSlow(id) ? perEndpoint : perFailing
    if (inFlight >= max || total >= perTenant) return false
    inFlightById.set(id, inFlight + 1)
    total += 1
    return true
  }
}

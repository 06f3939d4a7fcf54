import { isSubscribedTo } from '../domain/webhook-endpoint.ts'
import { eventsOf } from '../domain/webhook-event.ts'
import type { Random } from '../platform/world.ts'
import type { WebhookDeliveryStore } from './webhook.store.ts'

export type Dependencies = {
  readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'fanOut'>
  readonly random: Pick<Random, 'id'>
}

/**
 * Fans a batch of facts out into deliveries, one for each endpoint that subscribes to an event and
 * may receive it; returns the number of facts. An endpoint receives nothing from before its
 * creation. Any number of processes may run this concurrently.
 */
export function enqueueWebhooks(
  { webhookDeliveries, random }: Dependencies,
  limit: number,
): Promise<number> {
  return webhookDeliveries.fanOut(limit, (facts, endpoints) =>
    facts.flatMap((fact) =>
      eventsOf(fact).flatMap(({ rpIds, ...event }) => {
        const eventId = random.id('webhookEvent')
        return endpoints
          .filter(
            (endpoint) =>
              endpoint.tenantId === fact.tenantId &&
              rpIds.includes(endpoint.rpId) &&
              isSubscribedTo(endpoint, event.type) &&
              endpoint.createdAtMicros <= fact.occurredAtMicros,
          )
          .map(({ tenantId, id }) => ({ tenantId, endpointId: id, eventId, ...event }))
      }),
    ),
  )
}

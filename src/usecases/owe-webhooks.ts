import { wants } from '../domain/webhook-endpoint.ts'
import { eventsOf } from '../domain/webhook-event.ts'
import type { WebhookDeliveryStore } from '../ports/webhook-store.ts'
import type { Random } from '../ports/world.ts'

export type Needs = {
  readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'fanOut'>
  readonly random: Pick<Random, 'id'>
}

/**
 * Makes deliveries of a batch of facts, one for each endpoint that wants to hear of an event and may; returns how many facts there were.
 * An endpoint hears of nothing that came before it. Any number of processes may do it beside each other.
 */
export function oweWebhooks({ webhookDeliveries, random }: Needs, limit: number): Promise<number> {
  return webhookDeliveries.fanOut(limit, (facts, endpoints) =>
    facts.flatMap((fact) =>
      eventsOf(fact).flatMap(({ rpIds, ...event }) => {
        const eventId = random.id('webhookEvent')
        return endpoints
          .filter(
            (endpoint) =>
              endpoint.tenantId === fact.tenantId &&
              rpIds.includes(endpoint.rpId) &&
              wants(endpoint, event.type) &&
              endpoint.createdAt <= fact.occurredAt,
          )
          .map(({ tenantId, id }) => ({ tenantId, endpointId: id, eventId, ...event }))
      }),
    ),
  )
}

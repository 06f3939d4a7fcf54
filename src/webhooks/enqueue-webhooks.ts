import { isSubscribedTo } from '../domain/webhook-endpoint.ts'
import { eventsOf } from '../domain/webhook-event.ts'
import type { Random } from '../platform/world.ts'
import type {
  DueWebhook,
  FannedOutDelivery,
  PendingWebhookFact,
  Subscriber,
  WebhookDeliveryStore,
} from './webhook.store.ts'

export type Dependencies = {
  readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'loadFacts' | 'fanOut'>
  readonly random: Pick<Random, 'id'>
}

export type EnqueuedWebhooks = {
  readonly factCount: number
  /** Leased deliveries. */
  readonly due: readonly DueWebhook[]
  /** True when others were queued that a claim would find. */
  readonly isClaimNeeded: boolean
}

/**
 * Fans a batch of facts out into deliveries, one for each endpoint that subscribes to an event and
 * may receive it. An endpoint receives nothing from before its creation. A delivery is leased where
 * `takeSlot`, which is called for each of them, says so. Any number of processes may run this
 * concurrently.
 */
export async function enqueueWebhooks(
  { webhookDeliveries, random }: Dependencies,
  { limit, leasedBy }: { readonly limit: number; readonly leasedBy: string },
  takeSlot: (subscriber: Subscriber) => boolean,
): Promise<EnqueuedWebhooks> {
  const { facts, subscribers } = await webhookDeliveries.loadFacts(limit)
  if (facts.length === 0) return { factCount: 0, due: [], isClaimNeeded: false }
  let isClaimNeeded = false
  const enqueue = (fact: PendingWebhookFact): FannedOutDelivery[] =>
    eventsOf(fact).flatMap(({ rpIds, ...event }) => {
      const eventId = random.id('webhookEvent')
      return subscribers
        .filter(
          (subscriber) =>
            subscriber.tenantId === fact.tenantId &&
            rpIds.includes(subscriber.rpId) &&
            isSubscribedTo(subscriber, event.type) &&
            subscriber.createdAtMicros <= fact.occurredAtMicros,
        )
        .map((subscriber) => {
          const isLeased = subscriber.status === 'active' && takeSlot(subscriber)
          if (subscriber.status === 'active' && !isLeased) isClaimNeeded = true
          const { tenantId, id: endpointId } = subscriber
          return { tenantId, endpointId, eventId, ...event, factSeq: fact.seq, isLeased }
        })
    })
  const deliveries = facts.flatMap(enqueue)
  const due = await webhookDeliveries.fanOut({ facts, deliveries, leasedBy })
  return { factCount: facts.length, due, isClaimNeeded }
}

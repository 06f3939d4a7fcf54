// The rules of endpoints: their subscriptions, their retries, and when retries stop.

import type { RelyingPartyId, TenantId, WebhookEndpointId } from './ids.ts'
import { isDense, type SubscribedEventType, type WebhookEventType } from './webhook-event.ts'

/** Endpoints of one relying party. */
export const endpointsMax = 20
/**
 * Tests and replays of one endpoint, together, within any minute: the holder of an API key must not
 * be able to flood an address through us.
 */
export const requestsPerMinuteMax = 10
/**
 * How long the old secret signs together with the new one, unless the relying party says otherwise.
 */
export const secretOverlapSeconds = { default: 86_400, max: 604_800 } as const
/** An endpoint is paused after failing without a success for so long. */
export const failingDaysMax = 5

/** Types of events, or `*` alone for all, including types added later. */
export type EventFilter = readonly (SubscribedEventType | '*')[]

export const endpointStatuses = ['active', 'paused', 'disabled'] as const
export type EndpointStatus = (typeof endpointStatuses)[number]
export const endpointStatusReasons = ['relying_party', 'failing', 'gone'] as const
export type EndpointStatusReason = (typeof endpointStatusReasons)[number]

/** The status of one event at one endpoint. */
export const webhookDeliveryStatuses = ['queued', 'delivered', 'failed'] as const
export type WebhookDeliveryStatus = (typeof webhookDeliveryStatuses)[number]

/** Where a relying party receives events. Its secret is shown once. */
export type WebhookEndpoint = {
  readonly tenantId: TenantId
  readonly id: WebhookEndpointId
  readonly rpId: RelyingPartyId
  readonly url: string
  readonly description: string
  readonly events: EventFilter
  /**
   * `paused` keeps queued deliveries until it is active again or they are stale; `disabled` gets no
   * more deliveries.
   */
  readonly status: EndpointStatus
  readonly statusReason: EndpointStatusReason | null
  /** Until when the previous secret signs too. */
  readonly previousSecretUntil: Date | null
  /** First failure since the last success. */
  readonly failingSince: Date | null
  readonly lastFailedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/**
 * What auditors see of an address: scheme, host and port. Path and query may hold a secret, and the
 * audit record outlives the endpoint.
 */
export function originOf({ url }: Pick<WebhookEndpoint, 'url'>): string {
  return new URL(url).origin
}

/** True when the endpoint subscribes to events of this type. */
export function isSubscribedTo(
  { events }: Pick<WebhookEndpoint, 'events'>,
  type: WebhookEventType,
): boolean {
  return events.some((one) => one === '*' || one === type)
}

const denseSeconds = [1, 2, 5, 12, 20, 30]
const sparseSeconds = [
  5,
  5 * 60,
  30 * 60,
  2 * 3600,
  5 * 3600,
  10 * 3600,
  14 * 3600,
  20 * 3600,
  24 * 3600,
]
// Dense retries go on until the event is stale: one every half minute is often enough for a waiting
// caller.
const denseMaxSeconds = 30

/** The outcome of one attempt. */
export type WebhookOutcome =
  | { readonly kind: 'accepted'; readonly statusCode: number }
  /** The endpoint is gone permanently, by its own response (410). */
  | { readonly kind: 'gone'; readonly statusCode: number; readonly reason: string }
  | {
      readonly kind: 'failed'
      readonly statusCode: number | null
      readonly reason: string
      /** The delay that the endpoint requested with Retry-After. */
      readonly afterMs?: number
    }

/**
 * The back-off before the next attempt, or null when there is none. `attempts` counts those made;
 * `chance` is uniform in [0, 1) and adds up to a fifth as jitter. A longer delay requested by the
 * endpoint is honored.
 */
export function retryDelayMs(
  type: WebhookEventType,
  attempts: number,
  chance: number,
  afterMs = 0,
): number | null {
  const dense = isDense(type)
  const seconds = dense
    ? (denseSeconds[attempts - 1] ?? denseMaxSeconds)
    : sparseSeconds[attempts - 1]
  if (seconds === undefined) return null
  return Math.max(afterMs, Math.round(seconds * 1000 * (1 + chance / 5)))
}

/**
 * True for an endpoint that has been failing for days without a success, from its first failure to
 * its last.
 */
export function isFailingForDays({
  failingSince,
  lastFailedAt,
}: Pick<WebhookEndpoint, 'failingSince' | 'lastFailedAt'>): boolean {
  if (failingSince === null || lastFailedAt === null) return false
  return lastFailedAt.getTime() - failingSince.getTime() >= failingDaysMax * 86_400_000
}

// The rules of endpoints: what they subscribe to, when they are tried again, and when nobody tries any more.

import type { RelyingPartyId, TenantId, WebhookEndpointId } from './ids.ts'
import { isDense, type SubscribedEventType, type WebhookEventType } from './webhook-event.ts'

/** Endpoints of one relying party. */
export const endpointsMax = 20
/** Tests and replays of one endpoint, together, within any minute: whoever holds an API key must not be able to flood an address by us. */
export const requestsPerMinuteMax = 10
/** How long the old secret signs beside the new one, unless the relying party says otherwise. */
export const secretOverlapSeconds = { default: 86_400, max: 604_800 } as const
/** An endpoint is paused when it has done nothing but fail for so long. */
export const failingDaysMax = 5

/** Types of events, or `*` alone for all, those that come later included. */
export type EventFilter = readonly (SubscribedEventType | '*')[]

/** Where a relying party wants to hear of what happens. Its secret is told once. */
export type WebhookEndpoint = {
  readonly tenantId: TenantId
  readonly id: WebhookEndpointId
  readonly rpId: RelyingPartyId
  readonly url: string
  readonly description: string
  readonly events: EventFilter
  /** `paused` keeps what is owed until it is active again or stale; `disabled` is owed nothing more. */
  readonly status: 'active' | 'paused' | 'disabled'
  readonly statusReason: 'relying_party' | 'failing' | 'gone' | null
  /** Until when the secret before signs too. */
  readonly previousSecretUntil: Date | null
  /** First failure since the last success. */
  readonly failingSince: Date | null
  readonly lastFailedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What auditors are told of an address: scheme, host and port. Path and query may hold a secret, and the audit record outlives the endpoint. */
export function originOf({ url }: Pick<WebhookEndpoint, 'url'>): string {
  return new URL(url).origin
}

/** True when the endpoint asked for events of this type. */
export function wants(
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
// A dense one goes on until it is stale: half a minute is often enough for somebody who waits.
const denseMaxSeconds = 30

/** What came of one try. */
export type WebhookOutcome =
  | { readonly kind: 'accepted'; readonly statusCode: number }
  /** The endpoint says that it is gone for ever (410). */
  | { readonly kind: 'gone'; readonly statusCode: number; readonly reason: string }
  | {
      readonly kind: 'failed'
      readonly statusCode: number | null
      readonly reason: string
      /** What the endpoint asked for with Retry-After. */
      readonly afterMs?: number
    }

/**
 * The wait before the next try, or null when there is none. `attempts` counts those made; `chance` is uniform in [0, 1) and spreads what failed together by
 * a fifth. A wish of the endpoint to be left alone for longer is honoured.
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

/** True for an endpoint that has done nothing but fail for days, from its first failure to its last. */
export function isHopeless({
  failingSince,
  lastFailedAt,
}: Pick<WebhookEndpoint, 'failingSince' | 'lastFailedAt'>): boolean {
  if (failingSince === null || lastFailedAt === null) return false
  return lastFailedAt.getTime() - failingSince.getTime() >= failingDaysMax * 86_400_000
}

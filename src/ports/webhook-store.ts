import type { Actor } from '../domain/activity.ts'
import type {
  RelyingPartyId,
  TenantId,
  UserId,
  WebhookAttemptId,
  WebhookEndpointId,
  WebhookEventId,
} from '../domain/ids.ts'
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import type { WebhookData, WebhookEventType, WebhookFact } from '../domain/webhook-event.ts'
import type { PageRequest } from './directory-store.ts'

/** Names one endpoint of one relying party: nobody else's is found. */
export type EndpointKey = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly id: WebhookEndpointId
}

export type NewWebhookEndpoint = EndpointKey &
  Pick<WebhookEndpoint, 'url' | 'description' | 'events'> & { readonly secretSealed: Uint8Array }

export type WebhookEndpointChanges = Partial<
  Pick<WebhookEndpoint, 'url' | 'description' | 'events'>
> & { readonly status?: 'active' | 'paused' }

/** A turn that was taken, or why none was: too many of late, or there is no such active endpoint. */
export type Turn =
  | { readonly kind: 'taken' }
  | { readonly kind: 'too_soon'; readonly retryAfterSeconds: number }
  | { readonly kind: 'not_active' }

/** Endpoints as their relying party keeps them. Each change is recorded for auditors in its own transaction. */
export interface WebhookEndpointStore {
  list(tenantId: TenantId, rpId: RelyingPartyId): Promise<WebhookEndpoint[]>
  find(key: EndpointKey): Promise<WebhookEndpoint | null>
  /** Null when the relying party has `max` of them. */
  add(endpoint: NewWebhookEndpoint, max: number, actor: Actor): Promise<WebhookEndpoint | null>
  /** Making one active again forgets its failures. Null when there is none. */
  change(
    key: EndpointKey,
    changes: WebhookEndpointChanges,
    actor: Actor,
  ): Promise<WebhookEndpoint | null>
  /** The new secret signs from now on; the one before it signs too for so long. */
  rotate(
    key: EndpointKey,
    secretSealed: Uint8Array,
    overlapSeconds: number,
    actor: Actor,
  ): Promise<WebhookEndpoint | null>
  /** Takes address and secrets away at once, and says when; null when there is none. */
  remove(key: EndpointKey, actor: Actor): Promise<{ readonly at: Date } | null>
  /**
   * Takes one of the `perMinuteMax` turns that an active endpoint has within any minute: decided by the update that takes it, so
   * that of any number at once no more are taken.
   */
  takeTurn(key: EndpointKey, perMinuteMax: number): Promise<Turn>
  /** Ends or pauses an active endpoint on account of how it answers; false when it is not active, or has another address by now. */
  stop(
    endpoint: Pick<WebhookEndpoint, 'tenantId' | 'id' | 'url'>,
    stopped: { readonly status: 'paused' | 'disabled'; readonly reason: 'failing' | 'gone' },
  ): Promise<boolean>
  /** Active endpoints that have failed since their last success, those first that did so for the longest time. */
  listFailing(limit: number): Promise<WebhookEndpoint[]>
}

/** One event owed to one endpoint. */
export type NewWebhookDelivery = {
  readonly tenantId: TenantId
  readonly endpointId: WebhookEndpointId
  readonly eventId: WebhookEventId
  readonly type: WebhookEventType
  readonly userId: UserId | null
  readonly data: WebhookData
  readonly occurredAt: Date
  readonly staleAt: Date
}

/** One that this process has leased, with what sending takes. */
export type DueWebhook = NewWebhookDelivery & {
  readonly rpId: RelyingPartyId
  readonly url: string
  readonly secretSealed: Uint8Array
  /** The secret before, while it signs. */
  readonly previousSealed: Uint8Array | null
  /** This one included. */
  readonly attempts: number
}

/** How a delivery stands after a try. Counts only while the lease is still held. */
export type WebhookSettlement = Pick<NewWebhookDelivery, 'tenantId' | 'endpointId' | 'eventId'> & {
  readonly attemptId: WebhookAttemptId
  readonly at: Date
  readonly durationMs: number
  readonly statusCode: number | null
  /** Null: delivered. */
  readonly reason: string | null
  /** Null: settled. */
  readonly retryAfterMs: number | null
}

/** One try, as its relying party reads it. */
export type WebhookAttempt = {
  readonly id: WebhookAttemptId
  readonly eventId: WebhookEventId
  readonly type: WebhookEventType
  readonly at: Date
  readonly durationMs: number
  readonly statusCode: number | null
  readonly reason: string | null
  /** How the delivery stands now. */
  readonly deliveryStatus: 'queued' | 'delivered' | 'failed'
}

/** How many more tries a process takes on at an endpoint, beside those that it has under way. */
export type EndpointLoad = { readonly endpointId: WebhookEndpointId; readonly inFlight: number }

/** Which events to owe again: one, or all that failed and happened since a time. */
export type Replayed = { readonly eventId?: WebhookEventId; readonly failedSince?: Date }

export interface WebhookDeliveryStore {
  /** True while anybody listens in this installation, or something is left to be told. */
  isHeard(): Promise<boolean>
  /**
   * Takes facts and owes what `decide` makes of them, in one transaction; returns how many facts. It is told of the endpoints of
   * their tenants that were there when the first of the facts came about or later.
   */
  fanOut(
    limit: number,
    decide: (
      facts: readonly WebhookFact[],
      endpoints: readonly WebhookEndpoint[],
    ) => readonly NewWebhookDelivery[],
  ): Promise<number>
  owe(delivery: NewWebhookDelivery): Promise<void>
  /**
   * Leases due deliveries of active endpoints, where `limit` places are free: of each endpoint no more than leaves `perEndpoint`
   * under way, `perFailing` where it has failed since its last success or is `slow`; of each tenant no more than leaves `perTenant`,
   * nor more than are then left free. Tenants with the fewest come first, and in a tenant the endpoints with the fewest.
   */
  claim(claim: {
    readonly leasedBy: string
    readonly limit: number
    readonly perTenant: number
    readonly perEndpoint: number
    readonly perFailing: number
    readonly loads: readonly EndpointLoad[]
    readonly slow: readonly WebhookEndpointId[]
  }): Promise<DueWebhook[]>
  /** Writes down tries and what became of deliveries and endpoints; `leasedBy` is the holder's name, whether it was seen or not. */
  settle(leasedBy: string, settlements: readonly WebhookSettlement[]): Promise<void>
  /** Gives up what is stale; returns how many. */
  giveUpStale(limit: number): Promise<number>
  listAttempts(
    tenantId: TenantId,
    endpointId: WebhookEndpointId,
    page: PageRequest,
  ): Promise<WebhookAttempt[]>
  /** Owes again, under the same ids: one event, or all that failed and happened since a time. Returns how many. */
  replay(
    tenantId: TenantId,
    endpointId: WebhookEndpointId,
    which: Replayed,
    limit: number,
  ): Promise<number>
}

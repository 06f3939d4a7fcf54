import type { Actor } from '../domain/activity.ts'
import type {
  RelyingPartyId,
  TenantId,
  UserId,
  WebhookAttemptId,
  WebhookEndpointId,
  WebhookEventId,
} from '../domain/ids.ts'
import type {
  EndpointStatus,
  EndpointStatusReason,
  WebhookDeliveryStatus,
  WebhookEndpoint,
} from '../domain/webhook-endpoint.ts'
import type { WebhookData, WebhookEventType, WebhookFact } from '../domain/webhook-event.ts'
import type { PageRequest } from '../platform/paging.ts'

/** Identifies one endpoint of one relying party: those of others are never found. */
export type EndpointKey = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly id: WebhookEndpointId
}

export type NewWebhookEndpoint = EndpointKey &
  Pick<WebhookEndpoint, 'url' | 'description' | 'events'> & { readonly secretSealed: Uint8Array }

export type WebhookEndpointChanges = Partial<
  Pick<WebhookEndpoint, 'url' | 'description' | 'events'>
> & { readonly status?: Exclude<EndpointStatus, 'disabled'> }

/**
 * A rate limit slot that was taken, or why none was: too many lately, or there is no such active
 * endpoint.
 */
export type RateLimitSlot =
  | { readonly kind: 'taken' }
  | { readonly kind: 'too_soon'; readonly retryAfterSeconds: number }
  | { readonly kind: 'not_active' }

/**
 * Endpoints as their relying party manages them. Each change is recorded for auditors in its own
 * transaction.
 */
export interface WebhookEndpointStore {
  list(tenantId: TenantId, rpId: RelyingPartyId): Promise<WebhookEndpoint[]>
  find(key: EndpointKey): Promise<WebhookEndpoint | null>
  /** Null when the relying party has `max` of them. */
  create(endpoint: NewWebhookEndpoint, max: number, actor: Actor): Promise<WebhookEndpoint | null>
  /** Making one active again resets its failures. Null when there is none. */
  change(
    key: EndpointKey,
    changes: WebhookEndpointChanges,
    actor: Actor,
  ): Promise<WebhookEndpoint | null>
  /** The new secret signs from now on; the previous one signs too for this long. */
  rotate(
    key: EndpointKey,
    secretSealed: Uint8Array,
    overlapSeconds: number,
    actor: Actor,
  ): Promise<WebhookEndpoint | null>
  /** Deletes address and secrets immediately, and returns the time; null when there is none. */
  remove(key: EndpointKey, actor: Actor): Promise<{ readonly at: Date } | null>
  /**
   * Takes one of the `perMinuteMax` slots that an active endpoint has within any minute: decided by
   * the update that takes it, so that concurrent calls never exceed the limit.
   */
  takeSlot(key: EndpointKey, perMinuteMax: number): Promise<RateLimitSlot>
  /**
   * Disables or pauses an active endpoint because of its responses; null when it is not active, or
   * has another address by now.
   */
  stop(
    endpoint: Pick<WebhookEndpoint, 'tenantId' | 'id' | 'url'>,
    stop: {
      readonly status: Exclude<EndpointStatus, 'active'>
      readonly reason: Exclude<EndpointStatusReason, 'relying_party'>
    },
  ): Promise<'done' | null>
  /** Active endpoints that have failed since their last success, longest failing first. */
  listFailing(limit: number): Promise<WebhookEndpoint[]>
}

/** An outbox row: one event to one endpoint. */
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

/** A delivery that this process has leased, with what sending needs. */
export type DueWebhook = NewWebhookDelivery & {
  readonly rpId: RelyingPartyId
  readonly url: string
  readonly secretSealed: Uint8Array
  /** The previous secret, while it signs. */
  readonly previousSealed: Uint8Array | null
  /** This one included. */
  readonly attempts: number
}

/** The outcome of an attempt to deliver. It counts only while the lease is still held. */
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

/** One attempt, as its relying party reads it. */
export type WebhookAttempt = {
  readonly id: WebhookAttemptId
  readonly eventId: WebhookEventId
  readonly type: WebhookEventType
  readonly at: Date
  readonly durationMs: number
  readonly statusCode: number | null
  readonly reason: string | null
  /** The delivery's status now. */
  readonly deliveryStatus: WebhookDeliveryStatus
}

/** How many attempts are in flight at an endpoint in this process. */
export type EndpointLoad = { readonly endpointId: WebhookEndpointId; readonly inFlight: number }

/** Which events to queue again: one, or all that failed and happened since a time. */
export type ReplaySelection = { readonly eventId?: WebhookEventId; readonly failedSince?: Date }

/** A fact in the outbox. */
export type PendingWebhookFact = WebhookFact & { readonly seq: number }

/** An endpoint that may receive events, and its creation in microseconds since 1970. */
export type Subscriber = Pick<
  WebhookEndpoint,
  'tenantId' | 'id' | 'rpId' | 'events' | 'status' | 'failingSince'
> & { readonly createdAtMicros: number }

/** What a fact is fanned out into. */
export type FannedOutDelivery = NewWebhookDelivery & {
  readonly factSeq: number
  /** Whether to lease it, if its endpoint is still active. */
  readonly isLeased: boolean
}

export interface WebhookDeliveryStore {
  /**
   * The oldest facts, and the active and paused endpoints of their tenants, among them all that
   * existed when the first of the facts came about. Locks nothing.
   */
  loadFacts(
    limit: number,
  ): Promise<{ readonly facts: PendingWebhookFact[]; readonly subscribers: Subscriber[] }>
  /**
   * Replaces facts by deliveries, and returns those that it has leased. A fact that another process
   * has replaced, or is about to, is left alone with all its deliveries.
   */
  fanOut(fanOut: {
    readonly facts: readonly PendingWebhookFact[]
    readonly deliveries: readonly FannedOutDelivery[]
    readonly leasedBy: string
  }): Promise<DueWebhook[]>
  enqueue(delivery: NewWebhookDelivery): Promise<void>
  /**
   * Leases due deliveries of active endpoints for `limit` free slots: of each endpoint no more than
   * leaves `perEndpoint` in flight, `perFailing` where it has failed since its last success or is
   * `slow`; of each tenant no more than leaves `perTenant`, nor more than are then left free. Fair
   * queue: tenants with the fewest come first, and in a tenant the endpoints with the fewest.
   * `isMore` when these limits leave any that are due.
   */
  claim(claim: {
    readonly leasedBy: string
    readonly limit: number
    readonly perTenant: number
    readonly perEndpoint: number
    readonly perFailing: number
    readonly loads: readonly EndpointLoad[]
    readonly slow: readonly WebhookEndpointId[]
  }): Promise<{ readonly due: DueWebhook[]; readonly isMore: boolean }>
  /**
   * Records attempts and the outcomes for deliveries and endpoints; `leasedBy` is the holder's
   * name, under either form of it (domain/lease.ts).
   */
  settle(leasedBy: string, settlements: readonly WebhookSettlement[]): Promise<void>
  /** Gives up stale deliveries; returns how many. */
  giveUpStale(limit: number): Promise<number>
  listAttempts(
    tenantId: TenantId,
    endpointId: WebhookEndpointId,
    page: PageRequest,
  ): Promise<WebhookAttempt[]>
  /**
   * Queues again, under the same ids: one event, or all that failed and happened since a time.
   * Returns how many.
   */
  replay(
    tenantId: TenantId,
    endpointId: WebhookEndpointId,
    which: ReplaySelection,
    limit: number,
  ): Promise<number>
}

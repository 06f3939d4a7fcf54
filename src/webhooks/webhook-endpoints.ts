// A relying party's webhook endpoints. Secrets are readable once, when they are created.

import type { WebhookEndpointId, WebhookEventId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import {
  type EventFilter,
  endpointsMax,
  requestsPerMinuteMax,
  secretOverlapSeconds,
  type WebhookEndpoint,
} from '../domain/webhook-endpoint.ts'
import { staleAt, webhookEventVersion } from '../domain/webhook-event.ts'
import type { RevocationLog } from '../platform/logs/revocation-log.store.ts'
import type { WebhookUrls } from '../platform/net/egress.store.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { Signals } from '../platform/signals.ts'
import type { Clock, Random, Sealing } from '../platform/world.ts'
import type {
  EndpointKey,
  ReplaySelection,
  WebhookAttempt,
  WebhookDeliveryStore,
  WebhookEndpointChanges,
  WebhookEndpointStore,
} from './webhook.store.ts'
import { webhookSecretBinding } from './write-webhook.ts'

export type Dependencies = {
  readonly webhookEndpoints: WebhookEndpointStore
  readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'enqueue' | 'listAttempts' | 'replay'>
  readonly webhookUrls: WebhookUrls
  readonly sealing: Pick<Sealing, 'seal'>
  readonly random: Pick<Random, 'id' | 'token'>
  readonly clock: Clock
  readonly signals: Pick<Signals, 'publish'>
  readonly revocationLog: RevocationLog
}

/** An endpoint with its newly created secret. */
export type EndpointWithSecret = WebhookEndpoint & { readonly secret: string }

/** Signalled when there may be webhooks to send: senders poll immediately. */
export const webhookSignal = 'webhooks'

/** Deliveries that one call queues again at most. */
export const replaysMax = 1_000

// 24 random bytes are 32 characters without padding; base64, not base64url (Standard Webhooks
// 1.0.0).
function newSecret({ random }: Dependencies): string {
  return `whsec_${random.token(24).replaceAll('-', '+').replaceAll('_', '/')}`
}

const actorOf = ({ keyId }: Principal) => `api_key:${keyId}` as const
const keyOf = ({ tenantId, rpId }: Principal, id: WebhookEndpointId) => ({ tenantId, rpId, id })

function checkUrl(
  { webhookUrls }: Dependencies,
  url: string | undefined,
): Refusal<'webhook_url_refused'> | undefined {
  if (url === undefined) return undefined
  const fault = webhookUrls.fault(url)
  if (fault !== undefined) return refuse('webhook_url_refused', { facts: { why: fault } })
  // The validated address is the parsed one; stored in another spelling, another parser might read
  // another address.
  const canonical = new URL(url).href
  if (canonical === url) return undefined
  return refuse('webhook_url_refused', {
    hint: `Write the address in its canonical form: ${canonical}`,
    facts: { why: 'not_canonical', canonical },
  })
}

/** The endpoints of the relying party. */
export function listWebhookEndpoints(
  { webhookEndpoints }: Pick<Dependencies, 'webhookEndpoints'>,
  { tenantId, rpId }: Principal,
): Promise<WebhookEndpoint[]> {
  return webhookEndpoints.list(tenantId, rpId)
}

/** One endpoint; another relying party's is not found. */
export async function readWebhookEndpoint(
  { webhookEndpoints }: Pick<Dependencies, 'webhookEndpoints'>,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<WebhookEndpoint | Refusal<'not_found'>> {
  return (await webhookEndpoints.find(keyOf(principal, id))) ?? refuse('not_found')
}

/** Creates an endpoint. It receives events from now on. */
export async function createWebhookEndpoint(
  dependencies: Dependencies,
  principal: Principal,
  input: { readonly url: string; readonly description?: string; readonly events: EventFilter },
): Promise<EndpointWithSecret | Refusal<'webhook_url_refused' | 'too_many_webhook_endpoints'>> {
  const refusal = checkUrl(dependencies, input.url)
  if (refusal) return refusal
  const key = keyOf(principal, dependencies.random.id('webhookEndpoint'))
  const secret = newSecret(dependencies)
  const secretSealed = dependencies.sealing.seal(secret, webhookSecretBinding(key.tenantId, key.id))
  const endpoint = await dependencies.webhookEndpoints.create(
    { ...key, ...input, description: input.description ?? '', secretSealed },
    endpointsMax,
    actorOf(principal),
  )
  if (!endpoint) return refuse('too_many_webhook_endpoints', { facts: { max: endpointsMax } })
  dependencies.signals.publish(webhookSignal)
  return { ...endpoint, secret }
}

const aboutEndpoint = ({ tenantId, rpId, id: endpointId }: EndpointKey) => ({
  tenantId,
  rpId,
  endpointId,
})

/**
 * Changes address, filter or description, or pauses or resumes; a pause and its end are in the
 * revocation log before this resolves. Deliveries queued during a pause are sent afterwards unless
 * they are stale.
 */
export async function changeWebhookEndpoint(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
  changes: WebhookEndpointChanges,
): Promise<WebhookEndpoint | Refusal<'not_found' | 'webhook_url_refused'>> {
  const refusal = checkUrl(dependencies, changes.url)
  if (refusal) return refusal
  const key = keyOf(principal, id)
  const changedEndpoint = await dependencies.webhookEndpoints.change(
    key,
    changes,
    actorOf(principal),
  )
  if (!changedEndpoint) return refuse('not_found')
  dependencies.signals.publish(webhookSignal)
  const { status } = changes
  if (status !== undefined) {
    const facts = { ...aboutEndpoint(key), at: changedEndpoint.updatedAt }
    const revocation = `webhook_endpoint_${status === 'paused' ? 'paused' : 'activated'}` as const
    await dependencies.revocationLog.append([{ revocation, ...facts }])
  }
  return changedEndpoint
}

/**
 * Creates a new secret. The old one signs together with it for the overlap, so that the receiver
 * has time to change over.
 */
export async function rotateWebhookSecret(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
  overlapSeconds: number = secretOverlapSeconds.default,
): Promise<EndpointWithSecret | Refusal<'not_found'>> {
  const key = keyOf(principal, id)
  const secret = newSecret(dependencies)
  const secretSealed = dependencies.sealing.seal(secret, webhookSecretBinding(key.tenantId, id))
  const actor = actorOf(principal)
  const endpoint = await dependencies.webhookEndpoints.rotate(
    key,
    secretSealed,
    overlapSeconds,
    actor,
  )
  return endpoint ? { ...endpoint, secret } : refuse('not_found')
}

/**
 * Removes an endpoint; its queued deliveries are not sent. The removal is in the revocation log
 * before this resolves.
 */
export async function removeWebhookEndpoint(
  { webhookEndpoints, revocationLog }: Pick<Dependencies, 'webhookEndpoints' | 'revocationLog'>,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<Refusal<'not_found'> | undefined> {
  const key = keyOf(principal, id)
  const removal = await webhookEndpoints.remove(key, actorOf(principal))
  if (!removal) return refuse('not_found')
  const facts = { ...aboutEndpoint(key), at: removal.at }
  await revocationLog.append([{ revocation: 'webhook_endpoint_removed', ...facts }])
  return undefined
}

/** Allows tests and replays while the endpoint is active and under its rate limit. */
async function checkRateLimit(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<
  Refusal<'not_found' | 'webhook_endpoint_not_active' | 'too_many_webhook_requests'> | undefined
> {
  const endpoint = await readWebhookEndpoint(dependencies, principal, id)
  if (isRefusal(endpoint)) return endpoint
  const admission = await dependencies.webhookEndpoints.takeSlot(
    keyOf(principal, id),
    requestsPerMinuteMax,
  )
  if (admission.kind === 'not_active') return refuse('webhook_endpoint_not_active')
  if (admission.kind === 'taken') return undefined
  return refuse('too_many_webhook_requests', { retryAfterSeconds: admission.retryAfterSeconds })
}

/** Queues an event of the type `webhook.test` for the endpoint, regardless of its filter. */
export async function testWebhookEndpoint(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<
  | { readonly eventId: WebhookEventId }
  | Refusal<'not_found' | 'webhook_endpoint_not_active' | 'too_many_webhook_requests'>
> {
  const refusal = await checkRateLimit(dependencies, principal, id)
  if (refusal) return refusal
  const eventId = dependencies.random.id('webhookEvent')
  const occurredAt = dependencies.clock.now()
  await dependencies.webhookDeliveries.enqueue({
    tenantId: principal.tenantId,
    endpointId: id,
    eventId,
    type: 'webhook.test',
    userId: null,
    data: { version: webhookEventVersion, endpointId: id },
    occurredAt,
    staleAt: staleAt('webhook.test', occurredAt, null),
  })
  dependencies.signals.publish(webhookSignal)
  return { eventId }
}

/** A page of the attempts at an endpoint, newest first. */
export async function listWebhookAttempts(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
  page: PageRequest,
): Promise<WebhookAttempt[] | Refusal<'not_found'>> {
  const endpoint = await readWebhookEndpoint(dependencies, principal, id)
  if (isRefusal(endpoint)) return endpoint
  return dependencies.webhookDeliveries.listAttempts(principal.tenantId, id, page)
}

/**
 * Queues again, under the same ids: one event, delivered or not, or all that failed and happened
 * since a time. At most `replaysMax` a call; when the response says that many, the client calls
 * again, within the rate limit of tests and replays.
 */
export async function replayWebhooks(
  dependencies: Dependencies,
  principal: Principal,
  id: WebhookEndpointId,
  which: ReplaySelection,
): Promise<
  | { readonly replayed: number }
  | Refusal<'not_found' | 'webhook_endpoint_not_active' | 'too_many_webhook_requests'>
> {
  const refusal = await checkRateLimit(dependencies, principal, id)
  if (refusal) return refusal
  const { tenantId } = principal
  const replayedCount = await dependencies.webhookDeliveries.replay(tenantId, id, which, replaysMax)
  if (replayedCount === 0 && which.eventId !== undefined) return refuse('not_found')
  dependencies.signals.publish(webhookSignal)
  return { replayed: replayedCount }
}

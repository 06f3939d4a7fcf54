// Endpoints as their relying party keeps them. Secrets are told once, when they are made.

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
import type { PageRequest } from '../ports/directory-store.ts'
import type { RevocationLog } from '../ports/revocation-log.ts'
import type { Signals } from '../ports/signals.ts'
import type { WebhookUrls } from '../ports/webhook.ts'
import type {
  EndpointKey,
  Replayed,
  WebhookAttempt,
  WebhookDeliveryStore,
  WebhookEndpointChanges,
  WebhookEndpointStore,
} from '../ports/webhook-store.ts'
import type { Clock, Random, Sealing } from '../ports/world.ts'
import { webhookSecretBinding } from './write-webhook.ts'

export type Needs = {
  readonly webhookEndpoints: WebhookEndpointStore
  readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'owe' | 'listAttempts' | 'replay'>
  readonly webhookUrls: WebhookUrls
  readonly sealing: Pick<Sealing, 'seal'>
  readonly random: Pick<Random, 'id' | 'token'>
  readonly clock: Clock
  readonly signals: Pick<Signals, 'publish'>
  readonly revocationLog: RevocationLog
}

/** An endpoint with the secret that was made a moment ago. */
export type EndpointWithSecret = WebhookEndpoint & { readonly secret: string }

/** Signalled when there may be something to send: whoever sends looks at once. */
export const webhookSignal = 'webhooks'

/** Deliveries that one call owes again at most. */
export const replaysMax = 1_000

// 24 random bytes are 32 characters without padding; base64, not base64url (Standard Webhooks 1.0.0).
function newSecret({ random }: Needs): string {
  return `whsec_${random.token(24).replaceAll('-', '+').replaceAll('_', '/')}`
}

const actorOf = ({ keyId }: Principal) => `api_key:${keyId}` as const
const keyOf = ({ tenantId, rpId }: Principal, id: WebhookEndpointId) => ({ tenantId, rpId, id })

function checkUrl({ webhookUrls }: Needs, url: string | undefined): Refusal | undefined {
  if (url === undefined) return undefined
  const fault = webhookUrls.fault(url)
  if (fault !== undefined) return refuse('webhook_url_refused', { facts: { why: fault } })
  // What was judged is the address as it was read; kept in another spelling, another reader might go elsewhere.
  const canonical = new URL(url).href
  if (canonical === url) return undefined
  return refuse('webhook_url_refused', {
    hint: `Write the address as it is called: ${canonical}`,
    facts: { why: 'not_canonical', canonical },
  })
}

/** The endpoints of the relying party. */
export function listWebhookEndpoints(
  { webhookEndpoints }: Pick<Needs, 'webhookEndpoints'>,
  { tenantId, rpId }: Principal,
): Promise<WebhookEndpoint[]> {
  return webhookEndpoints.list(tenantId, rpId)
}

/** One of them; another relying party's does not exist. */
export async function readWebhookEndpoint(
  { webhookEndpoints }: Pick<Needs, 'webhookEndpoints'>,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<WebhookEndpoint | Refusal> {
  return (await webhookEndpoints.find(keyOf(principal, id))) ?? refuse('not_found')
}

/** Adds an endpoint. It hears of what happens from now on. */
export async function addWebhookEndpoint(
  needs: Needs,
  principal: Principal,
  asked: { readonly url: string; readonly description?: string; readonly events: EventFilter },
): Promise<EndpointWithSecret | Refusal> {
  const refusal = checkUrl(needs, asked.url)
  if (refusal) return refusal
  const key = keyOf(principal, needs.random.id('webhookEndpoint'))
  const secret = newSecret(needs)
  const secretSealed = needs.sealing.seal(secret, webhookSecretBinding(key.tenantId, key.id))
  const added = await needs.webhookEndpoints.add(
    { ...key, ...asked, description: asked.description ?? '', secretSealed },
    endpointsMax,
    actorOf(principal),
  )
  if (!added) return refuse('too_many_webhook_endpoints', { facts: { max: endpointsMax } })
  needs.signals.publish(webhookSignal)
  return { ...added, secret }
}

const aboutEndpoint = ({ tenantId, rpId, id: endpointId }: EndpointKey) => ({
  tenantId,
  rpId,
  endpointId,
})

/**
 * Changes address, filter, description, or pauses and resumes; both are in the revocation log before this resolves. What was owed
 * while it was paused is sent unless it is stale.
 */
export async function changeWebhookEndpoint(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
  changes: WebhookEndpointChanges,
): Promise<WebhookEndpoint | Refusal> {
  const refusal = checkUrl(needs, changes.url)
  if (refusal) return refusal
  const key = keyOf(principal, id)
  const changed = await needs.webhookEndpoints.change(key, changes, actorOf(principal))
  if (!changed) return refuse('not_found')
  needs.signals.publish(webhookSignal)
  const { status } = changes
  if (status !== undefined) {
    const facts = { ...aboutEndpoint(key), at: changed.updatedAt }
    const revocation = `webhook_endpoint_${status === 'paused' ? 'paused' : 'activated'}` as const
    await needs.revocationLog.append([{ revocation, ...facts }])
  }
  return changed
}

/** Makes a new secret. The old one signs beside it for the overlap, so that the receiver may change over at its leisure. */
export async function rotateWebhookSecret(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
  overlapSeconds: number = secretOverlapSeconds.default,
): Promise<EndpointWithSecret | Refusal> {
  const key = keyOf(principal, id)
  const secret = newSecret(needs)
  const sealed = needs.sealing.seal(secret, webhookSecretBinding(key.tenantId, id))
  const actor = actorOf(principal)
  const rotated = await needs.webhookEndpoints.rotate(key, sealed, overlapSeconds, actor)
  return rotated ? { ...rotated, secret } : refuse('not_found')
}

/** Removes an endpoint; what it was still owed is not sent. It is in the revocation log before this resolves. */
export async function removeWebhookEndpoint(
  { webhookEndpoints, revocationLog }: Pick<Needs, 'webhookEndpoints' | 'revocationLog'>,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<Refusal | undefined> {
  const key = keyOf(principal, id)
  const removed = await webhookEndpoints.remove(key, actorOf(principal))
  if (!removed) return refuse('not_found')
  const facts = { ...aboutEndpoint(key), at: removed.at }
  await revocationLog.append([{ revocation: 'webhook_endpoint_removed', ...facts }])
  return undefined
}

/** Lets tests and replays through while the endpoint is active and has not had too many of late. */
async function takeTurn(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<Refusal | undefined> {
  const endpoint = await readWebhookEndpoint(needs, principal, id)
  if (isRefusal(endpoint)) return endpoint
  const turn = await needs.webhookEndpoints.takeTurn(keyOf(principal, id), requestsPerMinuteMax)
  if (turn.kind === 'not_active') return refuse('webhook_endpoint_not_active')
  if (turn.kind === 'taken') return undefined
  return refuse('too_many_webhook_requests', { retryAfterSeconds: turn.retryAfterSeconds })
}

/** Owes the endpoint an event of the type `webhook.test`, whatever its filter says. */
export async function testWebhookEndpoint(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
): Promise<{ readonly eventId: WebhookEventId } | Refusal> {
  const refusal = await takeTurn(needs, principal, id)
  if (refusal) return refusal
  const eventId = needs.random.id('webhookEvent')
  const occurredAt = needs.clock.now()
  await needs.webhookDeliveries.owe({
    tenantId: principal.tenantId,
    endpointId: id,
    eventId,
    type: 'webhook.test',
    userId: null,
    data: { version: webhookEventVersion, endpointId: id },
    occurredAt,
    staleAt: staleAt('webhook.test', occurredAt, null),
  })
  needs.signals.publish(webhookSignal)
  return { eventId }
}

/** A page of the tries at an endpoint, newest first. */
export async function listWebhookAttempts(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
  page: PageRequest,
): Promise<WebhookAttempt[] | Refusal> {
  const endpoint = await readWebhookEndpoint(needs, principal, id)
  if (isRefusal(endpoint)) return endpoint
  return needs.webhookDeliveries.listAttempts(principal.tenantId, id, page)
}

/**
 * Owes again, under the same ids: one event, delivered or not, or what has failed and happened since a time. At most `replaysMax` a
 * call; whoever is told so many calls again, within the bound that tests and replays have.
 */
export async function replayWebhooks(
  needs: Needs,
  principal: Principal,
  id: WebhookEndpointId,
  which: Replayed,
): Promise<{ readonly replayed: number } | Refusal> {
  const refusal = await takeTurn(needs, principal, id)
  if (refusal) return refusal
  const { tenantId } = principal
  const replayed = await needs.webhookDeliveries.replay(tenantId, id, which, replaysMax)
  if (replayed === 0 && which.eventId !== undefined) return refuse('not_found')
  needs.signals.publish(webhookSignal)
  return { replayed }
}

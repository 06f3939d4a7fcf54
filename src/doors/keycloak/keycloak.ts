// Keycloak's HTTP authentication channel: a question that comes with a token of the realm, and one
// callback with that token.

import type { DoorEnd } from '../../domain/door.ts'
import type { TenantId } from '../../domain/ids.ts'
import { afterCallback, callbackDelayMs, callbackStatus } from '../../domain/keycloak-callback.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import {
  type Dependencies as AskDependencies,
  askAtDoor,
  type DoorQuestion,
  orAbandon,
} from '../ask.ts'
import type { DoorClient } from '../authenticate-integration.ts'
import type { DueCallback, KeycloakCallbackStore } from './keycloak-callback.store.ts'
import type { Realms, RealmToken } from './realms.store.ts'

export type Dependencies = AskDependencies & {
  readonly realms: Pick<Realms, 'verify'>
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'enqueue'>
}

/** Binding under which a token of a realm is sealed. */
function tokenBinding(tenantId: TenantId, challengeId: string): string {
  return `realm-token:${tenantId}:${challengeId}`
}

// The callback must reach the realm while the token is valid.
const callbackLeadMs = 5_000

/** Trusts the token only of a realm and of a client that the integration lists. */
export async function verifyRealm(
  dependencies: Pick<Dependencies, 'realms' | 'integrationUsage'>,
  { integration }: DoorClient,
  token: string,
): Promise<
  RealmToken | Refusal<'integration_invalid' | 'realm_unreachable' | 'realm_keys_refused'>
> {
  const { settings } = integration
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  const verification = await dependencies.realms.verify(token, issuers)
  const recordFailure = (code: string) =>
    dependencies.integrationUsage.recordFailure(integration, code)
  if (verification === 'unreachable') {
    recordFailure('realm_unreachable')
    return refuse('realm_unreachable', { retryAfterSeconds: 1 })
  }
  if (typeof verification === 'object' && 'keys' in verification) {
    recordFailure(`realm_keys_${verification.keys}`)
    return refuse('realm_keys_refused', { retryAfterSeconds: 30 })
  }
  const clientIds = settings.kind === 'keycloak_ciba' ? settings.clientIds : []
  const isClient = verification !== 'refused' && clientIds.includes(verification.clientId)
  if (verification !== 'refused' && (clientIds.length === 0 || isClient)) return verification
  recordFailure(verification === 'refused' ? 'token_invalid' : 'client_not_allowed')
  return refuse('integration_invalid')
}

/**
 * Asks, and queues one callback to the realm. Returns only after the commit: without our 201 the
 * realm forgets the question. The same token again neither asks nor queues anything more.
 */
export async function askForRealm(
  dependencies: Dependencies,
  client: DoorClient,
  { token, realmToken }: { readonly token: string; readonly realmToken: RealmToken },
  question: Pick<DoorQuestion, 'number' | 'context'> & { readonly userName: string },
): Promise<DoorEnd | null> {
  const { integration } = client
  const tokenHash = dependencies.hashing.sha256Base64Url(`${realmToken.issuer} ${realmToken.jti}`)
  const creation = await askAtDoor(dependencies, client, {
    ...question,
    notAfter: new Date(realmToken.expiresAt.getTime() - callbackLeadMs),
    // Ids of tokens are unique within their issuer only.
    idempotencyKey: `${integration.id}:${tokenHash}`,
  })
  if ('outcome' in creation) return creation
  const { tenantId, id } = creation.challenge
  const enqueuing = dependencies.keycloakCallbacks.enqueue({
    tenantId,
    challengeId: id,
    integrationId: integration.id,
    issuer: realmToken.issuer,
    tokenSealed: dependencies.sealing.seal(token, tokenBinding(tenantId, id)),
    delayMs: callbackDelayMs,
  })
  await orAbandon(dependencies, client, creation, enqueuing)
  return null
}

export type CallbackDependencies = Pick<AskDependencies, 'sealing' | 'integrationUsage'> & {
  readonly realms: Pick<Realms, 'callBack'>
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'postpone' | 'settle'>
}

/**
 * Calls the realm back, once, and stores the outcome. Rejects when it cannot be stored, or the
 * token not opened: the callback is then given up as lost, and never sent again.
 */
export async function sendCallback(
  dependencies: CallbackDependencies,
  due: DueCallback,
): Promise<void> {
  const { settings, status } = due.integration
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  // An address that was removed from the list meanwhile is never called.
  if (!issuers.includes(due.issuer))
    return dependencies.keycloakCallbacks.settle(due, 'issuer_removed')
  const token = dependencies.sealing.open(
    due.tokenSealed,
    tokenBinding(due.tenantId, due.challengeId),
  )
  const realmStatus = callbackStatus(due.challenge, status === 'active')
  const result = await dependencies.realms.callBack(due.issuer, token, realmStatus)
  const next = afterCallback(result, due.firstTriedAt, due.now)
  if (next.kind === 'again') return dependencies.keycloakCallbacks.postpone(due, next.afterMs)
  if (next.reason !== null) {
    dependencies.integrationUsage.recordFailure(
      { tenantId: due.tenantId, id: due.integration.id },
      `callback_${next.reason}`,
    )
  }
  await dependencies.keycloakCallbacks.settle(due, next.reason)
}

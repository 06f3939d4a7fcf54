// Keycloak's HTTP authentication channel: a question that comes with a token of the realm, and one call back with that token.

import type { DoorEnd } from '../../domain/door.ts'
import type { TenantId } from '../../domain/ids.ts'
import { afterCallback, callbackDelayMs, callbackStatus } from '../../domain/keycloak-callback.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import type { DueCallback, KeycloakCallbackStore } from '../../ports/keycloak-callback-store.ts'
import type { Realms, RealmToken } from '../../ports/realms.ts'
import { type Needs as AskNeeds, askAtDoor, type DoorQuestion, orAbandon } from './ask.ts'
import type { Entered } from './authenticate-integration.ts'

export type Needs = AskNeeds & {
  readonly realms: Pick<Realms, 'verify'>
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'owe'>
}

/** Binding under which a token of a realm is sealed. */
function tokenBinding(tenantId: TenantId, challengeId: string): string {
  return `realm-token:${tenantId}:${challengeId}`
}

// The call back must reach the realm while the token lives.
const callbackLeadMs = 5_000

/** Believes the token only of a realm and of a client that the integration names. */
export async function verifyRealm(
  needs: Pick<Needs, 'realms' | 'integrationUsage'>,
  { integration }: Entered,
  token: string,
): Promise<RealmToken | Refusal> {
  const { settings } = integration
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  const verified = await needs.realms.verify(token, issuers)
  const failed = (code: string) => needs.integrationUsage.failed(integration, code)
  if (verified === 'unreachable') {
    failed('realm_unreachable')
    return refuse('realm_unreachable', { retryAfterSeconds: 1 })
  }
  if (typeof verified === 'object' && 'keys' in verified) {
    failed(`realm_keys_${verified.keys}`)
    return refuse('realm_keys_refused', { retryAfterSeconds: 30 })
  }
  const clientIds = settings.kind === 'keycloak_ciba' ? settings.clientIds : []
  const isClient = verified !== 'refused' && clientIds.includes(verified.clientId)
  if (verified !== 'refused' && (clientIds.length === 0 || isClient)) return verified
  failed(verified === 'refused' ? 'token_invalid' : 'client_not_allowed')
  return refuse('integration_invalid')
}

/**
 * Asks, and owes the realm one call back. Nothing is returned before that is committed: without our 201 the realm forgets the
 * question. The same token again asks and owes nothing more.
 */
export async function askForRealm(
  needs: Needs,
  entered: Entered,
  { token, verified }: { readonly token: string; readonly verified: RealmToken },
  question: Pick<DoorQuestion, 'number' | 'context'> & { readonly userName: string },
): Promise<DoorEnd | null> {
  const { integration } = entered
  const created = await askAtDoor(needs, entered, {
    ...question,
    notAfter: new Date(verified.expiresAt.getTime() - callbackLeadMs),
    // Ids of tokens are unique within their issuer only.
    idempotencyKey: `${integration.id}:${needs.hashing.sha256Base64Url(`${verified.issuer} ${verified.jti}`)}`,
  })
  if ('outcome' in created) return created
  const { tenantId, id } = created.challenge
  const owing = needs.keycloakCallbacks.owe({
    tenantId,
    challengeId: id,
    integrationId: integration.id,
    issuer: verified.issuer,
    tokenSealed: needs.sealing.seal(token, tokenBinding(tenantId, id)),
    delayMs: callbackDelayMs,
  })
  await orAbandon(needs, entered, created, owing)
  return null
}

export type CallbackNeeds = Pick<AskNeeds, 'sealing' | 'integrationUsage'> & {
  readonly realms: Pick<Realms, 'callBack'>
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'postpone' | 'settle'>
}

/**
 * Calls the realm back, once, and writes down what became of it. Rejects when it cannot be written down, or the token not opened: it
 * is then given up as lost, and never made again.
 */
export async function makeCallback(needs: CallbackNeeds, due: DueCallback): Promise<void> {
  const { settings, status } = due.integration
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  // An address that was taken off the list meanwhile is never called.
  if (!issuers.includes(due.issuer)) return needs.keycloakCallbacks.settle(due, 'issuer_removed')
  const token = needs.sealing.open(due.tokenSealed, tokenBinding(due.tenantId, due.challengeId))
  const told = callbackStatus(due.challenge, status === 'active')
  const result = await needs.realms.callBack(due.issuer, token, told)
  const next = afterCallback(result, due.firstTriedAt, due.now)
  if (next.kind === 'again') return needs.keycloakCallbacks.postpone(due, next.afterMs)
  if (next.reason !== null) {
    needs.integrationUsage.failed(
      { tenantId: due.tenantId, id: due.integration.id },
      `callback_${next.reason}`,
    )
  }
  await needs.keycloakCallbacks.settle(due, next.reason)
}

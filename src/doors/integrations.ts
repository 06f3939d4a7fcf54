import type { PlanRefusal } from '../domain/integration.ts'
// Doors for existing kinds of clients, as admins create and change them.

import type { Actor } from '../domain/activity.ts'
import { allowedAddressesMax, overlapBoundsSeconds } from '../domain/api-key.ts'
import type { IntegrationId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import {
  hasSecret,
  type Integration,
  type IntegrationPlan,
  type IntegrationSettings,
  planFault,
} from '../domain/integration.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Revocation } from '../domain/revocation.ts'
import { plainMapping } from '../domain/user-name.ts'
import type { RevocationLog } from '../platform/logs/revocation-log.store.ts'
import type { Signals } from '../platform/signals.ts'
import type { Addresses, Hashing, Random, Sealing } from '../platform/world.ts'
import { revocationPrefix } from '../tenants/api-keys.ts'
import type { RelyingParty, TenantStore } from '../tenants/directory.store.ts'
import type {
  ChangedIntegration,
  IntegrationCredential,
  IntegrationStore,
} from './integration.store.ts'
import type { Realms } from './keycloak/realms.store.ts'

export type Dependencies = {
  readonly integrations: IntegrationStore
  readonly tenants: Pick<TenantStore, 'findRelyingParty' | 'findPolicy'>
  readonly random: Random
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly sealing: Pick<Sealing, 'seal'>
  readonly addresses: Pick<Addresses, 'isRange'>
  readonly signals: Pick<Signals, 'publish'>
  readonly realms: Pick<Realms, 'fault'>
  readonly revocationLog: RevocationLog
}

/** The integrations that a caller manages: of one relying party, or (null) of the whole tenant. */
export type IntegrationScope = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId | null
  readonly actor: Actor
}

/** An integration and what its client receives; the secret is readable this once. */
export type IntegrationWithSecret = {
  readonly integration: Integration
  /** Null for a client that authenticates otherwise. */
  readonly secret: string | null
}

export type NewIntegration = Pick<IntegrationPlan, 'name' | 'settings'> &
  Partial<IntegrationPlan> & { readonly rpId: RelyingPartyId }

const keyAlphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const attemptsMax = 5

/** Binding under which the secret of an integration is sealed. */
export function secretBinding(
  { tenantId, id }: Pick<Integration, 'tenantId' | 'id'>,
  credential: Pick<IntegrationCredential, 'id'>,
): string {
  return `integration-secret:${tenantId}:${id}:${credential.id}`
}

/** A new secret for an integration: the text itself and what is stored of it. */
function createSecret(
  { random, hashing, sealing }: Dependencies,
  integration: Pick<Integration, 'tenantId' | 'id' | 'settings'>,
): { readonly secret: string; readonly credential: IntegrationCredential } {
  const id = random.id('integrationCredential')
  if (integration.settings.kind === 'duo_auth_api') {
    // Needed in clear to check signatures; the clients take 40 characters.
    const secret = random.characters(keyAlphabet, 40)
    const secretSealed = sealing.seal(secret, secretBinding(integration, { id }))
    return { secret, credential: { id, expiresAt: null, secretSealed } }
  }
  const secret = random.token(32)
  return { secret, credential: { id, expiresAt: null, secretHash: hashing.sha256(secret) } }
}

async function faultOf(
  { tenants, addresses, realms }: Dependencies,
  party: RelyingParty,
  id: IntegrationId | null,
  plan: IntegrationPlan,
): Promise<PlanRefusal | undefined> {
  const { allowedAddresses } = plan
  const hasInvalidRange = !allowedAddresses.every((range) => addresses.isRange(range))
  if (hasInvalidRange || allowedAddresses.length > allowedAddressesMax) {
    return refuse('invalid_request', {
      hint: `allowedAddresses takes at most ${allowedAddressesMax} IP addresses or CIDR ranges.`,
    })
  }
  const { settings } = plan
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  const unreachable = issuers.find((issuer) => realms.fault(issuer) !== undefined)
  if (unreachable !== undefined) {
    return refuse('invalid_request', {
      hint:
        `This service may not reach ${unreachable}: it takes https, a public address or ` +
        'one in ISSUER_NETWORKS, and a usual port.',
    })
  }
  const policy = await tenants.findPolicy(party.tenantId, party.id)
  return planFault(plan, { id, namespaces: party.namespaces, policy })
}

const isInScope = ({ rpId }: IntegrationScope, integration: Pick<Integration, 'rpId'>) =>
  rpId === null || rpId === integration.rpId

/** Creates a door for one relying party, with credentials if its clients need some. */
export async function createIntegration(
  dependencies: Dependencies,
  scope: IntegrationScope,
  { rpId, ...input }: NewIntegration,
): Promise<IntegrationWithSecret | PlanRefusal | Refusal<'relying_party_unknown'>> {
  const { tenantId, actor } = scope
  const party = isInScope(scope, { rpId })
    ? await dependencies.tenants.findRelyingParty(tenantId, rpId)
    : null
  if (!party) return refuse('relying_party_unknown')
  const plan: IntegrationPlan = {
    numberMode: 'caller',
    namespace: party.namespaces[0] ?? '',
    userNames: plainMapping,
    allowedAddresses: [],
    policy: {},
    ttlSeconds: null,
    status: 'active',
    ...input,
  }
  const fault = await faultOf(dependencies, party, null, plan)
  if (fault) return fault
  const integrationKey =
    plan.settings.kind === 'duo_auth_api'
      ? `DI${dependencies.random.characters(keyAlphabet, 18)}`
      : null
  const newIntegration = {
    ...plan,
    tenantId,
    rpId,
    integrationKey,
    id: dependencies.random.id('integration'),
  }
  const { secret, credential } = hasSecret(newIntegration.settings)
    ? createSecret(dependencies, newIntegration)
    : { secret: null, credential: null }
  return {
    integration: await dependencies.integrations.create(newIntegration, credential, actor),
    secret,
  }
}

/** The integrations in the scope, newest first. */
export function listIntegrations(
  { integrations }: Pick<Dependencies, 'integrations'>,
  { tenantId, rpId }: IntegrationScope,
): Promise<Integration[]> {
  return integrations.list(tenantId, rpId)
}

/** One of the integrations in the scope. */
export async function readIntegration(
  { integrations }: { readonly integrations: Pick<IntegrationStore, 'find'> },
  scope: IntegrationScope,
  id: IntegrationId,
): Promise<Integration | Refusal<'not_found'>> {
  const integration = await integrations.find(scope.tenantId, id)
  return integration && isInScope(scope, integration) ? integration : refuse('not_found')
}

const otherKind = (settings: IntegrationSettings, integration: Integration) =>
  settings.kind !== integration.settings.kind

/** What the change of an integration takes away or gives back, as lines of the revocation log. */
function revocationsOf(
  {
    integration: { tenantId, id: integrationId, updatedAt: at },
    endedCredentials,
  }: ChangedIntegration,
  status?: Integration['status'],
): Revocation[] {
  const about = { tenantId, integrationId, at }
  const lines: Revocation[] = endedCredentials.map(({ id: credentialId, endsAt }) => ({
    revocation: 'integration_credential_ended',
    ...about,
    credentialId,
    endsAt,
  }))
  if (status === undefined) return lines
  const revocation = status === 'paused' ? 'integration_paused' : 'integration_activated'
  return [...lines, { revocation, ...about }]
}

/**
 * Changes the named members; each is replaced as a whole. In force in every process within a
 * second; a pause, its end and dropped secrets are in the revocation log before this resolves.
 * Returns a secret only when the settings begin to need one.
 */
export async function changeIntegration(
  dependencies: Dependencies,
  scope: IntegrationScope,
  id: IntegrationId,
  changes: Partial<IntegrationPlan>,
): Promise<IntegrationWithSecret | PlanRefusal | Refusal<'not_found' | 'conflict'>> {
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const was = await readIntegration(dependencies, scope, id)
    if (isRefusal(was)) return was
    const next = { ...was, ...changes }
    if (otherKind(next.settings, was)) {
      return refuse('invalid_request', {
        hint:
          `This integration is of the kind ${was.settings.kind}; create another for ` +
          'another kind.',
      })
    }
    const party = await dependencies.tenants.findRelyingParty(was.tenantId, was.rpId)
    if (!party) return refuse('not_found')
    const fault = await faultOf(dependencies, party, id, next)
    if (fault) return fault
    const begins = hasSecret(next.settings) && !hasSecret(was.settings)
    const newSecret = begins ? createSecret(dependencies, next) : null
    const change = await dependencies.integrations.change(
      was,
      next,
      newSecret?.credential ?? null,
      scope.actor,
    )
    if (change) {
      dependencies.signals.publish(`${revocationPrefix}${id}`)
      await dependencies.revocationLog.append(revocationsOf(change, changes.status))
      return { integration: change.integration, secret: newSecret?.secret ?? null }
    }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/**
 * Gives the clients of an integration a new secret; the old one ends after the overlap at the
 * latest, with 0 immediately. Its end is in the revocation log before this resolves.
 */
export async function rotateIntegration(
  dependencies: Dependencies,
  scope: IntegrationScope,
  {
    id,
    overlapSeconds = overlapBoundsSeconds.usual,
  }: { id: IntegrationId; overlapSeconds?: number },
): Promise<
  IntegrationWithSecret | Refusal<'rotation_under_way' | 'not_found' | 'integration_without_secret'>
> {
  const integration = await readIntegration(dependencies, scope, id)
  if (isRefusal(integration)) return integration
  if (!hasSecret(integration.settings)) return refuse('integration_without_secret')
  const { secret, credential } = createSecret(dependencies, integration)
  const rotation = { tenantId: scope.tenantId, id, overlapSeconds }
  const change = await dependencies.integrations.rotate(rotation, credential, scope.actor)
  if (change === null) return refuse('not_found')
  if (isRefusal(change)) return change
  dependencies.signals.publish(`${revocationPrefix}${id}`)
  await dependencies.revocationLog.append(revocationsOf(change))
  return { integration: change.integration, secret }
}

/**
 * Removes a door permanently. Clients that wait at it receive nothing more, in every process within
 * a second. The removal is in the revocation log before this resolves.
 */
export async function removeIntegration(
  dependencies: Dependencies,
  scope: IntegrationScope,
  id: IntegrationId,
): Promise<Refusal<'not_found'> | undefined> {
  const integration = await readIntegration(dependencies, scope, id)
  if (isRefusal(integration)) return integration
  const { tenantId } = scope
  const removal = await dependencies.integrations.remove(tenantId, id, scope.actor)
  if (!removal) return refuse('not_found')
  dependencies.signals.publish(`${revocationPrefix}${id}`)
  const facts = { tenantId, integrationId: id, at: removal.at }
  await dependencies.revocationLog.append([{ revocation: 'integration_removed', ...facts }])
  return undefined
}

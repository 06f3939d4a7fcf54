// Doors for clients that exist, as admins make and change them.

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
import type { RelyingParty, TenantStore } from '../ports/directory-store.ts'
import type {
  ChangedIntegration,
  IntegrationCredential,
  IntegrationStore,
} from '../ports/integration-store.ts'
import type { Realms } from '../ports/realms.ts'
import type { RevocationLog } from '../ports/revocation-log.ts'
import type { Signals } from '../ports/signals.ts'
import type { Addresses, Hashing, Random, Sealing } from '../ports/world.ts'
import { revocationPrefix } from './api-keys.ts'

export type Needs = {
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

/** Who looks after integrations: of one relying party, or (null) of all of the tenant. */
export type Keeper = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId | null
  readonly actor: Actor
}

/** What a client is given; the secret is readable this once. */
export type MadeCredentials = {
  readonly integration: Integration
  /** Null for a client that proves itself otherwise. */
  readonly secret: string | null
}

export type NewIntegration = Pick<IntegrationPlan, 'name' | 'settings'> &
  Partial<IntegrationPlan> & { readonly rpId: RelyingPartyId }

const keyAlphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const triesMax = 5

/** Binding under which the secret of an integration is sealed. */
export function secretBinding(
  { tenantId, id }: Pick<Integration, 'tenantId' | 'id'>,
  credential: Pick<IntegrationCredential, 'id'>,
): string {
  return `integration-secret:${tenantId}:${id}:${credential.id}`
}

/** A fresh secret for an integration, as it is told and as it is kept. */
function makeSecret(
  { random, hashing, sealing }: Needs,
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
  { tenants, addresses, realms }: Needs,
  party: RelyingParty,
  id: IntegrationId | null,
  plan: IntegrationPlan,
): Promise<Refusal | undefined> {
  const { allowedAddresses } = plan
  const isStrange = !allowedAddresses.every((range) => addresses.isRange(range))
  if (isStrange || allowedAddresses.length > allowedAddressesMax) {
    return refuse('invalid_request', {
      hint: `allowedAddresses takes at most ${allowedAddressesMax} IP addresses or CIDR ranges.`,
    })
  }
  const { settings } = plan
  const issuers = settings.kind === 'keycloak_ciba' ? settings.issuers : []
  const unreachable = issuers.find((issuer) => realms.fault(issuer) !== undefined)
  if (unreachable !== undefined) {
    return refuse('invalid_request', {
      hint: `This service may not reach ${unreachable}: it takes https, a public address or one in ISSUER_NETWORKS, and a usual port.`,
    })
  }
  const policy = await tenants.findPolicy(party.tenantId, party.id)
  return planFault(plan, { id, namespaces: party.namespaces, policy })
}

const isKept = ({ rpId }: Keeper, integration: Pick<Integration, 'rpId'>) =>
  rpId === null || rpId === integration.rpId

/** Makes a door for one relying party, with credentials where its clients need some. */
export async function createIntegration(
  needs: Needs,
  keeper: Keeper,
  { rpId, ...asked }: NewIntegration,
): Promise<MadeCredentials | Refusal> {
  const { tenantId, actor } = keeper
  const party = isKept(keeper, { rpId })
    ? await needs.tenants.findRelyingParty(tenantId, rpId)
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
    ...asked,
  }
  const fault = await faultOf(needs, party, null, plan)
  if (fault) return fault
  const integrationKey =
    plan.settings.kind === 'duo_auth_api' ? `DI${needs.random.characters(keyAlphabet, 18)}` : null
  const made = { ...plan, tenantId, rpId, integrationKey, id: needs.random.id('integration') }
  const { secret, credential } = hasSecret(made.settings)
    ? makeSecret(needs, made)
    : { secret: null, credential: null }
  return { integration: await needs.integrations.create(made, credential, actor), secret }
}

/** The integrations that the keeper looks after, newest first. */
export function listIntegrations(
  { integrations }: Pick<Needs, 'integrations'>,
  { tenantId, rpId }: Keeper,
): Promise<Integration[]> {
  return integrations.list(tenantId, rpId)
}

/** One of them. */
export async function readIntegration(
  { integrations }: { readonly integrations: Pick<IntegrationStore, 'find'> },
  keeper: Keeper,
  id: IntegrationId,
): Promise<Integration | Refusal> {
  const found = await integrations.find(keeper.tenantId, id)
  return found && isKept(keeper, found) ? found : refuse('not_found')
}

const otherKind = (settings: IntegrationSettings, integration: Integration) =>
  settings.kind !== integration.settings.kind

/** What the change of an integration takes away or gives back, as the revocation log tells it. */
function revocationsOf(
  { integration: { tenantId, id: integrationId, updatedAt: at }, ended }: ChangedIntegration,
  status?: Integration['status'],
): Revocation[] {
  const about = { tenantId, integrationId, at }
  const lines: Revocation[] = ended.map(({ id: credentialId, endsAt }) => ({
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
 * Changes what is named; members are replaced whole. In force in every process within a second; a pause, its end and dropped
 * secrets are in the revocation log before this resolves. Returns a secret only where the settings begin to need one.
 */
export async function changeIntegration(
  needs: Needs,
  keeper: Keeper,
  id: IntegrationId,
  changes: Partial<IntegrationPlan>,
): Promise<MadeCredentials | Refusal> {
  for (let tries = 0; tries < triesMax; tries++) {
    const was = await readIntegration(needs, keeper, id)
    if (isRefusal(was)) return was
    const next = { ...was, ...changes }
    if (otherKind(next.settings, was)) {
      return refuse('invalid_request', {
        hint: `This integration is of the kind ${was.settings.kind}; make another for another kind.`,
      })
    }
    const party = await needs.tenants.findRelyingParty(was.tenantId, was.rpId)
    if (!party) return refuse('not_found')
    const fault = await faultOf(needs, party, id, next)
    if (fault) return fault
    const begins = hasSecret(next.settings) && !hasSecret(was.settings)
    const made = begins ? makeSecret(needs, next) : null
    const saved = await needs.integrations.change(was, next, made?.credential ?? null, keeper.actor)
    if (saved) {
      needs.signals.publish(`${revocationPrefix}${id}`)
      await needs.revocationLog.append(revocationsOf(saved, changes.status))
      return { integration: saved.integration, secret: made?.secret ?? null }
    }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/**
 * Gives the clients of an integration a new secret; the old one ends after the overlap at the latest, with 0 at once. Its end is in
 * the revocation log before this resolves.
 */
export async function rotateIntegration(
  needs: Needs,
  keeper: Keeper,
  {
    id,
    overlapSeconds = overlapBoundsSeconds.usual,
  }: { id: IntegrationId; overlapSeconds?: number },
): Promise<MadeCredentials | Refusal> {
  const integration = await readIntegration(needs, keeper, id)
  if (isRefusal(integration)) return integration
  if (!hasSecret(integration.settings)) return refuse('integration_without_secret')
  const { secret, credential } = makeSecret(needs, integration)
  const rotation = { tenantId: keeper.tenantId, id, overlapSeconds }
  const rotated = await needs.integrations.rotate(rotation, credential, keeper.actor)
  if (rotated === null) return refuse('not_found')
  if (isRefusal(rotated)) return rotated
  needs.signals.publish(`${revocationPrefix}${id}`)
  await needs.revocationLog.append(revocationsOf(rotated))
  return { integration: rotated.integration, secret }
}

/**
 * Removes a door for ever. Who waits at it is told nothing more, in every process within a second. It is in the revocation log
 * before this resolves.
 */
export async function removeIntegration(
  needs: Needs,
  keeper: Keeper,
  id: IntegrationId,
): Promise<Refusal | undefined> {
  const integration = await readIntegration(needs, keeper, id)
  if (isRefusal(integration)) return integration
  const { tenantId } = keeper
  const removed = await needs.integrations.remove(tenantId, id, keeper.actor)
  if (!removed) return refuse('not_found')
  needs.signals.publish(`${revocationPrefix}${id}`)
  const facts = { tenantId, integrationId: id, at: removed.at }
  await needs.revocationLog.append([{ revocation: 'integration_removed', ...facts }])
  return undefined
}

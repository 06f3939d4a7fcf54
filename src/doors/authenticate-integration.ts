import type { IntegrationId } from '../domain/ids.ts'
import { hasSecret, type Integration, type IntegrationKind } from '../domain/integration.ts'
import type { Door } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Currency } from '../platform/access-check.ts'
import { buildSharedReads } from '../platform/shared-reads.ts'
import type { Addresses, Clock, Hashing, Sealing } from '../platform/world.ts'
import type {
  IntegrationCredential,
  IntegrationHandle,
  IntegrationStore,
  IntegrationUsage,
  StoredIntegration,
} from './integration.store.ts'
import { secretBinding } from './integrations.ts'

export type Dependencies = {
  readonly integrations: Pick<IntegrationStore, 'findStored'>
  readonly integrationUsage: IntegrationUsage
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly addresses: Pick<Addresses, 'isWithin'>
  readonly clock: Clock
}

/** A client's proof that it may use the integration. */
export type DoorProof =
  /** A secret that it presents; null when it presents none. */
  | { readonly secret: string | null }
  /** Something computed from the secret; the check must take as long for a wrong secret. */
  | { readonly fits: (secret: string) => boolean }

export type DoorCall = {
  readonly kind: IntegrationKind
  readonly handle: IntegrationHandle
  readonly proof: DoorProof
  /** The client's address. */
  readonly address: string
}

/** An authenticated client, with its door and integration. */
export type DoorClient = { readonly door: Door; readonly integration: Integration }

/** Why a client does not enter a door. */
export type DoorRefusal = Refusal<
  'integration_invalid' | 'integration_paused' | 'address_not_allowed'
>

export type IntegrationAuthentication = {
  /**
   * Authenticates a client, or refuses it. Unknown integrations, those of another kind and wrong
   * secrets get the same refusal; only a client with a valid proof learns that the integration is
   * paused or bound to other addresses. Looked up for each call, concurrent ones together: what has
   * ended lets nobody in. Counted as a use.
   */
  enter(call: DoorCall): Promise<DoorClient | DoorRefusal>
  /**
   * Validates the same call again, for waiting clients: undefined while it would still be accepted.
   * Not counted.
   */
  stillAllowed(call: DoorCall): Promise<DoorRefusal | undefined>
  /** Forgets an integration immediately; called when it is changed here or in another process. */
  forget(id: IntegrationId): void
}

/**
 * How long an integration may be served from memory to clients that wait, which is how long they
 * may stay when it has ended.
 */
const ageMaxMs = 1000
const cachedMax = 10_000

type CacheEntry = { readonly at: number; readonly integration: Promise<StoredIntegration | null> }

const nameOf = (handle: IntegrationHandle) => ('id' in handle ? handle.id : handle.integrationKey)

/** Caches integrations for clients that wait, for at most a second. */
export function buildIntegrationAuthentication(
  dependencies: Dependencies,
): IntegrationAuthentication {
  const cache = new Map<string, CacheEntry>()
  const namesOf = new Map<IntegrationId, string>()
  const sharedReads = buildSharedReads()

  function lookUp(
    handle: IntegrationHandle,
    currency: Currency,
  ): Promise<StoredIntegration | null> {
    const name = nameOf(handle)
    const now = dependencies.clock.now().getTime()
    const hit = cache.get(name)
    const isCurrent = hit && now - hit.at < ageMaxMs && now >= hit.at
    if (isCurrent && currency === 'within_a_second') return hit.integration
    const lookup = sharedReads(name, () => dependencies.integrations.findStored(handle))
    if (cache.size >= cachedMax) {
      cache.clear()
      namesOf.clear()
    }
    const entry = { at: now, integration: lookup }
    cache.set(name, entry)
    // Only what exists is cached: made-up names must not evict real ones.
    const forget = () => {
      if (cache.get(name) === entry) cache.delete(name)
    }
    lookup.then((storedIntegration) => {
      if (storedIntegration) namesOf.set(storedIntegration.integration.id, name)
      else forget()
    }, forget)
    return lookup
  }

  async function validate(call: DoorCall, currency: Currency): Promise<DoorClient | DoorRefusal> {
    const candidate = await lookUp(call.handle, currency)
    const storedIntegration = candidate?.integration.settings.kind === call.kind ? candidate : null
    if (!isProven(dependencies, storedIntegration, call.proof) || storedIntegration === null) {
      if (storedIntegration)
        dependencies.integrationUsage.recordFailure(
          storedIntegration.integration,
          'integration_invalid',
        )
      return refuse('integration_invalid')
    }
    const { integration } = storedIntegration
    const refusal = reasonForRefusal(dependencies, integration, call.address)
    if (!refusal) return { integration, door: doorOf(storedIntegration) }
    dependencies.integrationUsage.recordFailure(integration, refusal.refused)
    return refusal
  }

  return {
    async enter(call) {
      const client = await validate(call, 'now')
      if (!isRefusal(client)) dependencies.integrationUsage.recordUse(client.integration)
      return client
    },
    async stillAllowed(call) {
      const client = await validate(call, 'within_a_second')
      return isRefusal(client) ? client : undefined
    },
    forget(id) {
      cache.delete(namesOf.get(id) ?? id)
      cache.delete(id)
      namesOf.delete(id)
    },
  }
}

function reasonForRefusal(
  { addresses }: Pick<Dependencies, 'addresses'>,
  { status, allowedAddresses }: Integration,
  address: string,
): Refusal<'integration_paused' | 'address_not_allowed'> | undefined {
  if (status !== 'active') return refuse('integration_paused')
  if (allowedAddresses.length > 0 && !addresses.isWithin(address, allowedAddresses)) {
    return refuse('address_not_allowed')
  }
  return undefined
}

/** The door of an integration, for any client of it. */
export function doorOf({
  integration,
  relyingParty,
}: Pick<StoredIntegration, 'integration' | 'relyingParty'>): Door {
  const { tenantId, rpId, id, namespace, policy } = integration
  return {
    tenantId,
    rpId,
    rpName: relyingParty.name,
    // A namespace that the relying party has lost is lost to its integrations, too.
    namespaces: relyingParty.namespaces.includes(namespace) ? [namespace] : [],
    integrationId: id,
    policy,
  }
}

/** Compared with when there is no real secret. */
const neverSecret = 'there is no such integration'

/**
 * Compares with every live secret; without a real one, with one that never matches, so that
 * response times do not reveal what exists.
 */
function isProven(
  dependencies: Dependencies,
  storedIntegration: StoredIntegration | null,
  proof: DoorProof,
): boolean {
  const now = dependencies.clock.now()
  const liveCredentials = (storedIntegration?.credentials ?? []).filter(
    ({ expiresAt }) => expiresAt === null || expiresAt > now,
  )
  if (storedIntegration && !hasSecret(storedIntegration.integration.settings)) {
    return 'secret' in proof && proof.secret === null
  }
  if (!storedIntegration || liveCredentials.length === 0) {
    isMatch(dependencies, proof, neverSecret)
    return false
  }
  return (
    liveCredentials.filter((one) =>
      isMatch(dependencies, proof, openSecret(dependencies, storedIntegration, one)),
    ).length > 0
  )
}

/** A secret in clear, or its hash. */
function openSecret(
  { sealing }: Dependencies,
  { integration }: StoredIntegration,
  credential: IntegrationCredential,
): string | Uint8Array {
  if ('secretHash' in credential) return credential.secretHash
  return sealing.open(credential.secretSealed, secretBinding(integration, credential))
}

function isMatch(
  { hashing }: Dependencies,
  proof: DoorProof,
  secret: string | Uint8Array,
): boolean {
  if ('fits' in proof) return typeof secret === 'string' && proof.fits(secret)
  const hash = typeof secret === 'string' ? hashing.sha256(secret) : secret
  return hashing.equal(hashing.sha256(proof.secret ?? ''), hash) && proof.secret !== null
}

type AuthenticationDependencies = {
  readonly integrationAuthentication: Pick<IntegrationAuthentication, 'enter' | 'stillAllowed'>
}

/** Authenticates a client of a door; see `IntegrationAuthentication`. */
export function enterDoor(
  { integrationAuthentication }: AuthenticationDependencies,
  call: DoorCall,
): Promise<DoorClient | DoorRefusal> {
  return integrationAuthentication.enter(call)
}

/** The reason if a waiting client of a door may no longer wait. */
export function mayStayAtDoor(
  { integrationAuthentication }: AuthenticationDependencies,
  call: DoorCall,
): Promise<DoorRefusal | undefined> {
  return integrationAuthentication.stillAllowed(call)
}

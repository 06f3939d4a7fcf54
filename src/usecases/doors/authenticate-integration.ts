import type { IntegrationId } from '../../domain/ids.ts'
import { hasSecret, type Integration, type IntegrationKind } from '../../domain/integration.ts'
import type { Door } from '../../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type {
  IntegrationCredential,
  IntegrationHandle,
  IntegrationStore,
  IntegrationUsage,
  StoredIntegration,
} from '../../ports/integration-store.ts'
import type { Addresses, Clock, Hashing, Sealing } from '../../ports/world.ts'
import { secretBinding } from '../integrations.ts'

export type Needs = {
  readonly integrations: Pick<IntegrationStore, 'findStored'>
  readonly integrationUsage: IntegrationUsage
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly addresses: Pick<Addresses, 'isWithin'>
  readonly clock: Clock
}

/** How a client proves that it may use the integration. */
export type DoorProof =
  /** A secret that it shows; null when it shows none. */
  | { readonly secret: string | null }
  /** Something that it made with the secret; must take as long for a wrong one. */
  | { readonly fits: (secret: string) => boolean }

export type DoorCall = {
  readonly kind: IntegrationKind
  readonly handle: IntegrationHandle
  readonly proof: DoorProof
  /** From where the client calls. */
  readonly address: string
}

/** A client that may ask, and through what. */
export type Entered = { readonly door: Door; readonly integration: Integration }

export type IntegrationAuthentication = {
  /**
   * Lets a client in, or says why not. Unknown integrations, those of another kind and wrong secrets get the same refusal; only who
   * proves itself learns that the integration is paused or bound to other addresses. Counted as a use.
   */
  enter(call: DoorCall): Promise<Entered | Refusal>
  /** Judges the same call again, for those who wait: undefined while it would still be let in. Counted nowhere. */
  stillAllowed(call: DoorCall): Promise<Refusal | undefined>
  /** Forgets an integration at once; called when it is changed here or in another process. */
  forget(id: IntegrationId): void
}

/** Longest time that an integration may be served from memory, and so the longest that an ended one may live on. */
const ageMaxMs = 1000
const rememberedMax = 10_000

type Remembered = { readonly at: number; readonly found: Promise<StoredIntegration | null> }

const nameOf = (handle: IntegrationHandle) => ('id' in handle ? handle.id : handle.integrationKey)

/** Keeps integrations for at most a second, so that a busy door costs one look-up a second. */
export function createIntegrationAuthentication(needs: Needs): IntegrationAuthentication {
  const remembered = new Map<string, Remembered>()
  const namesOf = new Map<IntegrationId, string>()

  function lookUp(handle: IntegrationHandle): Promise<StoredIntegration | null> {
    const name = nameOf(handle)
    const now = needs.clock.now().getTime()
    const known = remembered.get(name)
    if (known && now - known.at < ageMaxMs && now >= known.at) return known.found
    const found = needs.integrations.findStored(handle)
    if (remembered.size >= rememberedMax) {
      remembered.clear()
      namesOf.clear()
    }
    const entry = { at: now, found }
    remembered.set(name, entry)
    // Only what exists is remembered: made-up names must not push real ones out.
    const forget = () => {
      if (remembered.get(name) === entry) remembered.delete(name)
    }
    found.then((stored) => {
      if (stored) namesOf.set(stored.integration.id, name)
      else forget()
    }, forget)
    return found
  }

  async function judge(call: DoorCall): Promise<Entered | Refusal> {
    const stored = await lookUp(call.handle)
    const found = stored?.integration.settings.kind === call.kind ? stored : null
    if (!isProven(needs, found, call.proof) || found === null) {
      if (found) needs.integrationUsage.failed(found.integration, 'integration_invalid')
      return refuse('integration_invalid')
    }
    const { integration } = found
    const refusal = whyNotNow(needs, integration, call.address)
    if (!refusal) return { integration, door: doorOf(found) }
    needs.integrationUsage.failed(integration, refusal.refused)
    return refusal
  }

  return {
    async enter(call) {
      const entered = await judge(call)
      if (!isRefusal(entered)) needs.integrationUsage.used(entered.integration)
      return entered
    },
    async stillAllowed(call) {
      const entered = await judge(call)
      return isRefusal(entered) ? entered : undefined
    },
    forget(id) {
      remembered.delete(namesOf.get(id) ?? id)
      remembered.delete(id)
      namesOf.delete(id)
    },
  }
}

function whyNotNow(
  { addresses }: Pick<Needs, 'addresses'>,
  { status, allowedAddresses }: Integration,
  address: string,
): Refusal | undefined {
  if (status !== 'active') return refuse('integration_paused')
  if (allowedAddresses.length > 0 && !addresses.isWithin(address, allowedAddresses)) {
    return refuse('address_not_allowed')
  }
  return undefined
}

function doorOf({ integration, relyingParty }: StoredIntegration): Door {
  const { tenantId, rpId, id, namespace, policy } = integration
  return {
    tenantId,
    rpId,
    rpName: relyingParty.name,
    // What its relying party has lost, it has lost too.
    namespaces: relyingParty.namespaces.includes(namespace) ? [namespace] : [],
    integrationId: id,
    policy,
  }
}

/** Compared with where there is nothing to compare with. */
const neverSecret = 'there is no such integration'

/** Compares with every live secret; with none that is real, there is one that never fits, so that nobody learns what exists. */
function isProven(needs: Needs, found: StoredIntegration | null, proof: DoorProof): boolean {
  const now = needs.clock.now()
  const live = (found?.credentials ?? []).filter(
    ({ expiresAt }) => expiresAt === null || expiresAt > now,
  )
  if (found && !hasSecret(found.integration.settings)) {
    return 'secret' in proof && proof.secret === null
  }
  if (!found || live.length === 0) {
    fits(needs, proof, neverSecret)
    return false
  }
  return live.filter((one) => fits(needs, proof, stored(needs, found, one))).length > 0
}

/** A secret in clear, or its hash. */
function stored(
  { sealing }: Needs,
  { integration }: StoredIntegration,
  credential: IntegrationCredential,
): string | Uint8Array {
  if ('secretHash' in credential) return credential.secretHash
  return sealing.open(credential.secretSealed, secretBinding(integration, credential))
}

function fits({ hashing }: Needs, proof: DoorProof, secret: string | Uint8Array): boolean {
  if ('fits' in proof) return typeof secret === 'string' && proof.fits(secret)
  const hash = typeof secret === 'string' ? hashing.sha256(secret) : secret
  return hashing.equal(hashing.sha256(proof.secret ?? ''), hash) && proof.secret !== null
}

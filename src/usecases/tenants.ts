import type { Actor } from '../domain/activity.ts'
import type { TenantId } from '../domain/ids.ts'
import { nameHint, namespacesFault, readName } from '../domain/names.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { type Scope, scopes } from '../domain/scope.ts'
import type { NewApiKey, RelyingParty, Tenant, TenantStore } from '../ports/directory-store.ts'
import type { Signatures } from '../ports/world.ts'
import { type Needs as ApiKeyNeeds, nameKey, newKey } from './api-keys.ts'

export type Needs = ApiKeyNeeds & {
  readonly tenants: TenantStore
  readonly signatures: Pick<Signatures, 'createKey'>
}

const newTenant = (random: Needs['random'], name: string): Omit<Tenant, 'createdAt'> => ({
  id: random.id('tenant'),
  name,
  identifierCase: 'fold_ascii',
})

/** Creates a tenant with its first signing key. Refuses what it cannot be called. */
export async function createTenant(
  { tenants, random, signatures }: Pick<Needs, 'tenants' | 'random' | 'signatures'>,
  given: string,
  actor: Actor,
): Promise<Omit<Tenant, 'createdAt'> | Refusal> {
  const name = readName(given)
  if (name === undefined) return refuse('invalid_request', { hint: nameHint })
  const tenant = newTenant(random, name)
  await tenants.createTenant(tenant, await signatures.createKey(tenant.id), actor)
  return tenant
}

/** Collisions that a refusal lists at most. */
const collisionsMax = 20

/**
 * Sets how the tenant tells identifiers apart, from the next look-up on, in every process. Refused, with what stands in the way, where
 * identifiers of different users would become one.
 */
export async function changeTenant(
  { tenants }: Pick<Needs, 'tenants'>,
  id: TenantId,
  { identifierCase }: Pick<Tenant, 'identifierCase'>,
  actor: Actor,
): Promise<Tenant | Refusal> {
  const changed = await tenants.changeIdentifierCase(id, identifierCase, collisionsMax, actor)
  if (changed === null) return refuse('not_found')
  if (!('length' in changed)) return changed
  const collisions = changed.map(({ namespace, values }) => `${namespace}: ${values.join(', ')}`)
  return refuse('identifiers_collide', { facts: { collisions } })
}

/** Creates a relying party that may use these namespaces; the first is its default. Refuses what they cannot be called. */
export async function createRelyingParty(
  { tenants, random }: Pick<Needs, 'tenants' | 'random'>,
  party: {
    readonly tenantId: TenantId
    readonly name: string
    readonly namespaces: readonly string[]
  },
  actor: Actor,
): Promise<RelyingParty | Refusal> {
  const name = readName(party.name)
  const hint = name === undefined ? nameHint : namespacesFault(party.namespaces)
  if (name === undefined || hint !== undefined)
    return refuse('invalid_request', { hint: hint ?? nameHint })
  return tenants.createRelyingParty({ ...party, name, id: random.id('relyingParty') }, actor)
}

/** What a first start hands to the operator: the only time that the key is readable. */
export type Bootstrapped = {
  readonly tenantId: TenantId
  readonly relyingParty: Omit<RelyingParty, 'createdAt'>
  readonly apiKey: NewApiKey
  readonly secret: string
}

export type FirstKey = {
  readonly name?: string
  readonly scopes?: readonly Scope[]
  readonly expiresAt?: Date | null
  readonly allowedAddresses?: readonly string[]
  /** Which process shows the key. */
  readonly shownBy: string
}

/**
 * Gives an empty installation its first tenant, relying party and key, with all scopes unless others are asked for; null when
 * there is a tenant already. Safe when several processes start at once: exactly one of them does it. Nothing stays of what
 * `show` did not show: the next start makes all of it again.
 */
export async function bootstrap(
  needs: Needs,
  first: FirstKey,
  show: (made: Bootstrapped) => Promise<void>,
): Promise<Bootstrapped | null> {
  const { random, signatures, tenants } = needs
  const tenant = newTenant(random, 'Default')
  const tenantId = tenant.id
  const rpId = random.id('relyingParty')
  const relyingParty = { tenantId, id: rpId, name: 'Default', namespaces: ['default'] }
  const {
    secret,
    key: apiKey,
    secretHash,
  } = newKey(needs, {
    tenantId,
    rpId,
    name: first.name ?? 'first key',
    scopes: first.scopes ?? scopes,
    expiresAt: first.expiresAt ?? null,
    allowedAddresses: first.allowedAddresses ?? [],
  })
  const made = { tenantId, relyingParty, apiKey, secret }
  const didMake = await tenants.createFirst(
    async () => {
      const signingKey = await signatures.createKey(tenantId)
      return { tenant, signingKey, relyingParty, apiKey, secretHash, shownBy: first.shownBy }
    },
    () => show(made),
    'operator',
  )
  return didMake ? made : null
}

/** The same with a key as the operator wants it; refuses what it cannot be called or bound to. */
export async function createFirstKey(
  needs: Needs,
  { name = 'first key', allowedAddresses = [], ...first }: FirstKey,
): Promise<Bootstrapped | Refusal | null> {
  const named = nameKey(needs, { name, allowedAddresses })
  if (isRefusal(named)) return named
  return await bootstrap(needs, { ...first, ...named }, async () => undefined)
}

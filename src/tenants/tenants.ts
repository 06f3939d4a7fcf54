import type { Actor } from '../domain/activity.ts'
import type { TenantId } from '../domain/ids.ts'
import { nameHint, namespacesFault, readName } from '../domain/names.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { returnOriginsFault } from '../domain/return-url.ts'
import { type Scope, scopes } from '../domain/scope.ts'
import type { Signatures } from '../platform/world.ts'
import {
  type Dependencies as ApiKeyDependencies,
  draftApiKey,
  validateKeyInput,
} from './api-keys.ts'
import type {
  NewApiKey,
  NewRelyingParty,
  RelyingParty,
  Tenant,
  TenantStore,
} from './directory.store.ts'

export type Dependencies = ApiKeyDependencies & {
  readonly tenants: TenantStore
  readonly signatures: Pick<Signatures, 'createKey'>
}

const newTenant = (random: Dependencies['random'], name: string): Omit<Tenant, 'createdAt'> => ({
  id: random.id('tenant'),
  name,
  identifierCase: 'fold_ascii',
})

/** Creates a tenant with its first signing key. Refuses an invalid name. */
export async function createTenant(
  { tenants, random, signatures }: Pick<Dependencies, 'tenants' | 'random' | 'signatures'>,
  input: string,
  actor: Actor,
): Promise<Omit<Tenant, 'createdAt'> | Refusal<'invalid_request'>> {
  const name = readName(input)
  if (name === undefined) return refuse('invalid_request', { hint: nameHint })
  const tenant = newTenant(random, name)
  await tenants.createTenant(tenant, await signatures.createKey(tenant.id), actor)
  return tenant
}

/** Reads the tenant that the caller belongs to. */
export async function readTenant(
  { tenants }: Pick<Dependencies, 'tenants'>,
  id: TenantId,
): Promise<Tenant | Refusal<'not_found'>> {
  return (await tenants.findTenant(id)) ?? refuse('not_found')
}

/** The relying parties of a tenant. */
export function listRelyingParties(
  { tenants }: Pick<Dependencies, 'tenants'>,
  tenantId: TenantId,
): Promise<RelyingParty[]> {
  return tenants.listRelyingParties(tenantId)
}

/** Collisions that a refusal lists at most. */
const collisionsMax = 20

/**
 * Sets how the tenant compares identifiers, from the next look-up on, in every process. Refused,
 * with the collisions, if identifiers of different users would become one.
 */
export async function changeTenant(
  { tenants }: Pick<Dependencies, 'tenants'>,
  id: TenantId,
  { identifierCase }: Pick<Tenant, 'identifierCase'>,
  actor: Actor,
): Promise<Tenant | Refusal<'not_found' | 'identifiers_collide'>> {
  const result = await tenants.changeIdentifierCase(id, identifierCase, collisionsMax, actor)
  if (result === null) return refuse('not_found')
  if (result.kind === 'changed') return result.tenant
  const collisions = result.collisions.map(
    ({ namespace, values }) => `${namespace}: ${values.join(', ')}`,
  )
  return refuse('identifiers_collide', { facts: { collisions } })
}

/**
 * Creates a relying party that may use these namespaces; the first is its default. Refuses invalid
 * names.
 */
export async function createRelyingParty(
  { tenants, random }: Pick<Dependencies, 'tenants' | 'random'>,
  party: {
    readonly tenantId: TenantId
    readonly name: string
    readonly namespaces: readonly string[]
    readonly returnOrigins?: readonly string[]
  },
  actor: Actor,
): Promise<RelyingParty | Refusal<'invalid_request'>> {
  const name = readName(party.name)
  const hint =
    name === undefined
      ? nameHint
      : (namespacesFault(party.namespaces) ?? returnOriginsFault(party.returnOrigins ?? []))
  if (name === undefined || hint !== undefined)
    return refuse('invalid_request', { hint: hint ?? nameHint })
  return tenants.createRelyingParty({ ...party, name, id: random.id('relyingParty') }, actor)
}

/**
 * Sets the origins to which challenges of a relying party may lead back, from its next challenge
 * on. Refuses what is no https origin.
 */
export async function changeRelyingParty(
  { tenants }: Pick<Dependencies, 'tenants'>,
  party: Pick<RelyingParty, 'tenantId' | 'id' | 'returnOrigins'>,
  actor: Actor,
): Promise<RelyingParty | Refusal<'invalid_request' | 'not_found'>> {
  const hint = returnOriginsFault(party.returnOrigins)
  if (hint !== undefined) return refuse('invalid_request', { hint })
  return (await tenants.changeReturnOrigins(party, actor)) ?? refuse('not_found')
}

/** What a first start hands to the operator: the only time that the key is readable. */
export type BootstrapResult = {
  readonly tenantId: TenantId
  readonly relyingParty: NewRelyingParty
  readonly apiKey: NewApiKey
  readonly secret: string
}

export type FirstKey = {
  readonly name?: string
  readonly scopes?: readonly Scope[]
  readonly expiresAt?: Date | null
  readonly allowedAddresses?: readonly string[]
  /** The process that shows the key. */
  readonly shownBy: string
}

/**
 * Gives an empty installation its first tenant, relying party and key, with all scopes unless
 * others are requested; null when there is a tenant already. Safe when several processes start
 * concurrently: exactly one of them does it. Nothing is kept unless `show` succeeded: the next
 * start creates all of it again.
 */
export async function bootstrap(
  dependencies: Dependencies,
  first: FirstKey,
  show: (result: BootstrapResult) => Promise<void>,
): Promise<BootstrapResult | null> {
  const { random, signatures, tenants } = dependencies
  const tenant = newTenant(random, 'Default')
  const tenantId = tenant.id
  const rpId = random.id('relyingParty')
  const relyingParty = { tenantId, id: rpId, name: 'Default', namespaces: ['default'] }
  const {
    secret,
    key: apiKey,
    secretHash,
  } = draftApiKey(dependencies, {
    tenantId,
    rpId,
    name: first.name ?? 'first key',
    scopes: first.scopes ?? scopes,
    expiresAt: first.expiresAt ?? null,
    allowedAddresses: first.allowedAddresses ?? [],
  })
  const result = { tenantId, relyingParty, apiKey, secret }
  const creation = await tenants.createFirst(
    async () => {
      const signingKey = await signatures.createKey(tenantId)
      return { tenant, signingKey, relyingParty, apiKey, secretHash, shownBy: first.shownBy }
    },
    () => show(result),
    'operator',
  )
  return creation === 'done' ? result : null
}

/** The same with a key as the operator configures it; refuses an invalid name or address. */
export async function createFirstKey(
  dependencies: Dependencies,
  { name = 'first key', allowedAddresses = [], ...first }: FirstKey,
): Promise<BootstrapResult | Refusal<'invalid_request'> | null> {
  const validInput = validateKeyInput(dependencies, { name, allowedAddresses })
  if (isRefusal(validInput)) return validInput
  return await bootstrap(dependencies, { ...first, ...validInput }, async () => undefined)
}

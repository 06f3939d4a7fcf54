import type { Actor } from '../domain/activity.ts'
import type { TenantId } from '../domain/ids.ts'
import { isRefusal } from '../domain/refusal.ts'
import { scopes } from '../domain/scope.ts'
import type { RelyingParty, Tenant, TenantStore } from '../ports/directory-store.ts'
import type { Signatures } from '../ports/world.ts'
import { type Needs as ApiKeyNeeds, createApiKey } from './api-keys.ts'

export type Needs = ApiKeyNeeds & {
  readonly tenants: TenantStore
  readonly signatures: Pick<Signatures, 'createKey'>
}

/** Creates a tenant with its first signing key. */
export async function createTenant(
  { tenants, random, signatures }: Pick<Needs, 'tenants' | 'random' | 'signatures'>,
  name: string,
  actor: Actor,
): Promise<Pick<Tenant, 'id' | 'name'>> {
  const tenant = { id: random.id('tenant'), name }
  await tenants.createTenant(tenant, await signatures.createKey(tenant.id), actor)
  return tenant
}

/** Creates a relying party that may use these namespaces; the first is its default. */
export async function createRelyingParty(
  { tenants, random }: Pick<Needs, 'tenants' | 'random'>,
  party: {
    readonly tenantId: TenantId
    readonly name: string
    readonly namespaces: readonly string[]
  },
  actor: Actor,
): Promise<RelyingParty> {
  return tenants.createRelyingParty({ ...party, id: random.id('relyingParty') }, actor)
}

/** What a first start hands to the operator: the only time that the key is readable. */
export type Bootstrapped = {
  readonly tenantId: TenantId
  readonly relyingParty: RelyingParty
  readonly secret: string
}

/**
 * Gives an empty installation its first tenant, relying party and key with all scopes; null when there is a tenant already.
 * Safe when several processes start at once: exactly one of them does it.
 */
export async function bootstrap(needs: Needs): Promise<Bootstrapped | null> {
  let made: Bootstrapped | null = null
  await needs.tenants.onceWithoutTenants(async () => {
    const tenant = await createTenant(needs, 'Default', 'operator')
    const relyingParty = await createRelyingParty(
      needs,
      { tenantId: tenant.id, name: 'Default', namespaces: ['default'] },
      'operator',
    )
    const key = { tenantId: tenant.id, rpId: relyingParty.id, name: 'first key' }
    const created = await createApiKey(needs, { ...key, scopes, expiresAt: null }, 'operator')
    if (isRefusal(created)) throw new Error(`bootstrap was refused: ${created.refused}`)
    made = { tenantId: tenant.id, relyingParty, secret: created.secret }
  })
  return made
}

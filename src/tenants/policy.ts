import type { Actor } from '../domain/activity.ts'
import type { RelyingPartyId, TenantId } from '../domain/ids.ts'
import {
  checkOverrides,
  laxerField,
  type Policy,
  type PolicyOverrides,
  policyChanges,
  policyOf,
  strictest,
} from '../domain/policy.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { TenantStore } from './directory.store.ts'

export type Dependencies = {
  readonly tenants: Pick<TenantStore, 'findPolicy' | 'findOverrides' | 'changeOverrides'>
}

const attemptsMax = 5

/** The policy in force: of the tenant, or for one relying party. */
export async function readPolicy(
  { tenants }: Dependencies,
  tenantId: TenantId,
  rpId: RelyingPartyId | null,
): Promise<Policy | Refusal<'not_found'>> {
  if (rpId !== null && (await tenants.findOverrides(tenantId, rpId)) === null) {
    return refuse('not_found')
  }
  return tenants.findPolicy(tenantId, rpId)
}

/**
 * Sets the tenant's policy: `replace` resets fields that are left out to their defaults, otherwise
 * they stay. In force from the next request on, in every process; recorded with every field before
 * and after.
 */
export async function setPolicy(
  { tenants }: Dependencies,
  tenantId: TenantId,
  { overrides, replace }: { readonly overrides: PolicyOverrides; readonly replace: boolean },
  actor: Actor,
): Promise<Policy | Refusal<'policy_out_of_profile' | 'not_found' | 'conflict'>> {
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const was = await tenants.findOverrides(tenantId, null)
    if (was === null) return refuse('not_found')
    const next = replace ? overrides : { ...was, ...overrides }
    const fault = checkOverrides(next)
    if (fault) return fault
    const [before, after] = [policyOf(was), policyOf(next)]
    const details = policyChanges(before, after)
    const audit = { type: 'policy_changed', actor, subject: tenantId, details } as const
    const change = { tenantId, rpId: null, was, next, audit }
    if ((await tenants.changeOverrides(change)) === 'done') return after
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/**
 * Sets a relying party's own policy on top of its tenant's: stricter only. Returns the policy in
 * force for it.
 */
export async function setRelyingPartyPolicy(
  { tenants }: Dependencies,
  tenantId: TenantId,
  rpId: RelyingPartyId,
  next: PolicyOverrides,
  actor: Actor,
): Promise<Policy | Refusal<'policy_laxer' | 'not_found' | 'conflict'>> {
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const was = await tenants.findOverrides(tenantId, rpId)
    if (was === null) return refuse('not_found')
    const tenant = await tenants.findPolicy(tenantId, null)
    const field = laxerField(tenant, next)
    if (field !== undefined) return refuse('policy_laxer', { facts: { field } })
    const after = strictest(tenant, next)
    const details = policyChanges(strictest(tenant, was), after)
    const audit = { type: 'policy_changed', actor, subject: rpId, details } as const
    const change = { tenantId, rpId, was, next, audit }
    if ((await tenants.changeOverrides(change)) === 'done') return after
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

// How the hosted pages of a tenant look: read and set by its admins, used by its pages.

import type { Actor } from '../../domain/activity.ts'
import { type Accent, type Brand, checkAccent, checkLogo } from '../../domain/branding.ts'
import type { TenantId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { Hashing } from '../../platform/world.ts'
import type { Branding, BrandingStore, Logo } from './branding.store.ts'

type ReadDependencies = { readonly brandings: Pick<BrandingStore, 'find' | 'findLogo'> }

export type Dependencies = {
  readonly brandings: BrandingStore
  readonly hashing: Pick<Hashing, 'sha256'>
}

export type NewBranding = Pick<Brand, 'displayName' | 'help'> & {
  readonly accent: Accent
  /** The bytes of a PNG or JPEG; null for none. */
  readonly logo: Uint8Array | null
}

/** How the pages of the tenant look, for its admins. */
export async function readBranding(
  { brandings }: ReadDependencies,
  tenantId: TenantId,
): Promise<Branding | Refusal<'not_found'>> {
  return (await brandings.find(tenantId)) ?? refuse('not_found')
}

/** The same for its pages; null where they look like ours. */
export function brandOf(
  { brandings }: ReadDependencies,
  tenantId: TenantId,
): Promise<Brand | null> {
  return brandings.find(tenantId)
}

export async function readLogo(
  { brandings }: ReadDependencies,
  tenantId: TenantId,
): Promise<Logo | Refusal<'not_found'>> {
  return (await brandings.findLogo(tenantId)) ?? refuse('not_found')
}

/** Replaces all of it: what is left out is gone. Recorded. */
export async function replaceBranding(
  { brandings, hashing }: Dependencies,
  tenantId: TenantId,
  { displayName, help, accent, logo: bytes }: NewBranding,
  actor: Actor,
): Promise<Branding | Refusal<'invalid_request'>> {
  const fault = checkAccent(accent)
  if (fault) return fault
  const brand = { tenantId, displayName, accent, help }
  if (bytes === null) return brandings.replace({ ...brand, logo: null }, null, actor)
  const header = checkLogo(bytes)
  if (isRefusal(header)) return header
  const hash = Buffer.from(hashing.sha256(bytes)).toString('hex')
  return brandings.replace({ ...brand, logo: { ...header, hash } }, bytes, actor)
}

/** The pages of the tenant look like ours again. Recorded. */
export async function removeBranding(
  { brandings }: Pick<Dependencies, 'brandings'>,
  tenantId: TenantId,
  actor: Actor,
): Promise<undefined | Refusal<'not_found'>> {
  return (await brandings.remove(tenantId, actor)) === null ? refuse('not_found') : undefined
}

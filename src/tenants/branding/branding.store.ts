import type { Actor } from '../../domain/activity.ts'
import type { Brand, LogoHeader } from '../../domain/branding.ts'
import type { TenantId } from '../../domain/ids.ts'

export type Branding = Brand & { readonly updatedAt: Date }

export type Logo = Pick<LogoHeader, 'type'> & {
  readonly hash: string
  readonly bytes: Uint8Array
}

/** A tenant as its hosted pages show it. */
export type TenantLook = {
  readonly tenantName: string
  /** Null where its pages look like ours. */
  readonly brand: Brand | null
}

/** How the hosted pages of tenants look. */
export interface BrandingStore {
  /** Null where the tenant has none: its pages look like ours. */
  find(tenantId: TenantId): Promise<Branding | null>
  findLogo(tenantId: TenantId): Promise<Logo | null>
  /** Replaces all of it, and records that. */
  replace(brand: Brand, logo: Uint8Array | null, actor: Actor): Promise<Branding>
  /** Removes all of it and records that; null when there was none. */
  remove(tenantId: TenantId, actor: Actor): Promise<'done' | null>
}

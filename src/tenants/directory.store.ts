import type { Actor } from '../domain/activity.ts'
import type { RotationRefusal } from '../domain/api-key.ts'
import type { NewAuditEvent } from '../domain/audit.ts'
import type { ApiKeyId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import type { Policy, PolicyOverrides } from '../domain/policy.ts'
import type { Scope } from '../domain/scope.ts'
import type { IdentifierCase } from '../domain/user-name.ts'
import type { NewSigningKey, SigningKey } from '../platform/world.ts'

export type Tenant = {
  readonly id: TenantId
  readonly name: string
  readonly identifierCase: IdentifierCase
  readonly createdAt: Date
}

/** Identifiers of several users that would share one key. */
export type IdentifierCollision = {
  readonly namespace: string
  readonly values: readonly string[]
}

export type RelyingParty = {
  readonly tenantId: TenantId
  readonly id: RelyingPartyId
  readonly name: string
  /** Namespaces of identifiers it may use; the first is its default. */
  readonly namespaces: readonly string[]
  /** Origins (https) to which its challenges may lead back. */
  readonly returnOrigins: readonly string[]
  readonly createdAt: Date
}

/** A relying party to be created; to lead back is allowed nowhere unless it says where. */
export type NewRelyingParty = Omit<RelyingParty, 'createdAt' | 'returnOrigins'> &
  Partial<Pick<RelyingParty, 'returnOrigins'>>

export type ApiKey = {
  readonly tenantId: TenantId
  readonly id: ApiKeyId
  readonly rpId: RelyingPartyId
  readonly name: string
  readonly scopes: readonly Scope[]
  /**
   * The first key of the line of rotations that this one belongs to; its own id where it was not
   * created by a rotation.
   */
  readonly lineageId: ApiKeyId
  /** Addresses and CIDR ranges from which it may be used; none means from everywhere. */
  readonly allowedAddresses: readonly string[]
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
  readonly lastUsedAt: Date | null
}

export type NewApiKey = Omit<ApiKey, 'lineageId' | 'createdAt' | 'revokedAt' | 'lastUsedAt'>

/** What an empty installation is created with. */
export type FirstInstallation = {
  readonly tenant: Omit<Tenant, 'createdAt'>
  readonly signingKey: NewSigningKey
  readonly relyingParty: NewRelyingParty
  readonly apiKey: NewApiKey
  readonly secretHash: Uint8Array
  /** The process that shows the key, so that people can find it. */
  readonly shownBy: string
}

/** What is needed to verify an API key, and to act for its relying party. */
export type StoredCredential = {
  readonly key: ApiKey
  readonly secretHash: Uint8Array
  readonly relyingParty: Omit<RelyingParty, 'returnOrigins'>
}

/** Tenants, relying parties, their keys: read and changed by operators and admins. */
export interface TenantStore {
  /** Creates the tenant with its first signing key, and records it. */
  createTenant(tenant: Omit<Tenant, 'createdAt'>, key: NewSigningKey, actor: Actor): Promise<void>
  /**
   * Changes how identifiers are compared, and records it, unless identifiers of different users
   * would become equal: then `collide` has up to `collisionsMax` of those. No user is added
   * meanwhile. Null for an unknown tenant.
   */
  changeIdentifierCase(
    id: TenantId,
    next: IdentifierCase,
    collisionsMax: number,
    actor: Actor,
  ): Promise<
    | { readonly kind: 'changed'; readonly tenant: Tenant }
    | { readonly kind: 'collide'; readonly collisions: readonly IdentifierCollision[] }
    | null
  >
  findTenant(id: TenantId): Promise<Tenant | null>
  /**
   * The policy in force: stored overrides over the defaults, within the bounds, and the relying
   * party's stricter overrides.
   */
  findPolicy(id: TenantId, rpId: RelyingPartyId | null): Promise<Policy>
  /** The stored overrides, for changing them; null for an unknown relying party. */
  findOverrides(id: TenantId, rpId: RelyingPartyId | null): Promise<PolicyOverrides | null>
  /** Replaces the stored overrides and records it, if they are unchanged (compare-and-set). */
  changeOverrides(change: {
    readonly tenantId: TenantId
    readonly rpId: RelyingPartyId | null
    readonly was: PolicyOverrides
    readonly next: PolicyOverrides
    readonly audit: NewAuditEvent
  }): Promise<'done' | 'changed'>
  listTenants(): Promise<Tenant[]>
  createRelyingParty(party: NewRelyingParty, actor: Actor): Promise<RelyingParty>
  /** Sets its return origins and records it; null for an unknown relying party. */
  changeReturnOrigins(
    party: Pick<RelyingParty, 'tenantId' | 'id' | 'returnOrigins'>,
    actor: Actor,
  ): Promise<RelyingParty | null>
  findRelyingParty(tenantId: TenantId, id: RelyingPartyId): Promise<RelyingParty | null>
  listRelyingParties(tenantId: TenantId): Promise<RelyingParty[]>
  /**
   * Creates the first tenant with its relying party and key if there is no tenant, while no other
   * process can do the same; null when there is one. All in one transaction, which commits after
   * `show`: a key that was not shown does not exist.
   */
  createFirst(
    prepare: () => Promise<FirstInstallation>,
    show: () => Promise<void>,
    actor: Actor,
  ): Promise<'done' | null>
}

export interface ApiKeyStore {
  create(key: NewApiKey, secretHash: Uint8Array, actor: Actor): Promise<ApiKey>
  /**
   * Looks a key up by its public part alone; the caller compares the secret and checks expiry and
   * revocation.
   */
  findCredential(id: ApiKeyId): Promise<StoredCredential | null>
  list(tenantId: TenantId): Promise<ApiKey[]>
  /**
   * Creates the successor of a live key, with the same rights, and ends the old one after the
   * overlap at the latest; checked under a lock on the whole lineage, so that at most two of it are
   * live. Null when the tenant has no such key.
   */
  rotate(
    rotation: {
      readonly tenantId: TenantId
      readonly id: ApiKeyId
      readonly successorId: ApiKeyId
      readonly overlapSeconds: number
      /** When the successor ends; undefined for the same lifetime as the old key's. */
      readonly expiresAt: Date | null | undefined
    },
    secretHash: Uint8Array,
    actor: Actor,
  ): Promise<{ readonly key: ApiKey; readonly previous: ApiKey } | RotationRefusal | null>
  /** Revokes and records; null when the tenant has no such key. Revoking twice changes nothing. */
  revoke(tenantId: TenantId, id: ApiKeyId, actor: Actor): Promise<ApiKey | null>
  /** Updates the times of last use. Best effort, off every hot path. */
  touch(keys: readonly { readonly tenantId: TenantId; readonly id: ApiKeyId }[]): Promise<void>
}

/** A tenant's public keys and the links between its key sets. */
export interface SigningKeyStore {
  /** The sealed private key; null when the tenant has no such key. */
  findPrivate(tenantId: TenantId, kid: string): Promise<Uint8Array | null>
  list(tenantId: TenantId): Promise<StoredSigningKey[]>
  /** One active key for each master key under which active keys are sealed, of any tenant. */
  sampleActive(): Promise<SigningKey[]>
  /**
   * Retires the active key and adds the next, in one transaction; `changed` when another process
   * rotated first.
   */
  rotate(
    tenantId: TenantId,
    next: NewSigningKey & { readonly seq: number; readonly linkJws: string },
    actor: Actor,
  ): Promise<'done' | 'changed'>
}

export type StoredSigningKey = {
  readonly kid: string
  readonly seq: number
  readonly status: 'active' | 'retired'
  readonly publicJwk: NewSigningKey['publicJwk']
  /** `keyset+jwt` that links the previous set to this one; null for the first. */
  readonly linkJws: string | null
}

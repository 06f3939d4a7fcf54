import type { Actor } from '../domain/activity.ts'
import type {
  IntegrationCredentialId,
  IntegrationId,
  RelyingPartyId,
  TenantId,
} from '../domain/ids.ts'
import type { Integration } from '../domain/integration.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { RelyingParty } from '../tenants/directory.store.ts'

/**
 * A secret that we generated, as stored: hashed where it is only compared, sealed where it is
 * needed in clear.
 */
export type IntegrationCredential = {
  readonly id: IntegrationCredentialId
  readonly expiresAt: Date | null
} & ({ readonly secretHash: Uint8Array } | { readonly secretSealed: Uint8Array })

/** A credential with a fixed end. */
export type EndedCredential = {
  readonly id: IntegrationCredentialId
  readonly endsAt: Date
}

/** An integration after a change, and the credentials that the change ends. */
export type ChangedIntegration = {
  readonly integration: Integration
  readonly endedCredentials: readonly EndedCredential[]
}

/** What is needed to verify a client of an integration, and to act for its relying party. */
export type StoredIntegration = {
  readonly integration: Integration
  readonly relyingParty: Omit<RelyingParty, 'returnOrigins'>
  /** At most two are live. */
  readonly credentials: readonly IntegrationCredential[]
}

/**
 * How a client names an integration: by its id in a path, or by the integration key in its
 * credentials.
 */
export type IntegrationHandle = { readonly id: IntegrationId } | { readonly integrationKey: string }

/** The usage of an integration since it was last written. */
export type IntegrationUse = {
  readonly tenantId: TenantId
  readonly id: IntegrationId
  readonly uses: number
  readonly usedAt: Date | null
  readonly lastError: { readonly code: string; readonly at: Date } | null
}

/**
 * The integrations of all tenants. Every change is recorded in its transaction, with the values
 * before and after.
 */
export interface IntegrationStore {
  /**
   * Records that the integration was tested, in the audit record alone; false where the tenant has
   * none of this id.
   */
  recordTest(
    integration: Pick<Integration, 'tenantId' | 'id'>,
    details: { readonly passed: boolean; readonly failed: readonly string[] },
    actor: Actor,
  ): Promise<boolean>
  /** Newest first; those of one relying party, or of all. */
  list(tenantId: TenantId, rpId: RelyingPartyId | null): Promise<Integration[]>
  find(tenantId: TenantId, id: IntegrationId): Promise<Integration | null>
  /** By its handle alone, of any tenant; the caller checks credentials, status and address. */
  findStored(handle: IntegrationHandle): Promise<StoredIntegration | null>
  create(
    integration: Omit<
      Integration,
      'revision' | 'createdAt' | 'updatedAt' | 'uses' | 'lastUsedAt' | 'lastError'
    >,
    credential: IntegrationCredential | null,
    actor: Actor,
  ): Promise<Integration>
  /**
   * Saves the plan of `next` if the integration is still equal to `was` (compare-and-set), with a
   * first credential where `next` newly needs one and without any where it needs none; null
   * otherwise.
   */
  change(
    was: Integration,
    next: Integration,
    credential: IntegrationCredential | null,
    actor: Actor,
  ): Promise<ChangedIntegration | null>
  /**
   * Adds a credential and ends the others after the overlap at the latest; refuses when two are
   * live already and the overlap is not zero. Null when the tenant has no such integration.
   */
  rotate(
    rotation: {
      readonly tenantId: TenantId
      readonly id: IntegrationId
      readonly overlapSeconds: number
    },
    credential: IntegrationCredential,
    actor: Actor,
  ): Promise<ChangedIntegration | Refusal<'rotation_under_way'> | null>
  /**
   * Sets the end of one credential, unless it ends earlier: then `ended`. Null when the
   * integration of the tenant has no such credential.
   */
  endCredential(
    credential: {
      readonly tenantId: TenantId
      readonly integrationId: IntegrationId
    } & EndedCredential,
    actor: Actor,
  ): Promise<'done' | 'ended' | null>
  /**
   * Removes it with its credentials, and returns the time; null when the tenant has no such
   * integration.
   */
  remove(tenantId: TenantId, id: IntegrationId, actor: Actor): Promise<{ readonly at: Date } | null>
  /** Best effort, off every hot path. */
  recordUses(uses: readonly IntegrationUse[]): Promise<void>
}

/** Counts uses and remembers the last error of integrations; written in batches. */
export interface IntegrationUsage {
  recordUse(integration: Pick<Integration, 'tenantId' | 'id'>): void
  /** `code` is short and holds nothing secret. */
  recordFailure(integration: Pick<Integration, 'tenantId' | 'id'>, code: string): void
}

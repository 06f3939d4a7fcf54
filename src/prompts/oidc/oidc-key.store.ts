import type { Actor } from '../../domain/activity.ts'
import type { TenantId } from '../../domain/ids.ts'
import type { OidcAlgorithm, OidcKeyTimes } from '../../domain/oidc-key.ts'

/** A public key as clients read it (RFC 7517). */
export type OidcJwk = Readonly<Record<string, string | readonly string[]>>

export type NewOidcKey = {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly alg: OidcAlgorithm
  readonly publicJwk: OidcJwk
  /** Self-signed, in DER. */
  readonly certificate: Uint8Array
  readonly privateSealed: Uint8Array
}

export type StoredOidcKey = NewOidcKey & OidcKeyTimes

/** Keys of a tenant that sign ID tokens. */
export interface OidcKeyStore {
  /** All of them, with the database's time. */
  list(tenantId: TenantId): Promise<{ readonly keys: readonly StoredOidcKey[]; readonly now: Date }>
  /** Adds the first keys, which sign at once; does nothing where there are keys. */
  addFirst(tenantId: TenantId, keys: readonly NewOidcKey[], actor: Actor): Promise<void>
  /** Adds keys that sign after a while; `changed` when others wait for their time already. */
  rotate(
    tenantId: TenantId,
    keys: readonly NewOidcKey[],
    afterSeconds: number,
    actor: Actor,
  ): Promise<'done' | 'changed'>
}

/** How keys are made and used. */
export interface OidcSigning {
  /** Fresh keys, one for each algorithm, with a certificate in the name of the issuer. */
  createKeys(tenantId: TenantId, issuer: string): Promise<readonly NewOidcKey[]>
  /** Signs a JWT of this payload. Rejects when the key is sealed under another master key. */
  sign(tenantId: TenantId, key: StoredOidcKey, payload: string): Promise<string>
}

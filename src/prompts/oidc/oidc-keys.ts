// Keys that sign ID tokens for a tenant: published, used, rotated.

import type { Actor } from '../../domain/activity.ts'
import type { TenantId } from '../../domain/ids.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import {
  choosePublishedKeys,
  chooseSigningKey,
  isRotating,
  type OidcAlgorithm,
  publishedBeforeSeconds,
} from '../../domain/oidc-key.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import type { OidcJwk, OidcKeyStore, OidcSigning } from './oidc-key.store.ts'

export type Dependencies = {
  readonly oidcKeys: OidcKeyStore
  readonly oidcSigning: OidcSigning
  readonly publicOrigin: string
}

/** Gives the tenant its first keys, where it has none: its first door of this kind needs them. */
export async function ensureOidcKeys(
  { oidcKeys, oidcSigning, publicOrigin }: Dependencies,
  tenantId: TenantId,
  actor: Actor,
): Promise<void> {
  const { keys } = await oidcKeys.list(tenantId)
  if (keys.length > 0) return
  const issuer = oidcIssuerOf(publicOrigin, tenantId)
  await oidcKeys.addFirst(tenantId, await oidcSigning.createKeys(tenantId, issuer), actor)
}

/** The key set as clients read it; empty for a tenant without keys, or that does not exist. */
export async function publishOidcKeys(
  { oidcKeys }: Pick<Dependencies, 'oidcKeys'>,
  tenantId: TenantId,
): Promise<readonly OidcJwk[]> {
  const { keys, now } = await oidcKeys.list(tenantId)
  return choosePublishedKeys(keys, now).map(({ publicJwk }) => publicJwk)
}

/**
 * Signs an ID token with the key whose time it is. A tenant whose clients have read no keys yet has
 * them made.
 */
export async function signIdToken(
  dependencies: Dependencies,
  tenantId: TenantId,
  alg: OidcAlgorithm,
  payload: string,
): Promise<string> {
  const { oidcKeys, oidcSigning } = dependencies
  const findKey = async () => {
    const { keys, now } = await oidcKeys.list(tenantId)
    return chooseSigningKey(keys, alg, now)
  }
  const storedKey = await findKey()
  if (storedKey) return oidcSigning.sign(tenantId, storedKey, payload)
  await ensureOidcKeys(dependencies, tenantId, 'service')
  const firstKey = await findKey()
  if (!firstKey) throw new Error(`tenant ${tenantId} has no ${alg} key for ID tokens`)
  return oidcSigning.sign(tenantId, firstKey, payload)
}

/** When keys that were published by a rotation begin to sign. */
export type OidcKeyRotation = { readonly kids: readonly string[]; readonly afterSeconds: number }

/**
 * Publishes the tenant's next keys, which sign two days later: until then every client has read
 * them. Refused while others wait for their time.
 */
export async function rotateOidcKeys(
  { oidcKeys, oidcSigning, publicOrigin }: Dependencies,
  tenantId: TenantId,
  actor: Actor,
): Promise<OidcKeyRotation | Refusal<'not_found' | 'rotation_under_way'>> {
  const { keys, now } = await oidcKeys.list(tenantId)
  if (keys.length === 0) return refuse('not_found')
  if (isRotating(keys, now)) return refuse('rotation_under_way')
  const next = await oidcSigning.createKeys(tenantId, oidcIssuerOf(publicOrigin, tenantId))
  const afterSeconds = publishedBeforeSeconds
  const rotation = await oidcKeys.rotate(tenantId, next, afterSeconds, actor)
  if (rotation === 'changed') return refuse('rotation_under_way')
  return { kids: next.map(({ kid }) => kid), afterSeconds }
}

// A tenant as a provider of OpenID Connect: what clients read about it.

import type { TenantId } from '../../domain/ids.ts'
import { promptSettingsOf } from '../../domain/integration.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import type { IntegrationStore } from '../../doors/integration.store.ts'
import type { OidcJwk } from './oidc-key.store.ts'
import {
  ensureOidcKeys,
  type Dependencies as KeyDependencies,
  publishOidcKeys,
} from './oidc-keys.ts'

export type Dependencies = KeyDependencies & {
  readonly integrations: Pick<IntegrationStore, 'list'>
}

export type Provider = { readonly issuer: string; readonly keys: readonly OidcJwk[] }

/**
 * Issuer and keys of a tenant that has a door of this kind; the first who asks has its keys made.
 * Any other tenant is no provider.
 */
export async function readProvider(
  dependencies: Dependencies,
  tenantId: TenantId,
): Promise<Provider | Refusal<'not_found'>> {
  const issuer = oidcIssuerOf(dependencies.publicOrigin, tenantId)
  const keys = await publishOidcKeys(dependencies, tenantId)
  if (keys.length > 0) return { issuer, keys }
  const integrations = await dependencies.integrations.list(tenantId, null)
  if (!integrations.some(({ settings }) => promptSettingsOf(settings))) return refuse('not_found')
  await ensureOidcKeys(dependencies, tenantId, 'service')
  return { issuer, keys: await publishOidcKeys(dependencies, tenantId) }
}

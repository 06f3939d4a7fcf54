// The client of a request: an integration that sends the browser to a page of ours.

import { isId, type TenantId } from '../../domain/ids.ts'
import { type Integration, promptSettingsOf } from '../../domain/integration.ts'
import type { Door } from '../../domain/principal.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import { doorOf } from '../../doors/authenticate-integration.ts'
import type { IntegrationStore } from '../../doors/integration.store.ts'

export type FindClientDependencies = { readonly integrations: Pick<IntegrationStore, 'findStored'> }

/** A client, its door and what is configured of it; nothing proves that it is the one who calls. */
export type PromptClient = {
  readonly integration: Integration
  readonly door: Door
  readonly settings: PromptSettings
}

/**
 * The client of this id, which is that of its integration. One of another tenant, or of another
 * kind, is unknown.
 */
export async function findPromptClient(
  { integrations }: FindClientDependencies,
  tenantId: TenantId,
  clientId: string | undefined,
): Promise<PromptClient | Refusal<'integration_invalid' | 'integration_paused'>> {
  if (clientId === undefined || !isId('integration', clientId)) return refuse('integration_invalid')
  const storedIntegration = await integrations.findStored({ id: clientId })
  const { integration } = storedIntegration ?? {}
  const settings = integration && promptSettingsOf(integration.settings)
  if (!storedIntegration || !integration || !settings || integration.tenantId !== tenantId) {
    return refuse('integration_invalid')
  }
  if (integration.status !== 'active') return refuse('integration_paused')
  return { integration, door: doorOf(storedIntegration), settings }
}

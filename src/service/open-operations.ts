// The operations of the command line, without any part that listens or pushes.

import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { applyRevocations } from '../audit/apply-revocations.ts'
import { collectStoredHeads } from '../audit/stored-heads.ts'
import { verifyAudit } from '../audit/verify-audit.ts'
import type { ApiKeyId, IntegrationId, TenantId } from '../domain/ids.ts'
import { oidcIssuerOf } from '../domain/issuer.ts'
import { createIntegration, type NewIntegration } from '../doors/integrations.ts'
import { buildRevocationLog } from '../platform/logs/revocation-log.ts'
import { buildEgressGuard } from '../platform/net/egress-guard.ts'
import { buildConnectionTurns } from '../prompts/connection-test/connection-turns.ts'
import { rotateOidcKeys } from '../prompts/oidc/oidc-keys.ts'
import { rotateVapidKey } from '../push/web-push/vapid-keys.ts'
import { createApiKey, revokeApiKey, rotateApiKey } from '../tenants/api-keys.ts'
import { changeOrigin, originOfCommands } from '../tenants/public-origin.ts'
import { rotateSigningKey } from '../tenants/rotate-signing-key.ts'
import { buildSigningKeys } from '../tenants/signing-keys.ts'
import {
  changeTenant,
  createFirstKey,
  createRelyingParty,
  createTenant,
} from '../tenants/tenants.ts'
import type { Config } from './config.ts'
import { openMigratedDatabase } from './open-database.ts'
import { buildStores } from './open-stores.ts'
import {
  assertMasterKey,
  openConnectionProbing,
  openEntraHints,
  openSignalCarrier,
  openWorld,
  originFault,
} from './open-world.ts'

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never

/**
 * Opens the operations of the command line, on the same database, with or without the running
 * service.
 */
export async function openOperations(
  config: Config,
  ownOrigin: string,
  log: Logger,
  { anyOrigin = false }: { readonly anyOrigin?: boolean } = {},
) {
  await using undo = new AsyncDisposableStack()
  const openedDatabase = await openMigratedDatabase(config, log)
  undo.defer(() => openedDatabase.close())
  const world = await openWorld(config, openedDatabase, log)
  const stores = buildStores(openedDatabase, world.random)
  await assertMasterKey(config, { ...world, ...stores })
  const own = { origin: ownOrigin, isConfigured: config.publicOrigin !== null && !anyOrigin }
  const decision = await originOfCommands(stores, own)
  if ('contradicts' in decision) throw originFault(ownOrigin, decision.contradicts)
  const publicOrigin = decision.origin
  const signals = await openSignalCarrier(config, openedDatabase, log)
  undo.defer(() => signals.close())
  const running = undo.move()
  const signingKeys = buildSigningKeys({ ...stores, ...world }, () => performance.now())
  const revocationLog = buildRevocationLog({ file: config.revocationLog, log })
  const dependencies = { ...world, ...stores, signals, signingKeys, revocationLog, publicOrigin }
  return {
    /** Creates the first key of an empty installation; null when there is a tenant. */
    createFirstKey: (key: Omit<Parameters<typeof createFirstKey>[1], 'shownBy'>) =>
      createFirstKey(dependencies, { ...key, shownBy: `a command on ${hostname()}` }),
    changeOrigin: (origin: string) => changeOrigin(dependencies, origin),
    createTenant: (name: string) => createTenant(dependencies, name, 'operator'),
    changeTenant: (
      id: Parameters<typeof changeTenant>[1],
      changes: Parameters<typeof changeTenant>[2],
    ) => changeTenant(dependencies, id, changes, 'operator'),
    listTenants: () => stores.tenants.listTenants(),
    createRelyingParty: (party: Parameters<typeof createRelyingParty>[1]) =>
      createRelyingParty(dependencies, party, 'operator'),
    listRelyingParties: stores.tenants.listRelyingParties,
    createApiKey: (command: Parameters<typeof createApiKey>[1]) =>
      createApiKey(dependencies, command, 'operator'),
    listApiKeys: stores.apiKeys.list,
    findApiKey: stores.apiKeys.findCredential,
    rotateApiKey: (command: Parameters<typeof rotateApiKey>[1]) =>
      rotateApiKey(dependencies, command, 'operator'),
    revokeApiKey: (tenantId: Parameters<typeof revokeApiKey>[1], id: ApiKeyId) =>
      revokeApiKey(dependencies, tenantId, id, 'operator'),
    collectKeptHeads: (...parameters: Tail<Parameters<typeof collectStoredHeads>>) =>
      collectStoredHeads(dependencies, ...parameters),
    verifyAudit: (...parameters: Tail<Parameters<typeof verifyAudit>>) =>
      verifyAudit(dependencies, ...parameters),
    rotateSigningKey: (tenantId: Parameters<typeof rotateSigningKey>[1]) =>
      rotateSigningKey(dependencies, tenantId),
    /** Creates a door that calls no realm. */
    createIntegration: (tenantId: TenantId, integration: NewIntegration) => {
      const realms = { fault: () => undefined }
      const scope = { tenantId, rpId: null, actor: 'operator' } as const
      return createIntegration({ ...dependencies, realms }, scope, integration)
    },
    oidcIssuerOf: (tenantId: TenantId) => oidcIssuerOf(publicOrigin, tenantId),
    testConnection: async (tenantId: TenantId, id: IntegrationId) => {
      const { testConnection } = await import('../prompts/connection-test/test-connection.ts')
      const clouds = { guard: buildEgressGuard(config.issuers), ca: config.issuers.ca }
      const parts = {
        entraHints: openEntraHints(clouds),
        connectionProbing: openConnectionProbing({ ...clouds, publicOrigin }),
        connectionTurns: buildConnectionTurns(() => performance.now()),
      }
      const scope = { tenantId, rpId: null, actor: 'operator' } as const
      return testConnection({ ...dependencies, ...parts }, scope, id)
    },
    rotateOidcKeys: (tenantId: TenantId) => rotateOidcKeys(dependencies, tenantId, 'operator'),
    rotateWebPushKey: () => rotateVapidKey(dependencies),
    applyRevocations: (lines: Parameters<typeof applyRevocations>[1]) =>
      applyRevocations(dependencies, lines),
    close: () => running.disposeAsync(),
  }
}

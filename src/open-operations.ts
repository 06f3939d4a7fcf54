// The operations of the command line, without any part that listens or pushes.

import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { ApiKeyId } from './domain/ids.ts'
import { openMigratedDatabase } from './open-database.ts'
import { buildStores } from './open-stores.ts'
import { assertMasterKey, openSignalCarrier, openWorld, originFault } from './open-world.ts'
import { buildRevocationLog } from './outbound/revocation-log.ts'
import { createApiKey, revokeApiKey, rotateApiKey } from './usecases/api-keys.ts'
import { applyRevocations } from './usecases/apply-revocations.ts'
import { changeOrigin, originOfCommands } from './usecases/public-origin.ts'
import { rotateSigningKey } from './usecases/rotate-signing-key.ts'
import { buildSigningKeys } from './usecases/signing-keys.ts'
import { collectStoredHeads } from './usecases/stored-heads.ts'
import {
  changeTenant,
  createFirstKey,
  createRelyingParty,
  createTenant,
} from './usecases/tenants.ts'
import { verifyAudit } from './usecases/verify-audit.ts'

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
    applyRevocations: (lines: Parameters<typeof applyRevocations>[1]) =>
      applyRevocations(dependencies, lines),
    close: () => running.disposeAsync(),
  }
}

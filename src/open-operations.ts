// What operators do at the command line, without what listens or pushes.

import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { ApiKeyId } from './domain/ids.ts'
import { openMigratedDatabase } from './open-database.ts'
import { openStores } from './open-stores.ts'
import { assertMasterKey, openSignalCarrier, openWorld, originFault } from './open-world.ts'
import { createRevocationLog } from './outbound/revocation-log.ts'
import { createApiKey, revokeApiKey, rotateApiKey } from './usecases/api-keys.ts'
import { applyRevocations } from './usecases/apply-revocations.ts'
import { collectKeptHeads } from './usecases/kept-heads.ts'
import { changeOrigin, originOfCommands } from './usecases/public-origin.ts'
import { rotateSigningKey } from './usecases/rotate-signing-key.ts'
import { createSigningKeys } from './usecases/signing-keys.ts'
import {
  changeTenant,
  createFirstKey,
  createRelyingParty,
  createTenant,
} from './usecases/tenants.ts'
import { verifyAudit } from './usecases/verify-audit.ts'

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never

/** What operators do at the command line, on the same database, beside the running service or without it. */
export async function openOperations(
  config: Config,
  ownOrigin: string,
  log: Logger,
  { anyOrigin = false }: { readonly anyOrigin?: boolean } = {},
) {
  await using undo = new AsyncDisposableStack()
  const opened = await openMigratedDatabase(config, log)
  undo.defer(() => opened.close())
  const world = await openWorld(config, opened, log)
  const stores = openStores(opened, world.random)
  await assertMasterKey(config, { ...world, ...stores })
  const own = { origin: ownOrigin, given: config.publicOrigin !== null && !anyOrigin }
  const found = await originOfCommands(stores, own)
  if ('contradicts' in found) throw originFault(ownOrigin, found.contradicts)
  const publicOrigin = found.origin
  const signals = await openSignalCarrier(config, opened, log)
  undo.defer(() => signals.close())
  const running = undo.move()
  const signingKeys = createSigningKeys({ ...stores, ...world }, () => performance.now())
  const revocationLog = createRevocationLog({ file: config.revocationLog, log })
  const needs = { ...world, ...stores, signals, signingKeys, revocationLog, publicOrigin }
  return {
    /** Gives an empty installation its first key; null when there is a tenant. */
    createFirstKey: (key: Omit<Parameters<typeof createFirstKey>[1], 'shownBy'>) =>
      createFirstKey(needs, { ...key, shownBy: `a command on ${hostname()}` }),
    changeOrigin: (origin: string) => changeOrigin(needs, origin),
    createTenant: (name: string) => createTenant(needs, name, 'operator'),
    changeTenant: (
      id: Parameters<typeof changeTenant>[1],
      changes: Parameters<typeof changeTenant>[2],
    ) => changeTenant(needs, id, changes, 'operator'),
    listTenants: () => stores.tenants.listTenants(),
    createRelyingParty: (party: Parameters<typeof createRelyingParty>[1]) =>
      createRelyingParty(needs, party, 'operator'),
    listRelyingParties: stores.tenants.listRelyingParties,
    createApiKey: (command: Parameters<typeof createApiKey>[1]) =>
      createApiKey(needs, command, 'operator'),
    listApiKeys: stores.apiKeys.list,
    findApiKey: stores.apiKeys.findCredential,
    rotateApiKey: (command: Parameters<typeof rotateApiKey>[1]) =>
      rotateApiKey(needs, command, 'operator'),
    revokeApiKey: (tenantId: Parameters<typeof revokeApiKey>[1], id: ApiKeyId) =>
      revokeApiKey(needs, tenantId, id, 'operator'),
    collectKeptHeads: (...given: Tail<Parameters<typeof collectKeptHeads>>) =>
      collectKeptHeads(needs, ...given),
    verifyAudit: (...given: Tail<Parameters<typeof verifyAudit>>) => verifyAudit(needs, ...given),
    rotateSigningKey: (tenantId: Parameters<typeof rotateSigningKey>[1]) =>
      rotateSigningKey(needs, tenantId),
    applyRevocations: (lines: Parameters<typeof applyRevocations>[1]) =>
      applyRevocations(needs, lines),
    close: () => running.disposeAsync(),
  }
}

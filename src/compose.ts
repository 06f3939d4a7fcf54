// The only file, with src/open-stores.ts and src/open-push.ts, that names the adapters and joins the parts.

import { createHash, randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { bindUseCases } from './bind-use-cases.ts'
import type { Config } from './config.ts'
import type { ApiKeyId } from './domain/ids.ts'
import { buildApp } from './http/app.ts'
import { openPush } from './open-push.ts'
import { openStores } from './open-stores.ts'
import { openWebhooks } from './open-webhooks.ts'
import { addresses } from './outbound/addresses.ts'
import { openAttestationVerifier } from './outbound/attestation.ts'
import { type AttestationRoots, pinnedAttestationRoots } from './outbound/attestation-roots.ts'
import { systemClock } from './outbound/clock.ts'
import { createEgressGuard } from './outbound/egress-guard.ts'
import { createHashing } from './outbound/hashing.ts'
import { createMacs } from './outbound/macs.ts'
import { masterKeyIn } from './outbound/master-key.ts'
import { createMetrics } from './outbound/metrics.ts'
import { oneTimePasswords } from './outbound/one-time-passwords.ts'
import { systemRandom } from './outbound/random.ts'
import { createRealms } from './outbound/realms.ts'
import { createRedisSignals } from './outbound/redis-signals.ts'
import { createRevocationLog } from './outbound/revocation-log.ts'
import { createSealing } from './outbound/sealing.ts'
import { createSecurityLog } from './outbound/security-log.ts'
import { createSignalHub, type SignalCarrier } from './outbound/signal-hub.ts'
import { createSignatures } from './outbound/signatures.ts'
import { type Database, isReady, openDatabase } from './persistence/database.ts'
import { ConnectFailure, isDatabaseUnavailable } from './persistence/database-errors.ts'
import { startEmbeddedPostgres } from './persistence/embedded-postgres.ts'
import { migrate } from './persistence/migrations.ts'
import { createNotifySignals, notifyStatement } from './persistence/notify-signals.ts'
import { listenFault, StartFault } from './start-fault.ts'
import { createApiKey, revokeApiKey, rotateApiKey } from './usecases/api-keys.ts'
import { applyRevocations } from './usecases/apply-revocations.ts'
import { findUnopenedKey } from './usecases/check-master-key.ts'
import { rotateSigningKey } from './usecases/rotate-signing-key.ts'
import { createSigningKeys } from './usecases/signing-keys.ts'
import { bootstrap, createRelyingParty, createTenant } from './usecases/tenants.ts'
import { verifyAudit } from './usecases/verify-audit.ts'
import { createDispatcher } from './worker/dispatcher.ts'
import { createIntegrationUsage } from './worker/integration-usage.ts'
import { startSweeps } from './worker/sweeps.ts'

/** A migrated database that this process may use. */
export type OpenedDatabase = {
  readonly url: string
  readonly database: Database
  close(): Promise<void>
}

/** The migrations stand beside the sources, wherever the process was started. */
const migrationsFolder = path.join(import.meta.dirname, '..', 'prisma', 'migrations')

/** Opens the configured database, or starts the embedded one, and applies what migrations are pending. */
export async function openMigratedDatabase(config: Config, log: Logger): Promise<OpenedDatabase> {
  const embedded =
    config.database.url === null
      ? await startEmbeddedPostgres({
          folder: path.resolve(config.dataFolder, 'postgresql'),
          log: (message) => log.debug({ part: 'postgresql' }, message),
          warn: (message) => log.warn({ part: 'postgresql' }, message),
        })
      : null
  const url = embedded?.url ?? config.database.url
  if (!url) throw new Error('there is neither DATABASE_URL nor an embedded database')
  try {
    const { applied } = await migrate(url, migrationsFolder)
    if (applied.length > 0) log.info({ applied }, 'migrations applied')
  } catch (error) {
    await embedded?.stop()
    if (!(error instanceof ConnectFailure)) throw error
    const whose = embedded ? '' : 'DATABASE_URL: '
    throw new StartFault(`${whose}${error.message}.`, { cause: error })
  }
  const database = openDatabase({
    url,
    maxConnections: config.database.connections,
    onConnectionLost: (error) => log.warn({ err: error }, 'database connection lost'),
  })
  return {
    url,
    database,
    async close() {
      await database.close()
      await embedded?.stop()
    },
  }
}

/** Everything that outlives a request, save the database. */
async function openWorld(config: Config, log: Logger) {
  const current = config.masterKeys.current ?? (await masterKeyIn(config.dataFolder))
  const masterKeys = { current, previous: config.masterKeys.previous }
  const sealing = createSealing(masterKeys)
  return {
    sealing,
    hashing: createHashing(current),
    macs: createMacs(masterKeys),
    securityLog: createSecurityLog(log),
    signatures: createSignatures(sealing),
    oneTimePasswords,
    random: systemRandom,
    clock: systemClock,
    addresses,
  }
}

function openSignalCarrier(config: Config, { url, database }: OpenedDatabase, log: Logger) {
  const failed = (error: unknown) => log.warn({ err: error }, 'signals interrupted; waits re-read')
  const carrier: SignalCarrier =
    config.redisUrl === null
      ? createNotifySignals(
          url,
          (payload) => database.query('notify', notifyStatement, [payload]),
          failed,
        )
      : createRedisSignals(config.redisUrl, failed)
  return createSignalHub(carrier, failed)
}

/** Refuses a master key that cannot open what the database holds: the first sign-in would find out otherwise. */
async function assertMasterKey(config: Config, parts: Parameters<typeof findUnopenedKey>[0]) {
  const unopened = await findUnopenedKey(parts)
  if (!unopened) return
  const given = config.masterKeys.current
    ? 'MASTER_KEY'
    : `MASTER_KEY (read from ${path.join(config.dataFolder, 'master.key')})`
  throw new StartFault(
    `${given}: is not the key that sealed what this database holds, nor is any of MASTER_KEY_PREVIOUS ` +
      `(seen at a signing key of ${unopened.tenantId}). Restore the right key from your backup; after a rotation put the old one into MASTER_KEY_PREVIOUS.`,
  )
}

/** What operators do at the command line, on the same database, beside the running service or without it. */
export async function openOperations(config: Config, publicOrigin: string, log: Logger) {
  await using undo = new AsyncDisposableStack()
  const opened = await openMigratedDatabase(config, log)
  undo.defer(() => opened.close())
  const world = await openWorld(config, log)
  const stores = openStores(opened)
  await assertMasterKey(config, { ...world, ...stores })
  const signals = await openSignalCarrier(config, opened, log)
  undo.defer(() => signals.close())
  const running = undo.move()
  const signingKeys = createSigningKeys({ ...stores, ...world }, () => Date.now())
  const revocationLog = createRevocationLog({ file: config.revocationLog, log })
  const needs = { ...world, ...stores, signals, signingKeys, revocationLog, publicOrigin }
  return {
    bootstrap: () => bootstrap(needs),
    createTenant: (name: string) => createTenant(needs, name, 'operator'),
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
    verifyAudit: (tenantId: Parameters<typeof verifyAudit>[1], heads: readonly string[]) =>
      verifyAudit(needs, tenantId, heads),
    rotateSigningKey: (tenantId: Parameters<typeof rotateSigningKey>[1]) =>
      rotateSigningKey(needs, tenantId),
    applyRevocations: (lines: readonly string[]) => applyRevocations(needs, lines),
    close: () => running.disposeAsync(),
  }
}

/** A running service. */
export type Service = {
  readonly publicOrigin: string
  /** Where it listens; null for a worker, which listens nowhere. */
  readonly address: string | null
  /** Prints-once secret of an installation that has just been made; null otherwise. */
  readonly bootstrapped: Awaited<ReturnType<typeof bootstrap>>
  /** Finishes requests, ends waits, sends and writes down what is in flight, then closes everything. */
  stop(): Promise<void>
}

const drainTime = () => setTimeout(10_000, undefined, { ref: false })

/** Starts the configured roles: database, migrations, first tenant, worker, HTTP. Only tests bring roots of their own. */
export async function startService(
  config: Config,
  publicOrigin: string,
  log: Logger,
  attestationRoots: AttestationRoots = pinnedAttestationRoots(),
): Promise<Service> {
  // Undone from the last to the first, by a start that fails and by `stop`.
  await using undo = new AsyncDisposableStack()
  const opened = await openMigratedDatabase(config, log)
  undo.defer(() => opened.close())
  const { database } = opened
  const world = await openWorld(config, log)
  const stores = openStores(opened)
  await assertMasterKey(config, { ...world, ...stores })
  const signals = await openSignalCarrier(config, opened, log)
  undo.defer(() => signals.close())
  const push = openPush(config, { ...world, ...stores, signals }, log)
  undo.defer(() => Promise.race([push.drain(), drainTime()]))
  const metrics = createMetrics({
    roundTrips: database.roundTrips,
    statements: database.statements,
    connections: database.connections,
    pushesInFlight: () => dispatcher.inFlight(),
  })
  const dispatcher = createDispatcher({
    ...world,
    ...stores,
    push,
    leaseHolder: randomUUID(),
    originHash: createHash('sha256').update(publicOrigin).digest('base64url').slice(0, 11),
    log,
    observe: ({ kind, address }, result, ms) =>
      metrics.push({ provider: address.provider, kind, result, ms }),
  })
  undo.defer(() => Promise.race([dispatcher.drain(), drainTime()]))
  const integrationUsage = createIntegrationUsage(stores.integrations, log)
  undo.defer(() => integrationUsage.drain())
  const revocationLog = createRevocationLog({
    file: config.revocationLog,
    log,
    failed: metrics.revocationLogFailed,
  })
  // A log that cannot be written is told at the start, not at the first lost phone.
  await revocationLog.append([])
  const attestations = openAttestationVerifier(config.attestation, attestationRoots)
  const webhookUrls = createEgressGuard(config.webhooks)
  const realms = createRealms({ ...config.issuers, guard: createEgressGuard(config.issuers) })
  const parts = {
    ...world,
    ...stores,
    webhookUrls,
    realms,
    signals,
    dispatcher,
    integrationUsage,
    revocationLog,
    attestations,
    publicOrigin,
  }
  if (config.role !== 'api') {
    const signingKeys = createSigningKeys(parts, () => Date.now())
    const needs = { ...parts, signingKeys, log, observe: metrics.webhook }
    const { leaseHolder } = dispatcher
    const webhooks = openWebhooks(config.webhooks, webhookUrls, { ...needs, leaseHolder })
    undo.defer(() => Promise.race([webhooks.drain(), drainTime()]))
    const sweeps = startSweeps({ ...needs, courier: webhooks.courier })
    undo.defer(() => sweeps.stop())
  }
  let address: string | null = null
  if (config.role !== 'worker') {
    const app = await buildApp({
      useCases: bindUseCases(parts),
      logger: log,
      publicOrigin,
      ...(config.trustProxy !== null && { trustProxy: config.trustProxy }),
      metrics: { ...metrics, token: config.metricsToken },
      stopWaiting: () => signals.stop(),
      ready: () => isReady(database),
      isUnavailable: isDatabaseUnavailable,
      onRequestObserved: metrics.request,
    })
    undo.defer(() => app.close())
    address = await app.listen({ host: config.host, port: config.port }).catch((error) => {
      throw listenFault(error, config)
    })
  }
  // After the last thing that can fail: whoever makes the first key must live to show it.
  const bootstrapped = await bootstrap(parts)
  // Another process may have made the first tenant meanwhile, under a key of its own.
  if (!bootstrapped) await assertMasterKey(config, parts)
  const running = undo.move()
  return { publicOrigin, address, bootstrapped, stop: () => running.disposeAsync() }
}

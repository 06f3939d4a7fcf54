// The running service. Only this file and src/open-*.ts name adapters and connect the parts.

import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { buildEndedChallenges } from '../challenges/memory/ended-challenges.ts'
import type { EntraCloud } from '../domain/entra.ts'
import { buildIntegrationUsage } from '../doors/integration-usage.ts'
import { buildCallbackDispatcher } from '../doors/keycloak/callback-dispatcher.ts'
import { openAttestationVerifier } from '../enrollments/attestation/attestation.ts'
import {
  type AttestationRoots,
  pinnedAttestationRoots,
} from '../enrollments/attestation/attestation-roots.ts'
import { buildRevocationLog } from '../platform/logs/revocation-log.ts'
import { buildEgressGuard } from '../platform/net/egress-guard.ts'
import { buildMetrics } from '../platform/net/metrics.ts'
import type { SignalHub } from '../platform/net/signal-hub.ts'
import { isDatabaseUnavailable } from '../platform/postgres/database-errors.ts'
import { buildReadiness } from '../platform/postgres/readiness.ts'
import { buildConnectionTurns } from '../prompts/connection-test/connection-turns.ts'
import { buildDispatcher } from '../push/push-dispatcher.ts'
import { buildVapidKeys } from '../push/web-push/vapid-keys.ts'
import { buildSigningKeys } from '../tenants/signing-keys.ts'
import { type BootstrapResult, bootstrap } from '../tenants/tenants.ts'
import { buildApp } from './app.ts'
import { bindUseCases } from './bind-use-cases.ts'
import type { Config } from './config.ts'
import { authenticatorSite } from './config-authenticator.ts'
import { builtFolder } from './faces/built-files.ts'
import {
  awaitMigratedDatabase,
  type OpenedDatabase,
  reservedOf,
  whileStarting,
} from './open-database.ts'
import { buildQueues } from './open-fair-queues.ts'
import { openPush } from './open-push.ts'
import { buildStores } from './open-stores.ts'
import { openWebhooks, signalFacts } from './open-webhooks.ts'
import {
  agreeOnOrigin,
  assertMasterKey,
  openConnectionProbing,
  openEntraHints,
  openPresence,
  openRealms,
  openSignalCarrier,
  openWorld,
} from './open-world.ts'
import { listenFault } from './start-fault.ts'
import { startSweeps } from './sweeps.ts'
import { buildWorkSignal } from './work-signal.ts'

/** A running service. */
export type Service = {
  readonly publicOrigin: string
  /** The address it listens on; null for a worker, which does not listen. */
  readonly address: string | null
  /** The first key of a new installation, shown once; null otherwise. */
  readonly firstKey: BootstrapResult | null
  /**
   * From here on it is not ready and closes each connection after its answer; it keeps answering
   * until `stop`.
   */
  leave(): void
  /**
   * Finishes requests, ends waits, sends pending deliveries and stores their outcome, then closes
   * everything.
   */
  stop(): Promise<void>
}

const drainTime = () => setTimeout(10_000, undefined, { ref: false })

/**
 * Creates the first tenant and key if there is none, and shows the key; else logs which process
 * showed it, until it is used.
 */
async function bootstrapTenant(
  config: Config,
  openedDatabase: OpenedDatabase,
  parts: Awaited<ReturnType<typeof openWorld>> & { readonly signals: SignalHub },
  log: Logger,
  show: (result: BootstrapResult) => Promise<void>,
): Promise<BootstrapResult | null> {
  return whileStarting(config, openedDatabase, log, async (database) => {
    const dependencies = { ...parts, ...buildStores({ ...openedDatabase, database }, parts.random) }
    const shownBy = `the ${config.role} process ${process.pid} on ${hostname()}`
    const firstKey = await bootstrap(dependencies, { shownBy }, show)
    if (firstKey) return firstKey
    // Another process may have created the first tenant meanwhile, under a master key of its own.
    await assertMasterKey(config, dependencies)
    const unusedKey = await dependencies.installation.findUnusedFirstKey()
    if (unusedKey) {
      log.info(
        { shownBy: unusedKey.by, shownAt: unusedKey.at },
        'the first API key was shown by another start; make another with: countersign keys create',
      )
    }
    return null
  })
}

/** What only tests set. */
export type Overrides = {
  readonly attestationRoots?: AttestationRoots
  /** How long a realm of Keycloak may take for an answer. */
  readonly realmTimeoutMs?: number
  /** Where a cloud of Entra describes itself. */
  readonly entraDiscoveryUrlOf?: (cloud: EntraCloud) => string
  /** How often a worker purges rows past their retention. */
  readonly purgeEveryMs?: number
}

/**
 * Starts the configured roles, all or nothing: every step that can fail comes before the first
 * request. An unreachable database is waited for. `show` shows the first key, which is invalid
 * until it has resolved.
 */
export async function startService(
  config: Config,
  ownOrigin: string,
  log: Logger,
  overrides: Overrides = {},
  show: (result: BootstrapResult) => Promise<void> = async () => undefined,
): Promise<Service> {
  const { attestationRoots = pinnedAttestationRoots() } = overrides
  const { realmTimeoutMs, entraDiscoveryUrlOf, purgeEveryMs } = overrides
  // Closed in reverse order, by a start that fails and by `stop`.
  await using undo = new AsyncDisposableStack()
  const openedDatabase = await awaitMigratedDatabase(config, log)
  undo.defer(() => openedDatabase.close())
  const { database } = openedDatabase
  const world = await openWorld(config, openedDatabase, log)
  const stores = buildStores(openedDatabase, world.random)
  const publicOrigin = await whileStarting(config, openedDatabase, log, async (own) => {
    const starting = buildStores({ ...openedDatabase, database: own }, world.random)
    await assertMasterKey(config, { ...world, ...starting })
    return agreeOnOrigin(config, ownOrigin, starting, log)
  })
  const leaseHolder = await whileStarting(config, openedDatabase, log, () =>
    openPresence(openedDatabase, log),
  )
  undo.defer(() => leaseHolder.close())
  const signals = await openSignalCarrier(config, openedDatabase, log, leaseHolder)
  undo.defer(() => signals.close())
  const webPushKeys = buildVapidKeys({ ...world, ...stores })
  const pushParts = { ...world, ...stores, signals, webPushKeys, publicOrigin }
  const push = openPush(config, pushParts, log)
  undo.defer(() => Promise.race([push.drain(), drainTime()]))
  const metrics = buildMetrics({
    roundTrips: database.roundTrips,
    statements: database.statements,
    connections: database.connections,
    lanes: stores.lanes.depths,
    laneDrops: stores.lanes.drops,
    clockOffsetMs: world.clock.offsetMs,
    pushesInFlight: () => dispatcher.inFlight(),
  })
  stores.lanes.listen(metrics.batch)
  const dispatcher = buildDispatcher({
    ...world,
    ...stores,
    push,
    leaseHolder,
    originHash: createHash('sha256').update(publicOrigin).digest('base64url').slice(0, 11),
    log,
    observe: ({ kind, address }, result, ms) =>
      metrics.push({ provider: address.provider, kind, result, ms }),
  })
  undo.defer(() => Promise.race([dispatcher.drain(), drainTime()]))
  const integrationUsage = buildIntegrationUsage(stores.integrations, world.clock, log)
  undo.defer(() => integrationUsage.drain())
  const revocationLog = buildRevocationLog({
    file: config.revocationLog,
    log,
    onFailure: metrics.revocationLogFailed,
  })
  // A log that cannot be written is reported at the start, not at the first lost phone.
  await revocationLog.append([])
  const attestations = openAttestationVerifier(config.attestation, attestationRoots)
  const webhookUrls = buildEgressGuard(config.webhooks)
  const realms = openRealms({
    ...config.issuers,
    guard: buildEgressGuard(config.issuers),
    clock: world.clock,
    log,
    ...(realmTimeoutMs !== undefined && { timeoutMs: realmTimeoutMs }),
  })
  const clouds = {
    guard: buildEgressGuard(config.issuers),
    ca: config.issuers.ca,
    ...(entraDiscoveryUrlOf && { discoveryUrlOf: entraDiscoveryUrlOf }),
  }
  const entraHints = openEntraHints(clouds)
  const turns = buildQueues(config.database.connections - reservedOf(config.database.connections))
  const parts = {
    ...world,
    ...stores,
    webhookUrls,
    realms,
    entraHints,
    connectionProbing: openConnectionProbing({ ...clouds, publicOrigin }),
    connectionTurns: buildConnectionTurns(() => performance.now()),
    isUnavailable: isDatabaseUnavailable,
    signals,
    dispatcher,
    integrationUsage,
    revocationLog,
    attestations,
    webPushKeys,
    webPushHosts: config.webPush.hosts,
    endedChallenges: buildEndedChallenges(() => performance.now()),
    userQueue: turns.userQueue,
    userCodeQueue: turns.userCodeQueue,
    passcodeQueue: turns.passcodeQueue,
    entranceQueue: turns.entranceQueue,
    promptQueue: turns.promptQueue,
    publicOrigin,
    authenticator: authenticatorSite(config, publicOrigin),
  }
  const firstKey = await bootstrapTenant(config, openedDatabase, parts, log, show)
  if (config.role !== 'api') {
    const signingKeys = buildSigningKeys(parts, () => performance.now())
    const observes = { observe: metrics.webhook, observeSweep: metrics.sweep }
    const dependencies = { ...parts, signingKeys, log, ...observes }
    const webhooks = openWebhooks(config.webhooks, webhookUrls, {
      ...dependencies,
      leaseHolder,
      database,
    })
    undo.defer(() => Promise.race([webhooks.drain(), drainTime()]))
    const callbackDispatcher = buildCallbackDispatcher({ ...dependencies, leaseHolder })
    undo.defer(() => Promise.race([callbackDispatcher.drain(), drainTime()]))
    const sweeps = startSweeps({
      ...dependencies,
      callbackDispatcher: callbackDispatcher,
      webhookDispatcher: webhooks.webhookDispatcher,
      ...(purgeEveryMs !== undefined && { purgeEveryMs }),
    })
    undo.defer(() => sweeps.stop())
    database.listenToWrites(sweeps.wake)
    signals.listen(sweeps.wake)
  } else {
    const workers = buildWorkSignal(signals)
    undo.defer(() => workers.stop())
    database.listenToWrites(workers.onWrite)
    signalFacts(database, signals)
  }
  let address: string | null = null
  let leaving = false
  if (config.role !== 'worker') {
    const isReady = buildReadiness(database, log)
    const authenticatorFolder = builtFolder()
    const app = await buildApp({
      useCases: bindUseCases(parts),
      admission: turns.admission,
      apiDocs: config.apiDocs,
      linkedApps: config.linkedApps,
      ...(authenticatorFolder !== null && { authenticatorFolder }),
      authenticatorOrigin: config.authenticatorOrigin,
      webauthnRpId: config.webauthnRpId,
      logger: log,
      publicOrigin,
      ...(config.trustProxy !== null && { trustProxy: config.trustProxy }),
      metrics: { ...metrics, token: config.metricsToken },
      stopWaiting: () => signals.stop(),
      ready: async () => (await isReady()) && world.clock.isKnown(),
      leaving: () => leaving,
      clock: world.clock,
      isUnavailable: isDatabaseUnavailable,
      onRequestObserved: metrics.request,
    })
    undo.defer(() => app.close())
    address = await app.listen({ host: config.host, port: config.port }).catch((error) => {
      throw listenFault(error, config)
    })
  }
  const running = undo.move()
  const leave = () => {
    leaving = true
  }
  return {
    publicOrigin,
    address,
    firstKey: firstKey,
    leave,
    stop: () => running.disposeAsync(),
  }
}

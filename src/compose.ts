// The running service. Only this file and src/open-*.ts name adapters and connect the parts.

import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { bindUseCases } from './bind-use-cases.ts'
import type { Config } from './config.ts'
import { buildApp } from './http/app.ts'
import { awaitMigratedDatabase, type OpenedDatabase, whileStarting } from './open-database.ts'
import { openPush } from './open-push.ts'
import { openStores } from './open-stores.ts'
import { openTurns } from './open-turns.ts'
import { openWebhooks } from './open-webhooks.ts'
import {
  agreeOnOrigin,
  assertMasterKey,
  openPresence,
  openSignalCarrier,
  openWorld,
} from './open-world.ts'
import { openAttestationVerifier } from './outbound/attestation.ts'
import { type AttestationRoots, pinnedAttestationRoots } from './outbound/attestation-roots.ts'
import { createEgressGuard } from './outbound/egress-guard.ts'
import { createMetrics } from './outbound/metrics.ts'
import { createRealms } from './outbound/realms.ts'
import { createRevocationLog } from './outbound/revocation-log.ts'
import type { SignalHub } from './outbound/signal-hub.ts'
import { isDatabaseUnavailable } from './persistence/database-errors.ts'
import { createReadiness } from './persistence/readiness.ts'
import { listenFault } from './start-fault.ts'
import { createSigningKeys } from './usecases/signing-keys.ts'
import { type Bootstrapped, bootstrap } from './usecases/tenants.ts'
import { createCallbackCourier } from './worker/callback-courier.ts'
import { createDispatcher } from './worker/dispatcher.ts'
import { createIntegrationUsage } from './worker/integration-usage.ts'
import { startSweeps } from './worker/sweeps.ts'
import { createWorkSignal } from './worker/work-signal.ts'

/** A running service. */
export type Service = {
  readonly publicOrigin: string
  /** The address it listens on; null for a worker, which does not listen. */
  readonly address: string | null
  /** The first key of a new installation, shown once; null otherwise. */
  readonly bootstrapped: Bootstrapped | null
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
  show: (result: Bootstrapped) => Promise<void>,
): Promise<Bootstrapped | null> {
  return whileStarting(config, openedDatabase, log, async (database) => {
    const dependencies = { ...parts, ...openStores({ ...openedDatabase, database }, parts.random) }
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

/**
 * Starts the configured roles, all or nothing: every step that can fail comes before the first
 * request. An unreachable database is waited for. `show` shows the first key, which is invalid
 * until it has resolved. Only tests pass their own roots.
 */
export async function startService(
  config: Config,
  ownOrigin: string,
  log: Logger,
  attestationRoots: AttestationRoots = pinnedAttestationRoots(),
  show: (result: Bootstrapped) => Promise<void> = async () => undefined,
): Promise<Service> {
  // Closed in reverse order, by a start that fails and by `stop`.
  await using undo = new AsyncDisposableStack()
  const openedDatabase = await awaitMigratedDatabase(config, log)
  undo.defer(() => openedDatabase.close())
  const { database } = openedDatabase
  const world = await openWorld(config, openedDatabase, log)
  const stores = openStores(openedDatabase, world.random)
  const publicOrigin = await whileStarting(config, openedDatabase, log, async (own) => {
    const starting = openStores({ ...openedDatabase, database: own }, world.random)
    await assertMasterKey(config, { ...world, ...starting })
    return agreeOnOrigin(config, ownOrigin, starting, log)
  })
  const signals = await openSignalCarrier(config, openedDatabase, log)
  undo.defer(() => signals.close())
  const leaseHolder = await whileStarting(config, openedDatabase, log, () =>
    openPresence(openedDatabase, log),
  )
  undo.defer(() => leaseHolder.close())
  const push = openPush(config, { ...world, ...stores, signals }, log)
  undo.defer(() => Promise.race([push.drain(), drainTime()]))
  const metrics = createMetrics({
    roundTrips: database.roundTrips,
    statements: database.statements,
    connections: database.connections,
    clockOffsetMs: world.clock.offsetMs,
    pushesInFlight: () => dispatcher.inFlight(),
  })
  const dispatcher = createDispatcher({
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
  const integrationUsage = createIntegrationUsage(stores.integrations, world.clock, log)
  undo.defer(() => integrationUsage.drain())
  const revocationLog = createRevocationLog({
    file: config.revocationLog,
    log,
    failed: metrics.revocationLogFailed,
  })
  // A log that cannot be written is reported at the start, not at the first lost phone.
  await revocationLog.append([])
  const attestations = openAttestationVerifier(config.attestation, attestationRoots)
  const webhookUrls = createEgressGuard(config.webhooks)
  const realms = createRealms({
    ...config.issuers,
    guard: createEgressGuard(config.issuers),
    clock: world.clock,
    log,
  })
  const turns = openTurns(config.database.connections)
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
    userTurns: turns.userTurns,
    publicOrigin,
  }
  const firstKey = await bootstrapTenant(config, openedDatabase, parts, log, show)
  if (config.role !== 'api') {
    const signingKeys = createSigningKeys(parts, () => performance.now())
    const observes = { observe: metrics.webhook, observeSweep: metrics.sweep }
    const dependencies = { ...parts, signingKeys, log, ...observes }
    const webhooks = openWebhooks(config.webhooks, webhookUrls, { ...dependencies, leaseHolder })
    undo.defer(() => Promise.race([webhooks.drain(), drainTime()]))
    const callbackDispatcher = createCallbackCourier({ ...dependencies, leaseHolder })
    undo.defer(() => Promise.race([callbackDispatcher.drain(), drainTime()]))
    const sweeps = startSweeps({
      ...dependencies,
      callbackCourier: callbackDispatcher,
      courier: webhooks.courier,
    })
    undo.defer(() => sweeps.stop())
    database.listenToWrites(sweeps.stir)
    signals.listen(sweeps.stir)
  } else {
    const workers = createWorkSignal(signals)
    undo.defer(() => workers.stop())
    database.listenToWrites(workers.wrote)
  }
  let address: string | null = null
  let leaving = false
  if (config.role !== 'worker') {
    const isReady = createReadiness(database, log)
    const app = await buildApp({
      useCases: bindUseCases(parts),
      admission: turns.admission,
      apiDocs: config.apiDocs,
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
    bootstrapped: firstKey,
    leave,
    stop: () => running.disposeAsync(),
  }
}

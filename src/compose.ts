// The running service. Only this file and those named src/open-*.ts name adapters and join the parts.

import { createHash, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { bindUseCases } from './bind-use-cases.ts'
import type { Config } from './config.ts'
import { buildApp } from './http/app.ts'
import { openMigratedDatabase } from './open-database.ts'
import { openPush } from './open-push.ts'
import { openStores } from './open-stores.ts'
import { openWebhooks } from './open-webhooks.ts'
import { assertMasterKey, openSignalCarrier, openWorld } from './open-world.ts'
import { openAttestationVerifier } from './outbound/attestation.ts'
import { type AttestationRoots, pinnedAttestationRoots } from './outbound/attestation-roots.ts'
import { createEgressGuard } from './outbound/egress-guard.ts'
import { createMetrics } from './outbound/metrics.ts'
import { createRealms } from './outbound/realms.ts'
import { createRevocationLog } from './outbound/revocation-log.ts'
import { isReady } from './persistence/database.ts'
import { isDatabaseUnavailable } from './persistence/database-errors.ts'
import { listenFault } from './start-fault.ts'
import { createSigningKeys } from './usecases/signing-keys.ts'
import { bootstrap } from './usecases/tenants.ts'
import { createCallbackCourier } from './worker/callback-courier.ts'
import { createDispatcher } from './worker/dispatcher.ts'
import { createIntegrationUsage } from './worker/integration-usage.ts'
import { startSweeps } from './worker/sweeps.ts'

/** A running service. */
export type Service = {
  readonly publicOrigin: string
  /** Where it listens; null for a worker, which listens nowhere. */
  readonly address: string | null
  /** Prints-once secret of an installation that has just been made; null otherwise. */
  readonly bootstrapped: Awaited<ReturnType<typeof bootstrap>>
  /** From here on it is not ready and closes each connection after its answer; it goes on answering until `stop`. */
  leave(): void
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
  const world = await openWorld(config, opened, log)
  const stores = openStores(opened, world.random)
  await assertMasterKey(config, { ...world, ...stores })
  const signals = await openSignalCarrier(config, opened, log)
  undo.defer(() => signals.close())
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
    leaseHolder: randomUUID(),
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
  // A log that cannot be written is told at the start, not at the first lost phone.
  await revocationLog.append([])
  const attestations = openAttestationVerifier(config.attestation, attestationRoots)
  const webhookUrls = createEgressGuard(config.webhooks)
  const realms = createRealms({
    ...config.issuers,
    guard: createEgressGuard(config.issuers),
    clock: world.clock,
  })
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
    const signingKeys = createSigningKeys(parts, () => performance.now())
    const observes = { observe: metrics.webhook, observeSweep: metrics.sweep }
    const needs = { ...parts, signingKeys, log, ...observes }
    const { leaseHolder } = dispatcher
    const webhooks = openWebhooks(config.webhooks, webhookUrls, { ...needs, leaseHolder })
    undo.defer(() => Promise.race([webhooks.drain(), drainTime()]))
    const callbackCourier = createCallbackCourier(needs)
    undo.defer(() => Promise.race([callbackCourier.drain(), drainTime()]))
    const sweeps = startSweeps({ ...needs, callbackCourier, courier: webhooks.courier })
    undo.defer(() => sweeps.stop())
  }
  let address: string | null = null
  let leaving = false
  if (config.role !== 'worker') {
    const app = await buildApp({
      useCases: bindUseCases(parts),
      logger: log,
      publicOrigin,
      ...(config.trustProxy !== null && { trustProxy: config.trustProxy }),
      metrics: { ...metrics, token: config.metricsToken },
      stopWaiting: () => signals.stop(),
      ready: async () => (await isReady(database)) && world.clock.isKnown(),
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
  // After the last thing that can fail: whoever makes the first key must live to show it.
  const bootstrapped = await bootstrap(parts)
  // Another process may have made the first tenant meanwhile, under a key of its own.
  if (!bootstrapped) await assertMasterKey(config, parts)
  const running = undo.move()
  const leave = () => {
    leaving = true
  }
  return { publicOrigin, address, bootstrapped, leave, stop: () => running.disposeAsync() }
}

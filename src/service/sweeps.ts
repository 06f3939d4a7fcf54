// Background work that no request triggers: retries, pushes of crashed processes, expiry, purging.

import { firstNoticeCursor, type NoticeStore } from '../activities/notice.store.ts'
import { notifyUsers } from '../activities/notify-users.ts'
import {
  type Dependencies as AuditDependencies,
  chainAudit,
  signAuditHeads,
} from '../audit/chain-audit.ts'
import {
  type Dependencies as KeptAnswerDependencies,
  sealPlainAnswers,
} from '../audit/plain-answers.ts'
import { buildLeftoverPurge, buildPurge } from '../audit/purge-old.ts'
import type { RetentionStore } from '../audit/retention.store.ts'
import type { ChallengeStore } from '../challenges/challenge.store.ts'
import { farScanIntervalSeconds, nearScan } from '../domain/audit-chain.ts'
import type { CallbackDispatcher } from '../doors/keycloak/callback-dispatcher.ts'
import type { KeycloakCallbackStore } from '../doors/keycloak/keycloak-callback.store.ts'
import { type ErasureStore, finishErasures } from '../personal-data/personal-data.ts'
import type { Signals } from '../platform/signals.ts'
import type { DueWorkStore } from '../platform/work/due-work.store.ts'
import { watchHolders } from '../platform/work/holder-watch.ts'
import type { LeaseStore } from '../platform/work/lease.store.ts'
import type { TableStatistics } from '../platform/work/table-statistics.store.ts'
import type { Random } from '../platform/world.ts'
import type { DeliveryStore, Housekeeping } from '../push/delivery.store.ts'
import type { Log, RunningDispatcher } from '../push/push-dispatcher.ts'
import type { WebhookDeliveryStore } from '../webhooks/webhook.store.ts'
import type { WebhookDispatcher } from '../webhooks/webhook-dispatcher.ts'
import { buildSweepOutages, type ObserveSweep } from './sweep-outages.ts'
import { type Sweep, type SweepSchedule, startSchedule } from './sweep-schedule.ts'

export type Dependencies = AuditDependencies &
  KeptAnswerDependencies & {
    readonly dueWork: DueWorkStore
    readonly leases: LeaseStore
    readonly deliveries: DeliveryStore & Housekeeping
    readonly challenges: Pick<ChallengeStore, 'expire'>
    readonly notices: NoticeStore
    readonly retention: RetentionStore
    readonly personalData: ErasureStore
    readonly tableStatistics: TableStatistics
    readonly random: Pick<Random, 'id'>
    readonly dispatcher: Pick<
      RunningDispatcher,
      'leaseHolder' | 'dispatch' | 'inFlight' | 'fullLanes'
    >
    readonly webhookDeliveries: Pick<WebhookDeliveryStore, 'giveUpStale'>
    readonly callbackDispatcher: Pick<CallbackDispatcher, 'work'>
    readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'giveUpLost'>
    readonly webhookDispatcher: Pick<WebhookDispatcher, 'work' | 'pauseFailing'>
    readonly signals: Signals
    readonly log: Log
    readonly observeSweep?: ObserveSweep
    readonly nowMs?: () => number
    /** How often the worker purges rows past their retention. */
    readonly purgeEveryMs?: number
    /** The longest time between two scans for due work. */
    readonly scanEveryMs?: number
  }

const batch = 200
const auditBatch = 500
const purgeBatch = 500
/**
 * The pace of sweeps that scan for new rows by the time, when nothing has been written for a while.
 */
const quietMs = 30_000
/**
 * Pushes that this process takes on at a time. Those that it could not send within the lease are
 * better left to other processes, or to later.
 */
const inFlightMax = 1_000

const once = (work: () => Promise<unknown>) => () => work().then(() => false)

/** The sweeps of one worker process; any number of processes may run them concurrently. */
function sweepsOf(dependencies: Omit<Dependencies, 'log'>): Sweep[] {
  const { deliveries, challenges, dispatcher, signals, callbackDispatcher } = dependencies
  const { purgeEveryMs = 300_000 } = dependencies
  // Waiting activities stay in place, so that the walk over them needs a cursor.
  let waitingAfter = firstNoticeCursor
  return [
    {
      name: 'deliveries',
      everyMs: 250,
      due: ({ pushes }) => pushes,
      async run() {
        const limit = Math.min(batch, inFlightMax - dispatcher.inFlight())
        if (limit <= 0) return false
        const due = await deliveries.claim(dispatcher.leaseHolder, limit, dispatcher.fullLanes())
        dispatcher.dispatch(due)
        return due.length === limit
      },
    },
    {
      name: 'callbacks to realms',
      everyMs: 250,
      due: ({ callbacks }) => callbacks,
      run: once(callbackDispatcher.work),
    },
    {
      name: 'callbacks that were lost',
      everyMs: 15_000,
      due: ({ callbacksUnderWay }) => callbacksUnderWay,
      run: once(dependencies.keycloakCallbacks.giveUpLost),
    },
    {
      name: 'expiry',
      everyMs: 1_000,
      due: ({ expiry }) => expiry,
      async run() {
        const expiredIds = await challenges.expire(null, batch)
        for (const id of expiredIds) signals.publish(id)
        return expiredIds.length === batch
      },
    },
    {
      name: 'activities to tell of',
      everyMs: 250,
      due: ({ notices }) => notices,
      run: async () =>
        (await notifyUsers(dependencies, { waitingAfter: null, limit: batch })).last !== null,
    },
    {
      name: 'activities that wait for a push',
      everyMs: 15_000,
      due: ({ waitingNotices }) => waitingNotices,
      async run() {
        const { last } = await notifyUsers(dependencies, { waitingAfter, limit: batch })
        waitingAfter = last ?? firstNoticeCursor
        return last !== null
      },
    },
    {
      name: 'suppressed deliveries',
      everyMs: 5_000,
      due: ({ queuedPushes }) => queuedPushes,
      run: async () => (await deliveries.suppressEnded(batch)) === batch,
    },
    {
      name: 'audit chain',
      everyMs: 2_000,
      quietMs,
      run: () => chainAudit(dependencies, auditBatch, nearScan),
    },
    {
      name: 'audit chain, what committed late',
      everyMs: farScanIntervalSeconds * 1_000,
      run: () => chainAudit(dependencies, auditBatch),
    },
    ...webhookSweeps(dependencies),
    {
      name: 'audit heads',
      everyMs: 5_000,
      quietMs,
      run: () => signAuditHeads(dependencies, auditBatch),
    },
    {
      name: 'spent proofs',
      everyMs: 30_000,
      run: async () => (await deliveries.purgeProofs(5_000)) === 5_000,
    },
    { name: 'answers in plain', everyMs: 60_000, run: () => sealPlainAnswers(dependencies, batch) },
    {
      name: 'table statistics',
      everyMs: 2_000,
      quietMs,
      run: once(dependencies.tableStatistics.refresh),
    },
    {
      name: 'erasures',
      everyMs: 5_000,
      due: ({ erasures }) => erasures,
      run: () => finishErasures(dependencies, 10),
    },
    { name: 'retention', everyMs: purgeEveryMs, run: buildPurge(dependencies, purgeBatch) },
    {
      name: 'leftovers',
      everyMs: purgeEveryMs,
      run: buildLeftoverPurge(dependencies, purgeBatch),
    },
  ]
}

function webhookSweeps({
  webhookDispatcher,
  webhookDeliveries,
}: Pick<Dependencies, 'webhookDispatcher' | 'webhookDeliveries'>): Sweep[] {
  return [
    {
      name: 'webhooks',
      everyMs: 250,
      due: ({ webhooks }) => webhooks,
      run: once(webhookDispatcher.work),
    },
    {
      name: 'failing webhook endpoints',
      everyMs: 60_000,
      run: once(webhookDispatcher.pauseFailing),
    },
    {
      name: 'stale webhooks',
      everyMs: 5_000,
      due: ({ staleWebhooks }) => staleWebhooks,
      run: async () => (await webhookDeliveries.giveUpStale(batch)) === batch,
    },
  ]
}

/**
 * Runs the sweeps until stopped: those with due work when it is due, the others by the time. One
 * that fails is retried at its next run, and logged once an outage (src/service/sweep-outages.ts).
 */
export function startSweeps(dependencies: Dependencies): SweepSchedule {
  const { dueWork, scanEveryMs } = dependencies
  const { log, observeSweep = () => undefined, nowMs = () => performance.now() } = dependencies
  const outages = buildSweepOutages(log, observeSweep, nowMs)
  const sweeps = sweepsOf(dependencies)
  const schedule = startSchedule({
    sweeps,
    dueWork: dueWork,
    outages,
    ...(scanEveryMs !== undefined && { scanEveryMs: scanEveryMs }),
  })
  const watch = watchHolders({ leases: dependencies.leases, outages, onFreed: schedule.wake })
  return {
    wake() {
      schedule.wake()
      watch.poke()
    },
    async stop() {
      await watch.stop()
      await schedule.stop()
    },
  }
}

// Background work that no request triggers: retries, pushes of crashed processes, expiry, purging.

import { farLookEverySeconds, nearLook } from '../domain/audit-chain.ts'
import type { AgendaStore } from '../ports/agenda-store.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { DeliveryStore, Housekeeping } from '../ports/delivery-store.ts'
import type { KeycloakCallbackStore } from '../ports/keycloak-callback-store.ts'
import type { LeaseStore } from '../ports/lease-store.ts'
import { type NoticeStore, noticesBegin } from '../ports/notice-store.ts'
import type { RetentionStore } from '../ports/retention-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { TableStatistics } from '../ports/table-statistics.ts'
import type { WebhookDeliveryStore } from '../ports/webhook-store.ts'
import type { Random } from '../ports/world.ts'
import {
  type Needs as AuditDependencies,
  chainAudit,
  signAuditHeads,
} from '../usecases/chain-audit.ts'
import { type Needs as KeptAnswerDependencies, sealPlainAnswers } from '../usecases/kept-answers.ts'
import { type ErasureStore, finishErasures } from '../usecases/personal-data.ts'
import { createLeftoverPurge, createPurge } from '../usecases/purge-old.ts'
import { tellUsers } from '../usecases/tell-users.ts'
import type { CallbackCourier } from './callback-courier.ts'
import type { Log, RunningDispatcher } from './dispatcher.ts'
import { watchHolders } from './holder-watch.ts'
import { createSweepOutages, type ObserveSweep } from './sweep-outages.ts'
import { type Sweep, type SweepSchedule, startSchedule } from './sweep-schedule.ts'
import type { WebhookCourier } from './webhook-courier.ts'

export type Needs = AuditDependencies &
  KeptAnswerDependencies & {
    readonly agenda: AgendaStore
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
    readonly callbackCourier: Pick<CallbackCourier, 'work'>
    readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'giveUpLost'>
    readonly courier: Pick<WebhookCourier, 'work' | 'refresh' | 'pauseHopeless'>
    readonly signals: Signals
    readonly log: Log
    readonly observeSweep?: ObserveSweep
    readonly nowMs?: () => number
    /** How often the worker purges rows past their retention. */
    readonly purgeEveryMs?: number
    /** The longest time between two scans for due work. */
    readonly lookEveryMs?: number
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
function sweepsOf(dependencies: Omit<Needs, 'log'>): Sweep[] {
  const {
    deliveries,
    challenges,
    dispatcher,
    signals,
    callbackCourier: callbackDispatcher,
  } = dependencies
  const { purgeEveryMs = 300_000 } = dependencies
  // Waiting activities stay in place, so that the walk over them needs a cursor.
  let waitingAfter = noticesBegin
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
        (await tellUsers(dependencies, { waitingAfter: null, limit: batch })).last !== null,
    },
    {
      name: 'activities that wait for a push',
      everyMs: 15_000,
      due: ({ waitingNotices }) => waitingNotices,
      async run() {
        const { last } = await tellUsers(dependencies, { waitingAfter, limit: batch })
        waitingAfter = last ?? noticesBegin
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
      run: () => chainAudit(dependencies, auditBatch, nearLook),
    },
    {
      name: 'audit chain, what committed late',
      everyMs: farLookEverySeconds * 1_000,
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
      everyMs: 10_000,
      quietMs,
      run: once(dependencies.tableStatistics.refresh),
    },
    {
      name: 'erasures',
      everyMs: 5_000,
      due: ({ erasures }) => erasures,
      run: () => finishErasures(dependencies, 10),
    },
    { name: 'retention', everyMs: purgeEveryMs, run: createPurge(dependencies, purgeBatch) },
    {
      name: 'leftovers',
      everyMs: purgeEveryMs,
      run: createLeftoverPurge(dependencies, purgeBatch),
    },
  ]
}

function webhookSweeps({
  courier: webhookDispatcher,
  webhookDeliveries,
}: Pick<Needs, 'courier' | 'webhookDeliveries'>): Sweep[] {
  return [
    {
      name: 'webhooks',
      everyMs: 250,
      due: ({ webhooks }) => webhooks,
      run: once(webhookDispatcher.work),
    },
    // A signal announces a new subscriber; this is for one that was lost.
    { name: 'webhook listeners', everyMs: 2_000, quietMs, run: once(webhookDispatcher.refresh) },
    {
      name: 'failing webhook endpoints',
      everyMs: 60_000,
      run: once(webhookDispatcher.pauseHopeless),
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
 * that fails is retried at its next run, and logged once an outage (src/worker/sweep-outages.ts).
 */
export function startSweeps(dependencies: Needs): SweepSchedule {
  const { agenda: dueWork, lookEveryMs: scanEveryMs } = dependencies
  const { log, observeSweep = () => undefined, nowMs = () => performance.now() } = dependencies
  const outages = createSweepOutages(log, observeSweep, nowMs)
  const sweeps = sweepsOf(dependencies)
  const schedule = startSchedule({
    sweeps,
    agenda: dueWork,
    outages,
    ...(scanEveryMs !== undefined && { lookEveryMs: scanEveryMs }),
  })
  const watch = watchHolders({ leases: dependencies.leases, outages, freed: schedule.stir })
  return {
    stir() {
      schedule.stir()
      watch.poke()
    },
    async stop() {
      await watch.stop()
      await schedule.stop()
    },
  }
}

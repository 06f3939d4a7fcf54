// Sends queued webhooks. A slow or dead endpoint delays only its own deliveries.

import type { WebhookEndpointId } from '../domain/ids.ts'
import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import { isFailingForDays, retryDelayMs, type WebhookOutcome } from '../domain/webhook-endpoint.ts'
import type { WebhookSender } from '../ports/webhook.ts'
import type {
  DueWebhook,
  WebhookDeliveryStore,
  WebhookEndpointStore,
  WebhookSettlement,
} from '../ports/webhook-store.ts'
import type { Clock, Random } from '../ports/world.ts'
import { enqueueWebhooks } from '../usecases/enqueue-webhooks.ts'
import {
  type Dependencies as WritingDependencies,
  writeWebhook,
} from '../usecases/write-webhook.ts'
import type { Log } from './dispatcher.ts'

export type Dependencies = WritingDependencies & {
  readonly webhookDeliveries: WebhookDeliveryStore
  readonly webhookEndpoints: Pick<WebhookEndpointStore, 'stop' | 'listFailing'>
  readonly webhookSender: Pick<WebhookSender, 'send'>
  readonly random: Pick<Random, 'id' | 'digits'>
  readonly clock: Clock
  readonly leaseHolder: LeaseHolder
  readonly log: Log
  readonly observe?: (attempt: { type: string; result: WebhookOutcome['kind']; ms: number }) => void
  /**
   * An endpoint whose last attempt took this long gets as few slots as one that fails; 3,000 by
   * default.
   */
  readonly slowMs?: number
}

/**
 * Attempts in flight in one process: in all, for one tenant, at one endpoint, and at one that has
 * failed since its last success.
 */
const webhooksInFlight = { max: 256, perTenant: 128, perEndpoint: 32, perFailing: 4 } as const
/** Endpoints known to be slow; beyond this number the oldest entry is dropped. */
const slowMax = 10_000
const factBatch = 500
const settleEveryMs = 10
const settleBatchMax = 500

export type WebhookDispatcher = {
  /**
   * Polls for due deliveries, now; calls during a poll cause one more. Does nothing while there is
   * no subscriber.
   */
  wake(): void
  /** The same, and resolves when all that can be taken are taken. */
  work(): Promise<void>
  /** Checks whether there is any subscriber; then polls. */
  refresh(): Promise<void>
  /** Pauses endpoints that have been failing for days; returns how many. */
  pauseFailing(): Promise<number>
  /** Deliveries taken whose outcome is not stored yet. */
  inFlight(): number
  /** Takes no more, and waits until everything taken is sent and its outcome stored. */
  drain(): Promise<void>
}

/**
 * Deliveries in memory are leased rows: if this process dies, its leases are free immediately; if
 * it cannot store the outcome, they expire; then another process sends them again under the same
 * ids.
 */
export function buildWebhookDispatcher(dependencies: Dependencies): WebhookDispatcher {
  const { webhookDeliveries, webhookEndpoints, leaseHolder, log, clock, random } = dependencies
  const { slowMs = 3_000 } = dependencies
  const sending = new Set<Promise<void>>()
  const loads = new Map<WebhookEndpointId, number>()
  const slowEndpoints = new Set<WebhookEndpointId>()
  let settlements: WebhookSettlement[] = []
  let settling: Promise<void> | undefined
  let writing = 0
  let polling: Promise<void> | undefined
  let pollAgain = false
  let factsAgain = false
  let hasSubscribers = true
  let draining = false

  async function settleAll(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, settleEveryMs))
    do {
      const batch = settlements.slice(0, settleBatchMax)
      settlements = settlements.slice(settleBatchMax)
      writing = batch.length
      try {
        await webhookDeliveries.settle(leaseHolder.name, batch)
      } catch (error) {
        const count = batch.length
        log.error(
          { err: error, count },
          'outcome of webhooks not written down; they are sent again',
        )
      }
      writing = 0
    } while (settlements.length > 0)
  }

  function settle(settlement: WebhookSettlement): void {
    settlements.push(settlement)
    settling ??= settleAll().then(() => {
      settling = undefined
    })
  }

  async function send(due: DueWebhook): Promise<void> {
    const { body, secrets } = await writeWebhook(dependencies, due)
    const at = clock.now()
    const began = performance.now()
    const { url, eventId: id } = due
    const outcome = await dependencies.webhookSender.send({ url, id, at, body, secrets })
    const ms = performance.now() - began
    dependencies.observe?.({ type: due.type, result: outcome.kind, ms })
    remember(due.endpointId, ms)
    if (outcome.kind === 'gone') await stop({ ...due, id: due.endpointId }, 'disabled', 'gone')
    settle(settlementOf(due, outcome, at, ms))
  }

  function remember(endpointId: WebhookEndpointId, ms: number): void {
    slowEndpoints.delete(endpointId)
    if (ms < slowMs) return
    slowEndpoints.add(endpointId)
    const [first] = slowEndpoints
    if (slowEndpoints.size > slowMax && first !== undefined) slowEndpoints.delete(first)
  }

  function settlementOf(due: DueWebhook, outcome: WebhookOutcome, at: Date, ms: number) {
    const { tenantId, endpointId, eventId, type, attempts } = due
    const afterMs = outcome.kind === 'failed' ? outcome.afterMs : undefined
    return {
      tenantId,
      endpointId,
      eventId,
      attemptId: random.id('webhookAttempt'),
      at,
      durationMs: Math.round(ms),
      statusCode: outcome.statusCode,
      reason: outcome.kind === 'accepted' ? null : outcome.reason,
      retryAfterMs:
        outcome.kind === 'failed'
          ? retryDelayMs(type, attempts, Number(random.digits(6)) / 1e6, afterMs)
          : null,
    }
  }

  async function stop(
    endpoint: Parameters<WebhookEndpointStore['stop']>[0],
    status: 'paused' | 'disabled',
    reason: 'failing' | 'gone',
  ): Promise<boolean> {
    const isStopped = (await webhookEndpoints.stop(endpoint, { status, reason })) === 'done'
    const { tenantId, id: endpointId } = endpoint
    const line = status === 'paused' ? 'webhook endpoint paused' : 'webhook endpoint disabled'
    if (isStopped) log.warn({ tenantId, endpointId, reason }, line)
    return isStopped
  }

  function take(due: DueWebhook): void {
    const { endpointId, eventId } = due
    loads.set(endpointId, (loads.get(endpointId) ?? 0) + 1)
    const running = send(due)
      .catch((error: unknown) => {
        log.error({ err: error, eventId, endpointId }, 'webhook not sent; its lease will run out')
      })
      .finally(() => {
        sending.delete(running)
        const leftInFlight = (loads.get(endpointId) ?? 1) - 1
        if (leftInFlight > 0) loads.set(endpointId, leftInFlight)
        else loads.delete(endpointId)
        // A slot is free: send the next one in the queue now.
        void goOn()
      })
    sending.add(running)
  }

  async function claim(): Promise<void> {
    const limit = webhooksInFlight.max - sending.size
    if (limit <= 0) return
    const { perTenant, perEndpoint, perFailing } = webhooksInFlight
    const busy = [...loads].map(([endpointId, inFlight]) => ({ endpointId, inFlight }))
    const slots = {
      limit,
      perTenant,
      perEndpoint,
      perFailing,
      loads: busy,
      slow: [...slowEndpoints],
    }
    const leasedBy = leaseName(leaseHolder)
    for (const due of await webhookDeliveries.claim({ leasedBy, ...slots })) take(due)
  }

  async function poll(): Promise<void> {
    do {
      pollAgain = false
      if (factsAgain) {
        factsAgain = false
        factsAgain = (await enqueueWebhooks(dependencies, factBatch)) === factBatch
        pollAgain ||= factsAgain
      }
      if (!draining) await claim()
    } while (pollAgain && !draining)
  }

  function wake(): void {
    void work()
  }

  function work(): Promise<void> {
    factsAgain = true
    return goOn()
  }

  /** Takes deliveries that wait for a slot. */
  async function goOn(): Promise<void> {
    if (!hasSubscribers || draining) return
    pollAgain = true
    polling ??= poll()
      .catch((error: unknown) =>
        log.error({ err: error }, 'webhooks not looked for; the sweep will'),
      )
      .finally(() => {
        polling = undefined
      })
    await polling
  }

  return {
    wake,
    work,
    async refresh() {
      hasSubscribers = await webhookDeliveries.hasWork()
      await work()
    },
    async pauseFailing() {
      let pausedCount = 0
      for (const endpoint of (await webhookEndpoints.listFailing(100)).filter(isFailingForDays)) {
        if (await stop(endpoint, 'paused', 'failing')) pausedCount++
      }
      return pausedCount
    },
    inFlight: () => sending.size + settlements.length + writing,
    async drain() {
      draining = true
      while (sending.size > 0 || settlements.length > 0 || settling || polling) {
        await Promise.all([...sending])
        await settling
        await polling
      }
    },
  }
}

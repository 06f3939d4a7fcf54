// Sends queued webhooks. A slow or dead endpoint delays only its own deliveries.

import type { WebhookEndpointId } from '../domain/ids.ts'
import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import { isFailingForDays, retryDelayMs, type WebhookOutcome } from '../domain/webhook-endpoint.ts'
import { buildLeasedSender } from '../platform/work/leased-sender.ts'
import { buildPasses } from '../platform/work/passes.ts'
import type { Clock, Random } from '../platform/world.ts'
import type { Log } from '../push/push-dispatcher.ts'
import { enqueueWebhooks } from './enqueue-webhooks.ts'
import type {
  DueWebhook,
  WebhookDeliveryStore,
  WebhookEndpointStore,
  WebhookSettlement,
} from './webhook.store.ts'
import type { WebhookSender } from './webhook-sending.store.ts'
import { buildSlotTaker, webhooksInFlight } from './webhook-slots.ts'
import { type Dependencies as WritingDependencies, writeWebhook } from './write-webhook.ts'

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

/** Endpoints known to be slow; beyond this number the oldest entry is dropped. */
const slowMax = 10_000
const factBatch = 500
const settleEveryMs = 25
/** Sign-ins that end at nearly the same time share their fan-out. */
const fanOutRestMs = 50

export type WebhookDispatcher = {
  /**
   * A fact was recorded: fans it out, and sends what comes of it. Calls during that cause one more.
   */
  wake(): void
  /**
   * Fans out all facts and polls for due deliveries; resolves when all that can be taken are taken.
   */
  work(): Promise<void>
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
  const slowEndpoints = new Set<WebhookEndpointId>()
  const passes = buildPasses(fanOut, fanOutRestMs)
  let isDraining = false

  async function send(due: DueWebhook): Promise<WebhookSettlement> {
    const { body, secrets } = await writeWebhook(dependencies, due)
    const at = clock.now()
    const began = performance.now()
    const { url, eventId: id } = due
    const outcome = await dependencies.webhookSender.send({ url, id, at, body, secrets })
    const ms = performance.now() - began
    dependencies.observe?.({ type: due.type, result: outcome.kind, ms })
    remember(due.endpointId, ms)
    if (outcome.kind === 'gone') await stop({ ...due, id: due.endpointId }, 'disabled', 'gone')
    return settlementOf(due, outcome, at, ms)
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

  const { max, ...limits } = webhooksInFlight
  const sender = buildLeasedSender({
    send,
    laneOf: ({ endpointId }: DueWebhook) => ({ endpointId }),
    claims: {
      max,
      async claim(limit, loads) {
        const slow = [...slowEndpoints]
        const leasedBy = leaseName(leaseHolder)
        const place = { leasedBy, limit, ...limits, loads, slow }
        const { due, isMore } = await webhookDeliveries.claim(place)
        return { items: due, isMore }
      },
      onNotClaimed: onNotPolled,
    },
    settlements: {
      everyMs: settleEveryMs,
      write: (settlements: readonly WebhookSettlement[]) =>
        webhookDeliveries.settle(leaseHolder.name, settlements),
      onNotWritten(error, count) {
        const line = 'outcome of webhooks not written down; they are sent again'
        log.error({ err: error, count }, line)
      },
    },
    onNotSent(error, { eventId, endpointId }) {
      log.error({ err: error, eventId, endpointId }, 'webhook not sent; its lease will run out')
    },
  })

  function onNotPolled(error: unknown): void {
    log.error({ err: error }, 'webhooks not looked for; the sweep will')
  }

  async function fanOut(): Promise<void> {
    if (isDraining) return
    const leasedBy = leaseName(leaseHolder)
    let takeSlot: ReturnType<typeof buildSlotTaker> | undefined
    try {
      const { factCount, due, isClaimNeeded } = await enqueueWebhooks(
        dependencies,
        { limit: factBatch, leasedBy },
        (subscriber) => {
          // What waits in the queue comes first.
          if (sender.isMoreDue()) return false
          takeSlot ??= buildSlotTaker(sender.loads(), (id) => slowEndpoints.has(id))
          return takeSlot(subscriber)
        },
      )
      sender.take(due)
      if (factCount === factBatch) void passes.run()
      if (isClaimNeeded) void sender.work()
    } catch (error) {
      onNotPolled(error)
    }
  }

  return {
    wake: () => void passes.run(),
    async work() {
      await passes.run()
      await sender.work()
    },
    async pauseFailing() {
      let pausedCount = 0
      for (const endpoint of (await webhookEndpoints.listFailing(100)).filter(isFailingForDays)) {
        if (await stop(endpoint, 'paused', 'failing')) pausedCount++
      }
      return pausedCount
    },
    inFlight: sender.inFlight,
    async drain() {
      isDraining = true
      await passes.settled()
      await sender.drain()
    },
  }
}

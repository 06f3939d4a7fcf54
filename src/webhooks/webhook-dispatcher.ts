// Sends queued webhooks. A slow or dead endpoint delays only its own deliveries.

import type { WebhookEndpointId } from '../domain/ids.ts'
import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import { isFailingForDays, retryDelayMs, type WebhookOutcome } from '../domain/webhook-endpoint.ts'
import { buildLeasedSender } from '../platform/work/leased-sender.ts'
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

/**
 * Attempts in flight in one process: in all, for one tenant, at one endpoint, and at one that has
 * failed since its last success.
 */
const webhooksInFlight = { max: 256, perTenant: 128, perEndpoint: 32, perFailing: 4 } as const
/** Endpoints known to be slow; beyond this number the oldest entry is dropped. */
const slowMax = 10_000
const factBatch = 500
const settleEveryMs = 10

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
  const slowEndpoints = new Set<WebhookEndpointId>()
  let hasSubscribers = true

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
      prepare: async () => (await enqueueWebhooks(dependencies, factBatch)) === factBatch,
      async claim(limit, loads) {
        const slow = [...slowEndpoints]
        const leasedBy = leaseName(leaseHolder)
        if (!hasSubscribers) return []
        return webhookDeliveries.claim({ leasedBy, limit, ...limits, loads, slow })
      },
      onNotClaimed: (error) => log.error({ err: error }, 'webhooks not looked for; the sweep will'),
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

  async function work(): Promise<void> {
    if (hasSubscribers) await sender.work()
  }

  return {
    wake: () => void work(),
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
    inFlight: sender.inFlight,
    drain: sender.drain,
  }
}

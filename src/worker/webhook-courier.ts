// Sends what endpoints are owed. An endpoint that is slow or dead keeps only its own waiting.

import type { WebhookEndpointId } from '../domain/ids.ts'
import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import { isHopeless, retryDelayMs, type WebhookOutcome } from '../domain/webhook-endpoint.ts'
import type { WebhookSender } from '../ports/webhook.ts'
import type {
  DueWebhook,
  WebhookDeliveryStore,
  WebhookEndpointStore,
  WebhookSettlement,
} from '../ports/webhook-store.ts'
import type { Clock, Random } from '../ports/world.ts'
import { oweWebhooks } from '../usecases/owe-webhooks.ts'
import { type Needs as WritingNeeds, writeWebhook } from '../usecases/write-webhook.ts'
import type { Log } from './dispatcher.ts'

export type Needs = WritingNeeds & {
  readonly webhookDeliveries: WebhookDeliveryStore
  readonly webhookEndpoints: Pick<WebhookEndpointStore, 'stop' | 'listFailing'>
  readonly webhookSender: Pick<WebhookSender, 'send'>
  readonly random: Pick<Random, 'id' | 'digits'>
  readonly clock: Clock
  readonly leaseHolder: LeaseHolder
  readonly log: Log
  readonly observe?: (seen: { type: string; result: WebhookOutcome['kind']; ms: number }) => void
  /** An endpoint whose last try took so long gets as few places as one that fails; 3,000 unless said otherwise. */
  readonly slowMs?: number
}

/** Tries under way in one process: in all, for one tenant, at one endpoint, and at one that has failed since its last success. */
const webhooksInFlight = { max: 256, perTenant: 128, perEndpoint: 32, perFailing: 4 } as const
/** Endpoints that are known to be slow; beyond it the one known for the longest is forgotten. */
const slowMax = 10_000
const factBatch = 500
const settleEveryMs = 10
const settleBatchMax = 500

export type WebhookCourier = {
  /** Looks for what is owed, now; calls while it looks are one more look. Does nothing while nobody listens. */
  wake(): void
  /** The same, and ends when what can be taken is taken. */
  work(): Promise<void>
  /** Finds out whether anybody listens; then looks. */
  refresh(): Promise<void>
  /** Pauses endpoints that have done nothing but fail for days; returns how many. */
  pauseHopeless(): Promise<number>
  /** Taken and not yet written down. */
  inFlight(): number
  /** Takes up nothing more, and waits until everything taken is sent and written down. */
  drain(): Promise<void>
}

/**
 * Deliveries in memory are leased rows: if this process dies, its leases are free at once; if it cannot write down how it went, they run out; then another
 * sends them again under the same ids.
 */
export function createWebhookCourier(needs: Needs): WebhookCourier {
  const { webhookDeliveries, webhookEndpoints, leaseHolder, log, clock, random } = needs
  const { slowMs = 3_000 } = needs
  const sending = new Set<Promise<void>>()
  const loads = new Map<WebhookEndpointId, number>()
  const slow = new Set<WebhookEndpointId>()
  let settled: WebhookSettlement[] = []
  let settling: Promise<void> | undefined
  let writing = 0
  let looking: Promise<void> | undefined
  let lookAgain = false
  let factsAgain = false
  let heard = true
  let draining = false

  async function settleAll(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, settleEveryMs))
    do {
      const batch = settled.slice(0, settleBatchMax)
      settled = settled.slice(settleBatchMax)
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
    } while (settled.length > 0)
  }

  function settle(settlement: WebhookSettlement): void {
    settled.push(settlement)
    settling ??= settleAll().then(() => {
      settling = undefined
    })
  }

  async function send(due: DueWebhook): Promise<void> {
    const { body, secrets } = await writeWebhook(needs, due)
    const at = clock.now()
    const began = performance.now()
    const { url, eventId: id } = due
    const outcome = await needs.webhookSender.send({ url, id, at, body, secrets })
    const ms = performance.now() - began
    needs.observe?.({ type: due.type, result: outcome.kind, ms })
    remember(due.endpointId, ms)
    if (outcome.kind === 'gone') await stop({ ...due, id: due.endpointId }, 'disabled', 'gone')
    settle(settlementOf(due, outcome, at, ms))
  }

  function remember(endpointId: WebhookEndpointId, ms: number): void {
    slow.delete(endpointId)
    if (ms < slowMs) return
    slow.add(endpointId)
    const [first] = slow
    if (slow.size > slowMax && first !== undefined) slow.delete(first)
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
    const stopped = await webhookEndpoints.stop(endpoint, { status, reason })
    const { tenantId, id: endpointId } = endpoint
    const line = status === 'paused' ? 'webhook endpoint paused' : 'webhook endpoint disabled'
    if (stopped) log.warn({ tenantId, endpointId, reason }, line)
    return stopped
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
        const left = (loads.get(endpointId) ?? 1) - 1
        if (left > 0) loads.set(endpointId, left)
        else loads.delete(endpointId)
        // A place is free, and who waited for it is sent now.
        void goOn()
      })
    sending.add(running)
  }

  async function claim(): Promise<void> {
    const limit = webhooksInFlight.max - sending.size
    if (limit <= 0) return
    const { perTenant, perEndpoint, perFailing } = webhooksInFlight
    const busy = [...loads].map(([endpointId, inFlight]) => ({ endpointId, inFlight }))
    const places = { limit, perTenant, perEndpoint, perFailing, loads: busy, slow: [...slow] }
    const leasedBy = leaseName(leaseHolder)
    for (const due of await webhookDeliveries.claim({ leasedBy, ...places })) take(due)
  }

  async function look(): Promise<void> {
    do {
      lookAgain = false
      if (factsAgain) {
        factsAgain = false
        factsAgain = (await oweWebhooks(needs, factBatch)) === factBatch
        lookAgain ||= factsAgain
      }
      if (!draining) await claim()
    } while (lookAgain && !draining)
  }

  function wake(): void {
    void work()
  }

  function work(): Promise<void> {
    factsAgain = true
    return goOn()
  }

  /** Takes up what waits for a place. */
  async function goOn(): Promise<void> {
    if (!heard || draining) return
    lookAgain = true
    looking ??= look()
      .catch((error: unknown) =>
        log.error({ err: error }, 'webhooks not looked for; the sweep will'),
      )
      .finally(() => {
        looking = undefined
      })
    await looking
  }

  return {
    wake,
    work,
    async refresh() {
      heard = await webhookDeliveries.isHeard()
      await work()
    },
    async pauseHopeless() {
      let paused = 0
      for (const endpoint of (await webhookEndpoints.listFailing(100)).filter(isHopeless)) {
        if (await stop(endpoint, 'paused', 'failing')) paused++
      }
      return paused
    },
    inFlight: () => sending.size + settled.length + writing,
    async drain() {
      draining = true
      while (sending.size > 0 || settled.length > 0 || settling || looking) {
        await Promise.all([...sending])
        await settling
        await looking
      }
    },
  }
}

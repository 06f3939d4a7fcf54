// Sends queued pushes and stores the outcome.

import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import type { DeliveryStore, Dispatcher, PushLane, Settlement } from '../ports/delivery-store.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { DuePush } from '../ports/due-push.ts'
import type { PushAddress, PushProvider, PushResult } from '../ports/push.ts'
import type { Clock, Hashing, Random, Sealing } from '../ports/world.ts'
import { openPushToken, pushTokenHash } from '../usecases/rotate-push-token.ts'
import { retryDelayMs } from './retry-schedule.ts'

export type Log = {
  warn(facts: Record<string, unknown>, message: string): void
  error(facts: Record<string, unknown>, message: string): void
}

export type Dependencies = {
  readonly deliveries: Pick<DeliveryStore, 'settle'>
  readonly devices: Pick<DeviceStore, 'dropPushToken'>
  readonly push: PushProvider
  readonly sealing: Pick<Sealing, 'open'>
  readonly hashing: Hashing
  readonly clock: Clock
  readonly random: Pick<Random, 'digits'>
  readonly leaseHolder: LeaseHolder
  /** Short hash of the service's origin, for apps that hold accounts of several servers. */
  readonly originHash: string
  readonly log: Log
  readonly observe?: (push: DuePush, result: PushResult['kind'], durationMs: number) => void
}

function endedReason({ challengeId }: DuePush): string {
  return challengeId === null ? 'expired' : 'challenge_ended'
}

const settleEveryMs = 20
const settleBatchMax = 500
/**
 * Pushes of one app in flight before other apps take precedence: a quarter of a process's slots.
 */
const laneMax = 250

export type RunningDispatcher = Dispatcher & {
  /** Pushes taken whose outcome is not stored yet. */
  inFlight(): number
  /** Apps that already have a fair share of all slots. */
  fullLanes(): PushLane[]
  /** Waits until everything taken so far is sent and its outcome stored. */
  drain(): Promise<void>
}

/**
 * A push in memory is only a shortcut: its row is committed and leased. If this process dies, its
 * leases are free immediately; if it cannot store the outcome, they expire; then another process
 * sends the push again under the same ids.
 */
export function buildDispatcher(dependencies: Dependencies): RunningDispatcher {
  const { log, leaseHolder } = dependencies
  const sending = new Set<Promise<void>>()
  const loads = new Map<string, { readonly lane: PushLane; inFlight: number }>()
  let settlements: Settlement[] = []
  let settling: Promise<void> | undefined

  async function settleAll(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, settleEveryMs))
    do {
      const batch = settlements.slice(0, settleBatchMax)
      settlements = settlements.slice(settleBatchMax)
      try {
        await dependencies.deliveries.settle(leaseHolder.name, batch)
      } catch (error) {
        log.error(
          { err: error, count: batch.length },
          'outcome of pushes not written down; they will be sent again',
        )
      }
    } while (settlements.length > 0)
  }

  // settleAll empties the list before it ends and never rejects, so nothing is left when `settling`
  // is cleared.
  function settle(settlement: Settlement): void {
    settlements.push(settlement)
    settling ??= settleAll().then(() => {
      settling = undefined
    })
  }

  async function send(push: DuePush): Promise<void> {
    const { tenantId, id } = push
    if (push.expiresAt <= dependencies.clock.now()) {
      settle({ tenantId, id, outcome: { status: 'suppressed', reason: endedReason(push) } })
      return
    }
    const address = openPushToken(dependencies, tenantId, push.deviceId, push.address)
    const startedAt = performance.now()
    const result = await dependencies.push.send({
      deliveryId: id,
      kind: push.kind,
      tenantId,
      challengeId: push.challengeId,
      ...(push.activityId && { activityId: push.activityId }),
      ...(push.more && { more: push.more }),
      deviceId: push.deviceId,
      originHash: dependencies.originHash,
      address,
      expiresAt: push.expiresAt,
    })
    dependencies.observe?.(push, result.kind, performance.now() - startedAt)
    settle({ tenantId, id, outcome: await outcomeOf(push, address, result) })
  }

  async function outcomeOf(
    push: DuePush,
    address: PushAddress,
    result: PushResult,
  ): Promise<Settlement['outcome']> {
    if (result.kind === 'accepted') {
      return { status: 'sent', providerMessageId: result.providerMessageId }
    }
    const { reason } = result
    if (result.kind === 'retry') {
      const retryAfterMs = retryDelayMs({
        kind: push.kind,
        attempts: push.attempts,
        chance: Number(dependencies.random.digits(6)) / 1e6,
        afterMs: result.afterMs,
        leftMs: push.expiresAt.getTime() - dependencies.clock.now().getTime(),
      })
      return retryAfterMs === null
        ? { status: 'failed', reason }
        : { status: 'queued', reason, retryAfterMs }
    }
    if (result.kind === 'token_gone') {
      const hash = pushTokenHash(dependencies.hashing, address)
      const within = result.tenantOnly ? push.tenantId : null
      const devices = await dependencies.devices.dropPushToken(hash, result.since ?? null, within)
      log.warn(
        { deliveryId: push.id, reason, devices },
        'push token gone; dropped from its devices',
      )
    }
    if (result.kind === 'misconfigured') {
      log.error({ deliveryId: push.id, reason }, 'push refused: check the credentials of this app')
    }
    return { status: 'failed', reason }
  }

  /** Counts the pushes in flight for each app. */
  function occupy({ address }: DuePush): () => void {
    const { provider, environment, appId } = address
    const name = `${provider} ${environment} ${appId}`
    const load = loads.get(name) ?? { lane: { provider, environment, appId }, inFlight: 0 }
    loads.set(name, load)
    load.inFlight += 1
    return () => {
      load.inFlight -= 1
      if (load.inFlight === 0) loads.delete(name)
    }
  }

  function take(push: DuePush): void {
    const release = occupy(push)
    const running = send(push)
      .catch((error: unknown) => {
        log.error({ err: error, deliveryId: push.id }, 'push not sent; its lease will run out')
      })
      .finally(() => {
        sending.delete(running)
        release()
      })
    sending.add(running)
  }

  return {
    get leaseHolder() {
      return leaseName(leaseHolder)
    },
    dispatch: (pushes) => pushes.forEach(take),
    inFlight: () => sending.size + settlements.length,
    fullLanes: () =>
      [...loads.values()].flatMap(({ lane, inFlight }) => (inFlight < laneMax ? [] : [lane])),
    async drain() {
      while (sending.size > 0 || settlements.length > 0 || settling !== undefined) {
        await Promise.all([...sending])
        await settling
      }
    },
  }
}

// Sends queued pushes and stores the outcome.

import type { DeviceStore } from '../devices/device.store.ts'
import type { PushAddress } from '../devices/push-address.store.ts'
import { openPushToken, pushTokenHash } from '../devices/rotate-push-token.ts'
import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import type { PushFailure, PushSuppression } from '../domain/push.ts'
import { buildLeasedSender } from '../platform/work/leased-sender.ts'
import type { Clock, Hashing, Random, Sealing } from '../platform/world.ts'
import type { DeliveryStore, Dispatcher, PushLane, Settlement } from './delivery.store.ts'
import type { DuePush } from './due-push.store.ts'
import type { PushProvider, PushResult } from './push.store.ts'
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

const failureOf = {
  retry: 'provider_unavailable',
  token_gone: 'token_gone',
  rejected: 'push_rejected',
  misconfigured: 'provider_misconfigured',
} as const satisfies Record<Exclude<PushResult['kind'], 'accepted'>, PushFailure>

function endedReason({ challengeId }: DuePush): PushSuppression {
  return challengeId === null ? 'expired' : 'challenge_ended'
}

const settleEveryMs = 20
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

  async function send(push: DuePush): Promise<Settlement> {
    const { tenantId, id } = push
    if (push.expiresAt <= dependencies.clock.now()) {
      return { tenantId, id, outcome: { status: 'suppressed', reason: endedReason(push) } }
    }
    const address = openPushToken(dependencies, tenantId, push.deviceId, push.address)
    const startedAt = performance.now()
    const result = await dependencies.push.send({
      deliveryId: id,
      kind: push.kind,
      tenantId,
      challengeId: push.challengeId,
      ...(push.chainId && { chainId: push.chainId }),
      ...(push.activityId && { activityId: push.activityId }),
      ...(push.more && { more: push.more }),
      deviceId: push.deviceId,
      originHash: dependencies.originHash,
      address,
      languages: push.languages,
      expiresAt: push.expiresAt,
    })
    dependencies.observe?.(push, result.kind, performance.now() - startedAt)
    return { tenantId, id, outcome: await outcomeOf(push, address, result) }
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
    const failure = failureOf[result.kind]
    if (result.kind === 'retry') {
      const retryAfterMs = retryDelayMs({
        kind: push.kind,
        attempts: push.attempts,
        chance: Number(dependencies.random.digits(6)) / 1e6,
        afterMs: result.afterMs,
        leftMs: push.expiresAt.getTime() - dependencies.clock.now().getTime(),
      })
      return retryAfterMs === null
        ? { status: 'failed', reason, failure }
        : { status: 'queued', reason, failure, retryAfterMs }
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
    return { status: 'failed', reason, failure }
  }

  const sender = buildLeasedSender({
    send,
    laneOf: ({ address: { provider, environment, appId } }): PushLane => ({
      provider,
      environment,
      appId,
    }),
    settlements: {
      everyMs: settleEveryMs,
      write: (settlements: readonly Settlement[]) =>
        dependencies.deliveries.settle(leaseHolder.name, settlements),
      onNotWritten(error, count) {
        const line = 'outcome of pushes not written down; they will be sent again'
        log.error({ err: error, count }, line)
      },
    },
    onNotSent(error, { id: deliveryId }) {
      log.error({ err: error, deliveryId }, 'push not sent; its lease will run out')
    },
  })

  return {
    get leaseHolder() {
      return leaseName(leaseHolder)
    },
    dispatch: sender.take,
    inFlight: sender.inFlight,
    fullLanes: () => sender.loads().filter(({ inFlight }) => inFlight >= laneMax),
    drain: sender.drain,
  }
}

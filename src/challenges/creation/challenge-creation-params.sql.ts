// A new challenge as its statements are given it.

import type { Actor } from '../../domain/activity.ts'
import type { Challenge } from '../../domain/challenge.ts'
import type { ActivityId, ApiKeyId, ChallengeId, DeliveryId, DeviceId } from '../../domain/ids.ts'
import type { Random } from '../../platform/world.ts'
import { budgetColumns } from '../../protection/push-budgets.sql.ts'
import type { NewChallenge } from '../challenge.store.ts'

/** A challenge to create, as `insert_challenge` is given it. */
export type InsertParams = Omit<
  Challenge,
  'status' | 'reason' | 'context' | 'decidedAt' | 'decidedDeviceId'
> & {
  readonly keyId: ApiKeyId | null
  readonly context: string
  readonly numberSealed: Uint8Array | null
  readonly idempotencyKey: string | null
  readonly requestHash: Uint8Array
  readonly protectionRevision: number
  readonly budgetPushes: string
  readonly budgetPending: string
  readonly budgetUnanswered: number
  readonly budgetRevision: number
  readonly targetDeviceIds: readonly DeviceId[]
  readonly targetPayloads: readonly string[]
  readonly targetHashes: readonly string[]
  readonly targetVersions: readonly number[]
  readonly deliveryIds: readonly DeliveryId[]
  readonly pushedDeviceIds: readonly DeviceId[]
  /** Null for the first question of a chain. */
  readonly chainId: ChallengeId | null
  readonly chainStartedAt: Date | null
  readonly supersededId: ChallengeId | null
  /** The attempts that the superseded question had when the decision was made. */
  readonly supersededAttempts: number | null
  readonly supersededActivityId: ActivityId | null
  readonly closingIds: readonly DeliveryId[]
  readonly closedDeviceIds: readonly DeviceId[]
  readonly leasedBy: string
  readonly activityId: ActivityId
  readonly actor: Actor
  readonly activityDetails: string
}

/** The columns of a new challenge and of all that comes with it. */
export function insertParams(
  newChallenge: NewChallenge,
  leasedBy: string,
  random: Pick<Random, 'id'>,
): InsertParams {
  const { challenge, targets, pushes, activity, budget, superseded } = newChallenge
  const [budgetPushes, budgetPending, budgetUnanswered] = budgetColumns(budget)
  return {
    ...challenge,
    keyId: newChallenge.keyId,
    context: JSON.stringify(challenge.context),
    numberSealed: newChallenge.numberSealed,
    idempotencyKey: newChallenge.idempotencyKey,
    requestHash: newChallenge.requestHash,
    protectionRevision: newChallenge.protectionRevision,
    budgetPushes,
    budgetPending,
    budgetUnanswered,
    budgetRevision: budget.revision,
    targetDeviceIds: targets.map((target) => target.deviceId),
    targetPayloads: targets.map((target) => target.requestPayload),
    targetHashes: targets.map((target) => target.requestHash),
    targetVersions: targets.map((target) => target.protocolVersion),
    deliveryIds: pushes.map((push) => push.id),
    pushedDeviceIds: pushes.map((push) => push.deviceId),
    chainId: superseded?.chain.id ?? null,
    chainStartedAt: superseded?.chain.startedAt ?? null,
    supersededId: superseded?.challenge.id ?? null,
    supersededAttempts: superseded?.challenge.wrongNumbersLeft ?? null,
    supersededActivityId: superseded && random.id('activity'),
    closingIds: superseded?.closings.map((push) => push.id) ?? [],
    closedDeviceIds: superseded?.closings.map((push) => push.deviceId) ?? [],
    leasedBy,
    activityId: random.id('activity'),
    actor: activity.actor,
    activityDetails: JSON.stringify(activity.details ?? {}),
  }
}

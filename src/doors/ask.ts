// The common part of all doors for an authenticated client: ask through the one use case for
// challenges, and report the outcome.

import {
  type Dependencies as CancelDependencies,
  cancelChallenge,
} from '../challenges/cancel-challenge.ts'
import {
  type Dependencies as CreateDependencies,
  type CreationResult,
  createChallenge,
} from '../challenges/create-challenge.ts'
import { followChallenge, rereadEveryMs } from '../challenges/read-challenge.ts'
import type { ChallengeContext } from '../domain/challenge-context.ts'
import { type DoorEnd, endOfChallenge, endOfRefusal } from '../domain/door.ts'
import type { ChallengeId, DeviceId, UserId } from '../domain/ids.ts'
import type { Initiator } from '../domain/initiator.ts'
import type { Integration } from '../domain/integration.ts'
import type { NumberRequest } from '../domain/number-match.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { mapUserName } from '../domain/user-name.ts'
import type { Signals } from '../platform/signals.ts'
import type { UserReference } from '../users/user.store.ts'
import type { DoorClient } from './authenticate-integration.ts'
import type { IntegrationUsage } from './integration.store.ts'

export type Dependencies = Omit<CreateDependencies & CancelDependencies, 'challenges'> & {
  readonly challenges: CreateDependencies['challenges'] & CancelDependencies['challenges']
  readonly signals: Signals
  readonly integrationUsage: IntegrationUsage
}

/** A client's question through a door. */
export type DoorQuestion = (
  | {
      /** The user as the client names them; the integration maps it. */
      readonly userName: string
    }
  | {
      /** A user that was found at this door earlier. */
      readonly userId: UserId
    }
) & {
  /**
   * Digits that the person sees at the client. Null asks for no number, which requires the tenant's
   * permission.
   */
  readonly number: string | null
  /** What the person sees together with the name of the integration. */
  readonly context: Omit<ChallengeContext, 'application'>
  /** The initiator, as far as the client can tell. */
  readonly initiator?: Initiator
  readonly deviceIds?: readonly DeviceId[]
  /** The question ends by this time at the latest. */
  readonly notAfter?: Date
  /** A key that no other integration can use. */
  readonly idempotencyKey?: string
}

/** Without digits the integration's number mode applies, which is a refusal unless it is `none`. */
function numberOf(
  { numberMode }: Pick<Integration, 'numberMode'>,
  number: string | null,
): NumberRequest | Refusal<'caller_number_missing'> {
  if (number !== null) return { mode: 'caller', value: number }
  return numberMode === 'none' ? { mode: 'none' } : refuse('caller_number_missing')
}

function userOf(
  { namespace, userNames }: Integration,
  reference: { readonly userName: string } | { readonly userId: UserId },
): UserReference | Refusal<'user_not_found'> {
  if ('userId' in reference) return { id: reference.userId }
  const value = mapUserName(userNames, reference.userName)
  return value === undefined ? refuse('user_not_found') : { namespace, value }
}

/**
 * Asks the user through the same use case as the API, with the integration's settings; returns the
 * end if the question ended immediately.
 */
export async function askAtDoor(
  dependencies: Dependencies,
  { door, integration }: DoorClient,
  { number: digits, context, ...input }: DoorQuestion,
  isGone?: () => boolean,
): Promise<CreationResult | DoorEnd> {
  const recordFailure = (refusal: Refusal) => {
    dependencies.integrationUsage.recordFailure(integration, refusal.refused)
    return endOfRefusal(refusal)
  }
  const user = userOf(integration, input)
  if (isRefusal(user)) return recordFailure(user)
  const number = numberOf(integration, digits)
  if (isRefusal(number)) return recordFailure(number)
  const { initiator, deviceIds, notAfter, idempotencyKey } = input
  const command = {
    ...(initiator && { initiator }),
    ...(deviceIds && { deviceIds }),
    ...(notAfter && { notAfter }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    user,
    context: { application: integration.name, ...context },
    number,
    userVerification: 'preferred',
    ...(integration.ttlSeconds !== null && { ttlSeconds: integration.ttlSeconds }),
  } as const
  const creation = await createChallenge(dependencies, door, command, isGone)
  return isRefusal(creation) ? recordFailure(creation) : creation
}

/** How to wait at a door. */
export type DoorWait = {
  /** True when the client has disconnected. */
  readonly isAborted: () => boolean
  /** Called after each pause: the reason if the client may no longer wait. */
  readonly stillAllowed: () => Promise<Refusal | undefined>
}

/**
 * The outcome of a question after at most `waitMs`; null while it is pending. A challenge that no
 * longer exists is not allowed.
 */
export async function followAtDoor(
  dependencies: Dependencies,
  { door }: DoorClient,
  id: ChallengeId,
  waitMs: number,
  { isAborted, stillAllowed }: DoorWait,
): Promise<DoorEnd | null> {
  const reading = await followChallenge(dependencies, door, id, waitMs, isAborted, stillAllowed)
  if (isRefusal(reading)) return endOfRefusal(reading)
  return endOfChallenge(reading.challenge) ?? null
}

/**
 * Cancels a question that no client waits for any more, because the database could not be reached:
 * retried until it can, within the lifetime of the question and of the process. Never rejects.
 */
async function abandon(
  dependencies: Dependencies,
  { door }: DoorClient,
  { challenge: { id, createdAt, expiresAt } }: CreationResult,
): Promise<void> {
  const until = performance.now() + expiresAt.getTime() - createdAt.getTime()
  const watch = dependencies.signals.watch(id)
  try {
    while (!dependencies.signals.isStopped && performance.now() < until) {
      const isOver = await cancelChallenge(dependencies, door, id).catch(() => null)
      if (isOver !== null) return
      await watch.next(rereadEveryMs)
    }
  } finally {
    watch.close()
  }
}

/**
 * Awaits work for a client whose question was created; when it fails, the client is refused, and
 * the question is abandoned.
 */
export async function orAbandon<T>(
  dependencies: Dependencies,
  client: DoorClient,
  creation: CreationResult,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    void abandon(dependencies, client, creation)
    throw error
  }
}

/**
 * Asks, and waits until the question has ended. When the client disconnects or may no longer wait,
 * the service stops, or the database cannot be reached, the challenge is cancelled: no client would
 * learn of an approval. With an Idempotency-Key a repeated request joins the question while it is
 * pending, so that it stays when a client disconnects or the service stops; one that has ended
 * signs nobody in a second time.
 */
export async function askAndWait(
  dependencies: Dependencies,
  client: DoorClient,
  question: DoorQuestion,
  wait: DoorWait,
): Promise<DoorEnd> {
  const creation = await askAtDoor(dependencies, client, question, wait.isAborted)
  if ('outcome' in creation) return creation
  const { id, expiresAt, createdAt, status } = creation.challenge
  if (status !== 'pending') return endOfRepetition(creation)
  const waitMs = expiresAt.getTime() - createdAt.getTime() + lateMs
  const following = followAtDoor(dependencies, client, id, waitMs, wait)
  const end = await orAbandon(dependencies, client, creation, following)
  if (end !== null && end.outcome !== 'not_allowed') return end
  // An answer that came meanwhile is on record; no client waits for it here, and it has no effect.
  const mayBeRepeated = question.idempotencyKey !== undefined && end === null
  if (!mayBeRepeated) await cancelChallenge(dependencies, client.door, id)
  return end ?? { outcome: 'unavailable', why: null }
}

/** An approval signs in the client that waited for it, and no other. */
function endOfRepetition({ challenge }: CreationResult): DoorEnd {
  const end = endOfChallenge(challenge)
  const denial = { outcome: 'cancelled', why: null } as const
  return end === undefined || end.outcome === 'approved' ? denial : end
}

/** Beyond the lifetime, for the statement that ends the challenge as expired. */
const lateMs = 5_000

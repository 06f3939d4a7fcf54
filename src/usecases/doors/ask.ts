// What every door does once a client is in: ask the one use case that asks, and say how it ended.

import type { ChallengeContext } from '../../domain/challenge.ts'
import { type DoorEnd, endOfChallenge, endOfRefusal } from '../../domain/door.ts'
import type { ChallengeId, DeviceId, UserId } from '../../domain/ids.ts'
import type { Initiator } from '../../domain/initiator.ts'
import type { Integration } from '../../domain/integration.ts'
import type { NumberRequest } from '../../domain/number-match.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import type { UserReference } from '../../ports/challenge-store.ts'
import type { IntegrationUsage } from '../../ports/integration-store.ts'
import type { Signals } from '../../ports/signals.ts'
import { type Needs as CancelNeeds, cancelChallenge } from '../cancel-challenge.ts'
import { type Created, type Needs as CreateNeeds, createChallenge } from '../create-challenge.ts'
import { rereadEveryMs, waitForChallenge } from '../read-challenge.ts'
import type { Entered } from './authenticate-integration.ts'

export type Needs = Omit<CreateNeeds & CancelNeeds, 'challenges'> & {
  readonly challenges: CreateNeeds['challenges'] & CancelNeeds['challenges']
  readonly signals: Signals
  readonly integrationUsage: IntegrationUsage
}

/** What a client asks through a door. */
export type DoorQuestion = (
  | {
      /** The user as the client names them; the integration maps it. */
      readonly userName: string
    }
  | {
      /** A user that was found at this door before. */
      readonly userId: UserId
    }
) & {
  /** Digits that the person sees at the client. Null asks for no number, which only the tenant's permission makes possible. */
  readonly number: string | null
  /** What the person is shown beside the name of the integration. */
  readonly context: Omit<ChallengeContext, 'application'>
  /** Who starts the sign-in, as far as the client can tell. */
  readonly initiator?: Initiator
  readonly deviceIds?: readonly DeviceId[]
  /** The question ends by then at the latest. */
  readonly notAfter?: Date
  /** Never one that another integration could use. */
  readonly idempotencyKey?: string
}

/** A client that leaves the digits out gets what the integration says, and that is a refusal unless it says `none`. */
function numberOf(
  { numberMode }: Pick<Integration, 'numberMode'>,
  number: string | null,
): NumberRequest | Refusal {
  if (number !== null) return { mode: 'caller', value: number }
  return numberMode === 'none' ? { mode: 'none' } : refuse('caller_number_missing')
}

function userOf(
  { namespace, userNames }: Integration,
  asked: { readonly userName: string } | { readonly userId: UserId },
): UserReference | Refusal {
  if ('userId' in asked) return { id: asked.userId }
  const value = mapUserName(userNames, asked.userName)
  return value === undefined ? refuse('user_not_found') : { namespace, value }
}

/** Asks the user through the same use case as the API, with what the integration adds; or says how the question ended at once. */
export async function askAtDoor(
  needs: Needs,
  { door, integration }: Entered,
  { number: digits, context, ...asked }: DoorQuestion,
): Promise<Created | DoorEnd> {
  const failed = (refusal: Refusal) => {
    needs.integrationUsage.failed(integration, refusal.refused)
    return endOfRefusal(refusal)
  }
  const user = userOf(integration, asked)
  if (isRefusal(user)) return failed(user)
  const number = numberOf(integration, digits)
  if (isRefusal(number)) return failed(number)
  const { initiator, deviceIds, notAfter, idempotencyKey } = asked
  const created = await createChallenge(needs, door, {
    ...(initiator && { initiator }),
    ...(deviceIds && { deviceIds }),
    ...(notAfter && { notAfter }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    user,
    context: { application: integration.name, ...context },
    number,
    userVerification: 'preferred',
    ...(integration.ttlSeconds !== null && { ttlSeconds: integration.ttlSeconds }),
  })
  return isRefusal(created) ? failed(created) : created
}

/** How to wait at a door. */
export type DoorWait = {
  /** True when the client has gone. */
  readonly aborted: () => boolean
  /** Asked after each pause: why the client may not wait any more. */
  readonly stillAllowed: () => Promise<Refusal | undefined>
}

/** How the question stands after at most `waitMs`; null while it is pending. A challenge that vanished is no answer: not allowed. */
export async function followAtDoor(
  needs: Needs,
  { door }: Entered,
  id: ChallengeId,
  waitMs: number,
  { aborted, stillAllowed }: DoorWait,
): Promise<DoorEnd | null> {
  const reading = await waitForChallenge(needs, door, id, waitMs, aborted, stillAllowed)
  if (isRefusal(reading)) return endOfRefusal(reading)
  return endOfChallenge(reading.challenge) ?? null
}

/**
 * Cancels a question that nobody waits for any more, because the database could not be reached: again and again until it can, and no
 * longer than the question lives or the process does. Never rejects.
 */
async function abandon(
  needs: Needs,
  { door }: Entered,
  { challenge: { id, createdAt, expiresAt } }: Created,
): Promise<void> {
  const until = performance.now() + expiresAt.getTime() - createdAt.getTime()
  const watch = needs.signals.watch(id)
  try {
    while (!needs.signals.stopped && performance.now() < until) {
      const isOver = await cancelChallenge(needs, door, id).catch(() => null)
      if (isOver !== null) return
      await watch.next(rereadEveryMs)
    }
  } finally {
    watch.close()
  }
}

/** What is done for a client with a question that was put; when it fails, the client gets a no, and the question is abandoned. */
export async function orAbandon<T>(
  needs: Needs,
  entered: Entered,
  created: Created,
  doing: Promise<T>,
): Promise<T> {
  try {
    return await doing
  } catch (error) {
    void abandon(needs, entered, created)
    throw error
  }
}

/**
 * Asks, and waits until the question has ended. When the client goes, may wait no more, the service stops, or the database cannot be
 * reached, the challenge is cancelled: nobody would learn of an approval.
 */
export async function askAndWait(
  needs: Needs,
  entered: Entered,
  question: DoorQuestion,
  wait: DoorWait,
): Promise<DoorEnd> {
  const created = await askAtDoor(needs, entered, question)
  if ('outcome' in created) return created
  const { id, expiresAt, createdAt } = created.challenge
  const waitMs = expiresAt.getTime() - createdAt.getTime() + lateMs
  const following = followAtDoor(needs, entered, id, waitMs, wait)
  const end = await orAbandon(needs, entered, created, following)
  if (end !== null && end.outcome !== 'not_allowed') return end
  // An answer that came in between stands on the record; here it was not waited for, and counts for nothing.
  await cancelChallenge(needs, entered.door, id)
  return end ?? { outcome: 'unavailable', why: null }
}

/** Beyond the lifetime, for the statement that ends the challenge as expired. */
const lateMs = 5_000

// Questions with a number that the client showed beforehand, and clients that poll for the end.

import { cancelChallenge } from '../../challenges/cancel-challenge.ts'
import type { ChallengeContext } from '../../domain/challenge-context.ts'
import { type DoorEnd, endOfRefusal, holdMsOf, unfinishedAnswersMax } from '../../domain/door.ts'
import { type ChallengeId, type DeviceId, isId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { UserStore } from '../../users/user.store.ts'
import {
  type Dependencies as AskDependencies,
  askAndWait,
  askAtDoor,
  type DoorQuestion,
  type DoorWait,
  followAtDoor,
  orAbandon,
} from '../ask.ts'
import type { DoorClient } from '../authenticate-integration.ts'
import type { DoorStore } from '../door.store.ts'
import { findAtDoor } from '../find-at-door.ts'
import { type Dependencies as NumberDependencies, takeNumber, useOffer } from '../shown-numbers.ts'
import { type Dependencies as CodeDependencies, isAcceptedCode, type SignIn } from './enter-code.ts'

export type Dependencies = AskDependencies &
  NumberDependencies & {
    readonly clock: CodeDependencies['clock']
    readonly hashing: CodeDependencies['hashing']
    readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
    readonly doors: DoorStore
  }

export type ShownQuestion = SignIn & {
  readonly context: Omit<ChallengeContext, 'application'>
  readonly deviceIds?: readonly DeviceId[]
}

/** The question in the form common to all doors, with the number that was shown; or the refusal. */
async function questionOf(
  dependencies: Dependencies,
  client: DoorClient,
  { user: namedUser, address, host, shownNumber, requiresOffer, ...question }: ShownQuestion,
): Promise<DoorQuestion | DoorEnd> {
  const user = await findAtDoor(dependencies, client, namedUser)
  if (isRefusal(user)) return recordFailure(dependencies, client, user)
  const place = { userId: user.id, address, host }
  if (client.integration.numberMode === 'none') {
    const missing = requiresOffer && (await useOffer(dependencies, client, place, shownNumber))
    if (missing) return recordFailure(dependencies, client, missing)
    return { ...question, userId: user.id, number: null }
  }
  const number = await takeNumber(dependencies, client, place, shownNumber)
  if (isRefusal(number)) return recordFailure(dependencies, client, number)
  return { ...question, userId: user.id, number }
}

function recordFailure(
  { integrationUsage }: Dependencies,
  { integration }: DoorClient,
  refusal: Refusal,
): DoorEnd {
  integrationUsage.recordFailure(integration, refusal.refused)
  return endOfRefusal(refusal)
}

/**
 * Refuses the chosen factor: one that is not offered, or one that a client without a person chose
 * by itself. The number is deleted, too: it must not exist together with the next one.
 */
export async function refuseFactor(
  dependencies: Dependencies,
  client: DoorClient,
  { user: namedUser, address, host, shownNumber }: SignIn,
  reason: 'number_unseen' | 'factor_not_offered',
): Promise<DoorEnd> {
  const user = await findAtDoor(dependencies, client, namedUser)
  if (isRefusal(user)) return recordFailure(dependencies, client, user)
  await takeNumber(dependencies, client, { userId: user.id, address, host }, shownNumber)
  return recordFailure(dependencies, client, refuse(reason))
}

/** Asks with the number that was shown, and waits until the question has ended. */
export async function askAsShown(
  dependencies: Dependencies,
  client: DoorClient,
  input: ShownQuestion,
  wait: DoorWait,
): Promise<DoorEnd> {
  const question = await questionOf(dependencies, client, input)
  return 'outcome' in question ? question : askAndWait(dependencies, client, question, wait)
}

/** Asks with the number that was shown, for a client that polls for the end, at any process. */
export async function askToFollow(
  dependencies: Dependencies,
  client: DoorClient,
  input: ShownQuestion,
): Promise<ChallengeId | DoorEnd> {
  const question = await questionOf(dependencies, client, input)
  if ('outcome' in question) return question
  const creation = await askAtDoor(dependencies, client, question)
  if ('outcome' in creation) return creation
  const { tenantId, id, createdAt, expiresAt } = creation.challenge
  const holdMs = holdMsOf(expiresAt.getTime() - createdAt.getTime())
  const { id: integrationId } = client.integration
  const following = dependencies.doors.follow({ tenantId, integrationId, challengeId: id, holdMs })
  await orAbandon(dependencies, client, creation, following)
  return id
}

/**
 * The outcome of a question that the client polls, waiting a tenth of its lifetime for the end;
 * null while it is pending. Each such answer is counted, in whichever process: after the last one
 * allowed to the client, the question is cancelled.
 */
export async function followQuestion(
  dependencies: Dependencies,
  client: DoorClient,
  name: string,
  wait: DoorWait,
): Promise<DoorEnd | null> {
  const { tenantId, id: integrationId } = client.integration
  if (isAcceptedCode(dependencies, client, name)) return { outcome: 'approved', why: null }
  const poll = isId('challenge', name)
    ? await dependencies.doors.countAnswer(tenantId, integrationId, name)
    : null
  if (poll === null || !isId('challenge', name)) return endOfRefusal(refuse('not_found'))
  const isLastPoll = poll.answers > unfinishedAnswersMax
  const end = await followAtDoor(dependencies, client, name, isLastPoll ? 0 : poll.holdMs, wait)
  if (end !== null || !isLastPoll) return end
  await cancelChallenge(dependencies, client.door, name)
  return { outcome: 'cancelled', why: null }
}

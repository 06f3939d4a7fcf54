// Questions with a number that the person was shown before, and clients that come back for the end.

import type { ChallengeContext } from '../../domain/challenge.ts'
import { type DoorEnd, endOfRefusal, holdMsOf, unfinishedAnswersMax } from '../../domain/door.ts'
import { type ChallengeId, type DeviceId, isId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { UserStore } from '../../ports/directory-store.ts'
import type { DoorStore } from '../../ports/door-store.ts'
import { cancelChallenge } from '../cancel-challenge.ts'
import {
  type Needs as AskNeeds,
  askAndWait,
  askAtDoor,
  type DoorQuestion,
  type DoorWait,
  followAtDoor,
  orAbandon,
} from './ask.ts'
import type { Entered } from './authenticate-integration.ts'
import { type Needs as CodeNeeds, isAcceptedCode, type SignIn } from './enter-code.ts'
import { findAtDoor } from './find-at-door.ts'
import { type Needs as NumberNeeds, takeNumber } from './shown-numbers.ts'

export type Needs = AskNeeds &
  NumberNeeds & {
    readonly clock: CodeNeeds['clock']
    readonly hashing: CodeNeeds['hashing']
    readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
    readonly doors: DoorStore
  }

export type ShownQuestion = SignIn & {
  readonly context: Omit<ChallengeContext, 'application'>
  readonly deviceIds?: readonly DeviceId[]
}

/** The question as every door asks it, with the number that was shown; or why it cannot be asked. */
async function questionOf(
  needs: Needs,
  entered: Entered,
  { user: named, address, host, shownNumber, ...question }: ShownQuestion,
): Promise<DoorQuestion | DoorEnd> {
  const user = await findAtDoor(needs, entered, named)
  if (isRefusal(user)) return failed(needs, entered, user)
  const place = { userId: user.id, address, host }
  if (entered.integration.numberMode === 'none') {
    return { ...question, userId: user.id, number: null }
  }
  const number = await takeNumber(needs, entered, place, shownNumber)
  if (isRefusal(number)) return failed(needs, entered, number)
  return { ...question, userId: user.id, number }
}

function failed({ integrationUsage }: Needs, { integration }: Entered, refusal: Refusal): DoorEnd {
  integrationUsage.failed(integration, refusal.refused)
  return endOfRefusal(refusal)
}

/**
 * Says no to a client that chose by itself, with nobody before it. The number that it was given is
 * gone, too: it must not stand beside the next one.
 */
export async function refuseUnseen(
  needs: Needs,
  entered: Entered,
  { user: named, address, host, shownNumber }: SignIn,
): Promise<DoorEnd> {
  const user = await findAtDoor(needs, entered, named)
  if (isRefusal(user)) return failed(needs, entered, user)
  await takeNumber(needs, entered, { userId: user.id, address, host }, shownNumber)
  return failed(needs, entered, refuse('number_unseen'))
}

/** Asks with the number that was shown, and waits until the question has ended. */
export async function askAsShown(
  needs: Needs,
  entered: Entered,
  asked: ShownQuestion,
  wait: DoorWait,
): Promise<DoorEnd> {
  const question = await questionOf(needs, entered, asked)
  return 'outcome' in question ? question : askAndWait(needs, entered, question, wait)
}

/** Asks with the number that was shown, for a client that comes back for the end, to whichever process. */
export async function askToFollow(
  needs: Needs,
  entered: Entered,
  asked: ShownQuestion,
): Promise<ChallengeId | DoorEnd> {
  const question = await questionOf(needs, entered, asked)
  if ('outcome' in question) return question
  const created = await askAtDoor(needs, entered, question)
  if ('outcome' in created) return created
  const { tenantId, id, createdAt, expiresAt } = created.challenge
  const holdMs = holdMsOf(expiresAt.getTime() - createdAt.getTime())
  const { id: integrationId } = entered.integration
  const following = needs.doors.follow({ tenantId, integrationId, challengeId: id, holdMs })
  await orAbandon(needs, entered, created, following)
  return id
}

/**
 * How a question that the client follows stands, waiting a tenth of its lifetime for the end; null while it is pending. Each such
 * answer is counted, whichever process gives it: after the last one that a client may get, the question is cancelled.
 */
export async function followQuestion(
  needs: Needs,
  entered: Entered,
  name: string,
  wait: DoorWait,
): Promise<DoorEnd | null> {
  const { tenantId, id: integrationId } = entered.integration
  if (isAcceptedCode(needs, entered, name)) return { outcome: 'approved', why: null }
  const counted = isId('challenge', name)
    ? await needs.doors.countAnswer(tenantId, integrationId, name)
    : null
  if (counted === null || !isId('challenge', name)) return endOfRefusal(refuse('not_found'))
  const isSpent = counted.answers > unfinishedAnswersMax
  const end = await followAtDoor(needs, entered, name, isSpent ? 0 : counted.holdMs, wait)
  if (end !== null || !isSpent) return end
  await cancelChallenge(needs, entered.door, name)
  return { outcome: 'cancelled', why: null }
}

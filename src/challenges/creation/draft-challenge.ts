// A new challenge as the domain decides it: the question, its place in a chain, its devices.

import { activity } from '../../domain/activity.ts'
import { withoutNumber } from '../../domain/approval-request.ts'
import {
  type Challenge,
  type OpeningRefusal,
  openChallenge,
  type UserVerification,
} from '../../domain/challenge.ts'
import type { ChallengeContext } from '../../domain/challenge-context.ts'
import type { ChallengeId, DeviceId } from '../../domain/ids.ts'
import { type Initiator, othersKey } from '../../domain/initiator.ts'
import {
  type NumberPlan,
  type NumberRefusal,
  type NumberRequest,
  planNumber,
} from '../../domain/number-match.ts'
import { actorOf, permittedAs, type Questioner } from '../../domain/principal.ts'
import { afterCreation, afterSuperseded, unusedBudget } from '../../domain/push-budget.ts'
import type { AdmissionRefusal } from '../../domain/push-throttling.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import { checkReturnUrl } from '../../domain/return-url.ts'
import {
  type AdmissionInChain,
  admitInChain,
  type Inheritance,
  type OpeningInChain,
  openInChain,
} from '../../domain/superseding.ts'
import type { Hashing, Random, Sealing, Signatures } from '../../platform/world.ts'
import type { UserReference } from '../../users/user.store.ts'
import type { CreationFacts, NewChallenge } from '../challenge.store.ts'
import { challengeTarget } from '../challenge-targets.ts'

export type Dependencies = {
  readonly random: Random
  readonly hashing: Hashing
  readonly sealing: Sealing
  readonly signatures: Pick<Signatures, 'signedHash'>
  readonly publicOrigin: string
}

/** A relying party's request. */
export type Command = {
  readonly user: UserReference | string
  readonly context: ChallengeContext
  readonly number: NumberRequest
  readonly userVerification: UserVerification
  readonly ttlSeconds?: number
  /** The challenge ends by this time at the latest. */
  readonly notAfter?: Date
  readonly binding?: string
  /** Where the app may offer to go after the answer. */
  readonly returnUrl?: string
  /** Who starts the sign-in, as far as the relying party can tell. */
  readonly initiator?: Initiator
  readonly deviceIds?: readonly DeviceId[]
  readonly deviceAgeMinSeconds?: number
  readonly idempotencyKey?: string
  /** The id and number of the challenge, where they were decided before the user is asked. */
  readonly preset?: { readonly id: ChallengeId; readonly number: string }
  /**
   * A question that the same page of ours asked: while it is pending, this one takes its place.
   * Never from a request.
   */
  readonly continues?: ChallengeId
}

export type DraftRefusal =
  | NumberRefusal
  | AdmissionRefusal
  | OpeningRefusal
  | Refusal<'return_url_not_allowed'>

/** The facts about a user that exists. */
export type KnownFacts = CreationFacts & {
  readonly userId: NonNullable<CreationFacts['userId']>
  readonly protection: NonNullable<CreationFacts['protection']>
}

/** A challenge that is not stored yet. */
export type Draft = {
  readonly newChallenge: Omit<NewChallenge, 'keyId' | 'idempotencyKey' | 'requestHash'>
  /** Null where the relying party is not to show one. */
  readonly number: string | null
}

/** Binding under which a challenge's number is sealed. */
export function numberBinding({ tenantId, id }: Pick<Challenge, 'tenantId' | 'id'>): string {
  return `number:${tenantId}:${id}`
}

/** What is shown: without the number, which the person is to read elsewhere. */
export function shownContext({ number, context }: Command): ChallengeContext {
  return number.mode === 'caller' ? withoutNumber(context, number.value) : context
}

/** The challenge that answers the request, or why the user is not asked. */
export function draftChallenge(
  dependencies: Dependencies,
  principal: Questioner,
  command: Command,
  facts: KnownFacts,
  initiatorKey: string | null,
): Draft | DraftRefusal {
  const fault = checkReturnUrl(command.returnUrl, facts.returnOrigins)
  if (fault) return fault
  const plan = planNumber(facts.policy, command.number, permittedAs(principal))
  if (isRefusal(plan)) return plan
  const admission = admitInChain(facts, facts.pendingQuestion)
  if (isRefusal(admission)) return admission
  const { suppressed, inheritance } = admission
  const { policy, now, devices: activeDevices } = facts
  const opening = openChallenge(
    { policy, now, number: plan, activeDevices, suppressed },
    { ...command, ...notAfterOf(command, inheritance) },
  )
  if (isRefusal(opening)) return opening
  const inChain = openInChain(opening, inheritance)
  const number = drawNumber(dependencies.random, command, plan)
  const budgetKey = (admission.budget === 'initiator' ? initiatorKey : null) ?? othersKey
  const challenge: Challenge = {
    ...questionOf(dependencies, principal, command, plan, inChain),
    ...{ userId: facts.userId, signingKid: facts.signingKid, initiatorKey, budgetKey },
  }
  return {
    newChallenge: {
      challenge,
      budget: nextBudget(facts, admission, challenge, inChain),
      protectionRevision: facts.protection.revision,
      numberSealed:
        number === null ? null : dependencies.sealing.seal(number, numberBinding(challenge)),
      targets: inChain.targets.map((device) =>
        challengeTarget(dependencies, principal, challenge, device, number),
      ),
      pushes: inChain.pushedTargets.map((device) => ({
        id: dependencies.random.id('delivery'),
        deviceId: device.id,
      })),
      activity: creationActivity(principal, challenge),
      superseded: inheritance && supersededBy(dependencies, inheritance, inChain),
    },
    number: plan.mode === 'service' ? number : null,
  }
}

/** The challenge as far as the request and its opening decide it. */
function questionOf(
  { random }: Pick<Dependencies, 'random'>,
  { tenantId, rpId }: Questioner,
  command: Command,
  plan: NumberPlan,
  opening: OpeningInChain,
): Omit<Challenge, 'userId' | 'signingKid' | 'initiatorKey' | 'budgetKey'> {
  return {
    tenantId,
    id: command.preset?.id ?? random.id('challenge'),
    rpId,
    status: 'pending',
    reason: null,
    context: shownContext(command),
    numberMode: plan.mode,
    numberDigits: plan.digits,
    wrongNumbersLeft: opening.wrongNumbersLeft,
    userVerification: opening.userVerification,
    binding: command.binding ?? null,
    returnUrl: command.returnUrl ?? null,
    deliveryMode: opening.deliveryMode,
    suppressed: opening.suppressed,
    resultJti: random.token(16),
    resendsLeft: opening.resendsLeft,
    lastPushAt: opening.lastPushAt,
    createdAt: opening.createdAt,
    expiresAt: opening.expiresAt,
    decidedAt: null,
    decidedDeviceId: null,
  }
}

/** The latest end: that of the request or of the chain, whichever comes first. */
function notAfterOf({ notAfter }: Command, inheritance: Inheritance | null) {
  const ends = [notAfter, inheritance?.notAfter].filter((end) => end !== undefined)
  if (ends.length === 0) return {}
  return { notAfter: new Date(Math.min(...ends.map((end) => end.getTime()))) }
}

function drawNumber(
  random: Random,
  { number: request, preset }: Pick<Command, 'number' | 'preset'>,
  { digits }: NumberPlan,
): string | null {
  if (digits === null) return null
  if (request.mode === 'caller') return request.value
  return preset?.number.length === digits ? preset.number : random.digits(digits)
}

function nextBudget(
  { initiator, others, now }: KnownFacts,
  { budget: name, inheritance }: AdmissionInChain,
  challenge: Challenge,
  { pushedTargets }: OpeningInChain,
) {
  const budget = name === 'initiator' ? (initiator ?? unusedBudget) : others
  const before = inheritance
    ? afterSuperseded(budget, inheritance.challenge.id, challenge.id)
    : budget
  return afterCreation(before, challenge, pushedTargets.length > 0, now)
}

function creationActivity(principal: Questioner, challenge: Challenge): NewChallenge['activity'] {
  return activity({
    userId: challenge.userId,
    type: 'challenge_created',
    actor: actorOf(principal),
    challengeId: challenge.id,
    details: {
      number: challenge.numberMode,
      delivery: challenge.deliveryMode,
      ...(challenge.suppressed && { suppressed: challenge.suppressed }),
    },
  })
}

function supersededBy(
  { random }: Pick<Dependencies, 'random'>,
  { challenge, chain }: Inheritance,
  { closedDevices }: OpeningInChain,
): NewChallenge['superseded'] {
  return {
    challenge,
    chain,
    closings: closedDevices.map((deviceId) => ({ id: random.id('delivery'), deviceId })),
  }
}

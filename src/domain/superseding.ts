// A reload is no attack: a new question of a browser that the user knows takes the place of its
// pending one, within the limits that the first question of the chain set. So does the question of
// a prompt that gives more time, known browser or not: it names its own pending one.

import {
  type Challenge,
  checkResend,
  isOver,
  type Opening,
  type OpeningRequest,
} from './challenge.ts'
import type { ChallengeContext } from './challenge-context.ts'
import type { ChallengeId, DeviceId } from './ids.ts'
import type { Initiator } from './initiator.ts'
import { challengeTtlBoundsSeconds } from './policy.ts'
import { withoutPlace } from './push-budget.ts'
import {
  type Admission,
  type AdmissionRefusal,
  admitChallenge,
  suppressionOfResend,
  type ThrottlingFacts,
} from './push-throttling.ts'
import { isRefusal } from './refusal.ts'

/**
 * Characters that a browser id needs: 22 of base64url are 128 bits, which nobody guesses. With a
 * shorter one an outsider could end the owner's question.
 */
export const supersedingIdLengthMin = 22

/** True for a browser with an id that cannot be guessed; a network is shared with strangers. */
export function canSupersede(initiator: Initiator | undefined): boolean {
  return initiator?.kind === 'browser' && initiator.id.length >= supersedingIdLengthMin
}

/** Questions of which each superseded the one before; the first gives them id and start. */
export type Chain = { readonly id: ChallengeId; readonly startedAt: Date }

/**
 * The pending question of the same relying party and user that may be superseded: that of the same
 * browser, on the browser's budget, or the one that the new question continues.
 */
export type PendingQuestion = {
  readonly challenge: Challenge
  readonly chain: Chain
  /** The budget that it uses: that of the initiator of both, or that of all others. */
  readonly budget: Admission['budget']
  /** Devices that were pushed about it, or about those before it in the chain. */
  readonly promptedDevices: readonly DeviceId[]
}

/** What a question inherits from the one that it supersedes. */
export type Inheritance = PendingQuestion & {
  /** The chain ends by this time, however often it goes on. */
  readonly notAfter: Date
}

/** An admission, with what the new question inherits where it supersedes another. */
export type AdmissionInChain = Admission & { readonly inheritance: Inheritance | null }

/**
 * Decides whether a new question may be asked, on which budget, whether it may wake a phone, and
 * whether it supersedes the pending one, whose place in its budget it then takes. Its push is then
 * a resend of the chain: under the same gap, the same number of resends, and the same budget. A
 * chain with less time left than a question needs is not continued: the question is one like any
 * other.
 */
export function admitInChain(
  facts: ThrottlingFacts,
  pending: PendingQuestion | null,
): AdmissionInChain | AdmissionRefusal {
  const inheritance = pending && inheritanceOf(facts, pending)
  const inPlace = inheritance && admitInPlace(facts, inheritance)
  if (inPlace) return inPlace
  const admission = admitChallenge(facts)
  return isRefusal(admission) ? admission : { ...admission, inheritance: null }
}

/** Null where the initiator may not use the budget of the pending question any more. */
function admitInPlace(
  facts: ThrottlingFacts,
  inheritance: Inheritance,
): AdmissionInChain | AdmissionRefusal | null {
  const { id, resendsLeft, lastPushAt } = inheritance.challenge
  const { policy, now, initiator, others } = facts
  const budget = inheritance.budget === 'others' ? others : initiator
  if (budget === null) return null
  const admission = admitChallenge({ ...facts, ...withoutPlaceIn(facts, inheritance) })
  if (isRefusal(admission)) return admission
  if (admission.budget !== inheritance.budget) return null
  const last = lastPushAt ?? inheritance.chain.startedAt
  return {
    budget: admission.budget,
    suppressed:
      checkResend(resendsLeft, last, policy, now)?.refused ??
      suppressionOfResend({ ...facts, budget, challengeId: id }),
    inheritance,
  }
}

/**
 * The budgets without the place of the pending question. A chain that began as one of an unknown
 * initiator stays one, also when the user has approved the initiator since: a chain has one budget.
 */
function withoutPlaceIn(
  { initiator, others }: ThrottlingFacts,
  { budget, challenge: { id } }: Inheritance,
): Partial<ThrottlingFacts> {
  return budget === 'others'
    ? {
        initiator: initiator && { ...initiator, approvedAt: null },
        others: withoutPlace(others, id),
      }
    : { initiator: initiator && withoutPlace(initiator, id) }
}

/** Null where the chain cannot go on. */
function inheritanceOf({ now }: ThrottlingFacts, pending: PendingQuestion): Inheritance | null {
  const { min, max } = challengeTtlBoundsSeconds
  const notAfter = new Date(pending.chain.startedAt.getTime() + max * 1000)
  const leftMs = notAfter.getTime() - now.getTime()
  return isOver(pending.challenge, now) || leftMs < min * 1000 ? null : { ...pending, notAfter }
}

/** An opening with its place in a chain. */
export type OpeningInChain = Opening & {
  readonly lastPushAt: Date | null
  /** Devices that are pushed now. */
  readonly pushedTargets: Opening['targets']
  /** Devices whose prompt is to be closed: they are not asked any more. */
  readonly closedDevices: readonly DeviceId[]
}

/**
 * The opening with what it inherits: attempts and resends never grow within a chain, and a prompt
 * that is on a phone already stands for the new question.
 */
export function openInChain(opening: Opening, inheritance: Inheritance | null): OpeningInChain {
  const isPushed = opening.deliveryMode === 'push'
  const pushedTargets = opening.targets.filter((device) => isPushed && device.hasPushToken)
  if (inheritance === null) {
    const lastPushAt = isPushed ? opening.createdAt : null
    return { ...opening, lastPushAt, pushedTargets, closedDevices: [] }
  }
  const { challenge, promptedDevices } = inheritance
  const isAsked = (id: DeviceId) => opening.targets.some((device) => device.id === id)
  const hasPrompt = challenge.deliveryMode === 'push' && promptedDevices.some(isAsked)
  const resendsLeft = challenge.resendsLeft - (isPushed ? 1 : 0)
  return {
    ...opening,
    deliveryMode: isPushed || hasPrompt ? 'push' : 'pull_only',
    suppressed: hasPrompt ? null : opening.suppressed,
    wrongNumbersLeft: Math.min(opening.wrongNumbersLeft, challenge.wrongNumbersLeft),
    resendsLeft: Math.min(opening.resendsLeft, resendsLeft),
    lastPushAt: isPushed ? opening.createdAt : challenge.lastPushAt,
    pushedTargets,
    closedDevices: promptedDevices.filter((id) => !isAsked(id)),
  }
}

/** What must be equal for the answer to one question to be that to another. */
export type AskedQuestion = Pick<
  Challenge,
  'binding' | 'context' | 'numberMode' | 'numberDigits' | 'userVerification'
>

/**
 * True when the answer to the earlier question is one to the new one: the same session of the
 * relying party shows the same, with the same number mode, digits and user verification, and the
 * device that answered is one of those that are asked now. Never without a binding, which alone
 * says that the session is the same; never for a number of the caller's own, which is erased with
 * the end and cannot be compared.
 */
export function isSameQuestion(
  earlier: AskedQuestion & Pick<Challenge, 'decidedDeviceId'>,
  next: AskedQuestion & Pick<OpeningRequest, 'deviceIds'>,
): boolean {
  return (
    next.deviceIds?.some((id) => id === earlier.decidedDeviceId) !== false &&
    next.binding !== null &&
    earlier.binding === next.binding &&
    next.numberMode !== 'caller' &&
    earlier.numberMode === next.numberMode &&
    earlier.numberDigits === next.numberDigits &&
    earlier.userVerification === next.userVerification &&
    sortedJson(earlier.context) === sortedJson(next.context)
  )
}

/** JSON with its members in one order: what was stored comes back in another. */
function sortedJson(context: ChallengeContext): string {
  return JSON.stringify(context, (_, value) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)),
        ),
  )
}

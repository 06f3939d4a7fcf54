import { activity } from '../domain/activity.ts'
import { withoutNumber } from '../domain/approval-request.ts'
import type { OpeningRefusal } from '../domain/challenge.ts'
import { type Challenge, openChallenge, type UserVerification } from '../domain/challenge.ts'
import type { ChallengeContext } from '../domain/challenge-context.ts'
import type { DeviceId } from '../domain/ids.ts'
import { type Initiator, initiatorText, othersKey } from '../domain/initiator.ts'
import type { NumberRefusal } from '../domain/number-match.ts'
import { type NumberPlan, type NumberRequest, planNumber } from '../domain/number-match.ts'
import type { PasscodeMethod } from '../domain/passcode.ts'
import { strictest } from '../domain/policy.ts'
import { type Asker, actorOf, permittedAs } from '../domain/principal.ts'
import { afterCreation, unusedBudget } from '../domain/push-budget.ts'
import { type AdmissionRefusal, admitChallenge } from '../domain/push-throttling.ts'
import { type QuestionRefusal, withOtherFactors } from '../domain/question-refusal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { checkReturnUrl } from '../domain/return-url.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random, Sealing, Signatures } from '../platform/world.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import { resolveUser } from '../users/find-user.ts'
import type { UserReference } from '../users/user.store.ts'
import type { ChallengeStore, CreationFacts, IsGone, NewChallenge } from './challenge.store.ts'
import { challengeTarget, duePushes } from './challenge-targets.ts'
import type { OwnChallenges } from './memory/own-challenges.ts'

export type Dependencies = {
  readonly challenges: Pick<ChallengeStore, 'loadCreation' | 'create'>
  readonly dispatcher: Dispatcher
  readonly random: Random
  readonly hashing: Hashing
  readonly sealing: Sealing
  readonly signatures: Pick<Signatures, 'signedHash'>
  readonly userQueue: UserQueue
  readonly ownChallenges: Pick<OwnChallenges, 'add' | 'forget'>
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
  readonly idempotencyKey?: string
}

/** The only place where the number leaves the service. */
export type CreationResult = {
  readonly challenge: Challenge
  /**
   * Null when there is nothing to show: mode `none`, the caller's own number, or the challenge has
   * ended.
   */
  readonly number: string | null
  /**
   * True when an earlier request created it: with the same Idempotency-Key, or an equal one for the
   * same binding.
   */
  readonly isReplay: boolean
  /** Ways to sign in that the relying party may offer instead. */
  readonly otherFactors: readonly PasscodeMethod[]
}

/** Binding under which a challenge's number is sealed. */
export function numberBinding({ tenantId, id }: Pick<Challenge, 'tenantId' | 'id'>): string {
  return `number:${tenantId}:${id}`
}

// Each lost round means that another challenge of the same user was created concurrently, and few
// of those may be pending.
const attemptsMax = 12

type DecisionRefusal =
  | NumberRefusal
  | AdmissionRefusal
  | OpeningRefusal
  | Refusal<'return_url_not_allowed'>

/** Why a user is not asked. */
export type CreationRefusal = QuestionRefusal<
  | DecisionRefusal['refused']
  | 'namespace_not_granted'
  | 'user_not_found'
  | 'idempotency_key_reused'
  | 'api_key_invalid'
  | 'too_many_requests'
  | 'conflict'
>

/**
 * Asks one user. The challenge exists before any push is sent, and the pushes are queued by the
 * same commit. Equal requests under one Idempotency-Key create one challenge, also concurrently; so
 * do equal requests for one binding while the challenge is pending. Rejects without a challenge
 * where the caller is gone before it is created.
 */
export async function createChallenge(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
  isGone?: IsGone,
): Promise<CreationResult | CreationRefusal> {
  const user = resolveUser(principal, command.user)
  if (isRefusal(user)) return user
  const { idempotencyKey = null, ...request } = command
  const requestHash = dependencies.hashing.sha256(JSON.stringify({ ...request, user }))
  const initiatorKey = command.initiator
    ? dependencies.hashing.hmacBase64Url(initiatorText(principal.rpId, command.initiator))
    : null

  const keyId = 'keyId' in principal ? principal.keyId : null

  let otherFactors: CreationResult['otherFactors'] = []
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const { tenantId, rpId, namespaces } = principal
    const binding = command.binding ?? null
    const facts = await dependencies.challenges.loadCreation(
      {
        ...{ tenantId, rpId, keyId, namespaces, user },
        ...{ idempotencyKey, requestHash, binding, initiatorKey },
      },
      isGone,
    )
    if (!facts.isKeyLive) return refuse('api_key_invalid')
    const { earlier, userId, protection } = facts
    if (earlier) return replay(dependencies, { ...facts, earlier }, requestHash)
    if (userId === null || protection === null) return refuse('user_not_found')
    ;({ otherFactors } = facts)
    const knownFacts = { ...withOwnPolicy(facts, principal), userId, protection }
    const draft = decide(dependencies, principal, command, knownFacts, initiatorKey)
    if (isRefusal(draft)) return withOtherFactors(draft, otherFactors)
    const newChallenge = { ...draft.newChallenge, keyId, idempotencyKey, requestHash }
    const { ownChallenges } = dependencies
    // Before it exists, so that no signal about it comes first.
    ownChallenges.add(newChallenge.challenge)
    const queueKey = `asks:${initiatorKey ?? principal.rpId}`
    const result = await dependencies.userQueue.run(newChallenge.challenge, queueKey, () =>
      dependencies.challenges.create(newChallenge, dependencies.dispatcher.leaseHolder, isGone),
    )
    if (result !== 'done') ownChallenges.forget(newChallenge.challenge.id)
    if (isRefusal(result)) return withOtherFactors(result, otherFactors)
    if (result === 'done') {
      dependencies.dispatcher.dispatch(duePushes(newChallenge, facts))
      return {
        challenge: newChallenge.challenge,
        number: draft.number,
        isReplay: false,
        otherFactors,
      }
    }
  }
  return withOtherFactors(refuse('conflict', { retryAfterSeconds: 1 }), otherFactors)
}

function replay(
  { hashing, sealing }: Dependencies,
  {
    userId,
    otherFactors,
    earlier,
  }: CreationFacts & {
    readonly earlier: NonNullable<CreationFacts['earlier']>
  },
  requestHash: Uint8Array,
): CreationResult | QuestionRefusal<'idempotency_key_reused'> {
  if (!hashing.equal(earlier.requestHash, requestHash)) {
    const refusal = refuse('idempotency_key_reused')
    return userId === null ? refusal : withOtherFactors(refusal, otherFactors)
  }
  const { challenge, numberSealed } = earlier
  const number =
    numberSealed && challenge.numberMode === 'service'
      ? sealing.open(numberSealed, numberBinding(challenge))
      : null
  return { challenge, number, isReplay: true, otherFactors }
}

function drawNumber(random: Random, request: NumberRequest, plan: NumberPlan): string | null {
  if (plan.digits === null) return null
  return request.mode === 'caller' ? request.value : random.digits(plan.digits)
}

/**
 * The facts with the asker's own policy: an integration may be stricter than its relying party,
 * never laxer.
 */
export function withOwnPolicy(facts: CreationFacts, asker: Asker): CreationFacts {
  return 'policy' in asker ? { ...facts, policy: strictest(facts.policy, asker.policy) } : facts
}

/** The facts about a user that exists. */
type KnownFacts = CreationFacts & {
  readonly userId: NonNullable<CreationFacts['userId']>
  readonly protection: NonNullable<CreationFacts['protection']>
}

function decide(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
  facts: KnownFacts,
  initiatorKey: string | null,
):
  | {
      readonly newChallenge: Omit<NewChallenge, 'keyId' | 'idempotencyKey' | 'requestHash'>
      readonly number: string | null
    }
  | DecisionRefusal {
  const fault = checkReturnUrl(command.returnUrl, facts.returnOrigins)
  if (fault) return fault
  const plan = planNumber(facts.policy, command.number, permittedAs(principal))
  if (isRefusal(plan)) return plan
  const admission = admitChallenge(facts)
  if (isRefusal(admission)) return admission
  const opening = openChallenge(
    {
      policy: facts.policy,
      now: facts.now,
      number: plan,
      activeDevices: facts.devices,
      suppressed: admission.suppressed,
    },
    command,
  )
  if (isRefusal(opening)) return opening

  const { random, sealing } = dependencies
  const number = drawNumber(random, command.number, plan)
  const challenge: Challenge = {
    tenantId: principal.tenantId,
    id: random.id('challenge'),
    rpId: principal.rpId,
    userId: facts.userId,
    status: 'pending',
    reason: null,
    context:
      command.number.mode === 'caller'
        ? withoutNumber(command.context, command.number.value)
        : command.context,
    numberMode: plan.mode,
    numberDigits: plan.digits,
    wrongNumbersLeft: opening.wrongNumbersLeft,
    userVerification: opening.userVerification,
    binding: command.binding ?? null,
    returnUrl: command.returnUrl ?? null,
    deliveryMode: opening.deliveryMode,
    suppressed: opening.suppressed,
    initiatorKey,
    budgetKey: (admission.budget === 'initiator' ? initiatorKey : null) ?? othersKey,
    signingKid: facts.signingKid,
    resultJti: random.token(16),
    resendsLeft: opening.resendsLeft,
    lastPushAt: opening.deliveryMode === 'push' ? opening.createdAt : null,
    createdAt: opening.createdAt,
    expiresAt: opening.expiresAt,
    decidedAt: null,
    decidedDeviceId: null,
  }
  const isPushed = opening.deliveryMode === 'push'
  const budget = admission.budget === 'initiator' ? (facts.initiator ?? unusedBudget) : facts.others
  return {
    newChallenge: {
      challenge,
      budget: afterCreation(budget, challenge, isPushed, facts.now),
      protectionRevision: facts.protection.revision,
      numberSealed: number === null ? null : sealing.seal(number, numberBinding(challenge)),
      targets: opening.targets.map((device) =>
        challengeTarget(dependencies, principal, challenge, device, number),
      ),
      pushes: opening.targets
        .filter((device) => isPushed && device.hasPushToken)
        .map((device) => ({ id: random.id('delivery'), deviceId: device.id })),
      activity: activity({
        userId: facts.userId,
        type: 'challenge_created',
        actor: actorOf(principal),
        challengeId: challenge.id,
        details: {
          number: plan.mode,
          delivery: opening.deliveryMode,
          ...(opening.suppressed && { suppressed: opening.suppressed }),
        },
      }),
    },
    number: plan.mode === 'service' ? number : null,
  }
}

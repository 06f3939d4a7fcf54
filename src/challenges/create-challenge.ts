import { type Challenge, strictestVerification } from '../domain/challenge.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { initiatorText } from '../domain/initiator.ts'
import type { PasscodeMethod } from '../domain/passcode.ts'
import { strictest } from '../domain/policy.ts'
import type { Questioner } from '../domain/principal.ts'
import { type QuestionRefusal, withOtherFactors } from '../domain/question-refusal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { canSupersede, isSameQuestion } from '../domain/superseding.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Signals } from '../platform/signals.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import { resolveUser } from '../users/find-user.ts'
import type { ChallengeStore, CreationFacts, IsGone, NewChallenge } from './challenge.store.ts'
import { duePushes } from './challenge-targets.ts'
import {
  type Command,
  type Dependencies as DraftDependencies,
  type DraftRefusal,
  draftChallenge,
  type KnownFacts,
  numberBinding,
  shownContext,
} from './creation/draft-challenge.ts'
import { askedKey } from './fetch-challenges.ts'
import type { OwnChallenges } from './memory/own-challenges.ts'

export type Dependencies = DraftDependencies & {
  readonly challenges: Pick<ChallengeStore, 'loadCreation' | 'create'>
  readonly dispatcher: Dispatcher
  readonly signals: Pick<Signals, 'publish'>
  readonly userQueue: UserQueue
  readonly ownChallenges: Pick<OwnChallenges, 'add' | 'forget'>
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
   * True when an earlier request created it: with the same Idempotency-Key, or the same question
   * that was answered at this very moment.
   */
  readonly isReplay: boolean
  /** Ways to sign in that the relying party may offer instead. */
  readonly otherFactors: readonly PasscodeMethod[]
}

// Each lost round means that another challenge of the same user was created concurrently, and few
// of those may be pending.
const attemptsMax = 12

/** Why a user is not asked. */
export type CreationRefusal = QuestionRefusal<
  | DraftRefusal['refused']
  | 'namespace_not_granted'
  | 'user_not_found'
  | 'idempotency_key_reused'
  | 'api_key_invalid'
  | 'too_many_requests'
  | 'conflict'
>

/**
 * Asks one user. The challenge exists before any push is sent, and the pushes are queued by the
 * same commit. Equal requests under one Idempotency-Key create one challenge, also concurrently. A
 * new question of a browser that the user knows supersedes its pending one; if that is answered
 * meanwhile, and is the same question, its outcome comes back. So does the outcome of a question
 * that was to be continued. Rejects without a challenge where
 * the caller is gone before it is created.
 */
export async function createChallenge(
  dependencies: Dependencies,
  principal: Questioner,
  command: Command,
  isGone?: IsGone,
): Promise<CreationResult | CreationRefusal> {
  const query = queryOf(dependencies, principal, command)
  if (isRefusal(query)) return query
  const { requestHash, ...wanted } = query
  let otherFactors: CreationResult['otherFactors'] = []
  let supersededId: ChallengeId | null = null
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const facts = await dependencies.challenges.loadCreation({ ...wanted, supersededId }, isGone)
    if (!facts.isKeyLive) return refuse('api_key_invalid')
    const { earlier, userId, protection } = facts
    if (earlier) return replay(dependencies, { ...facts, earlier }, requestHash)
    if (userId === null || protection === null) return refuse('user_not_found')
    ;({ otherFactors } = facts)
    const knownFacts = { ...withOwnPolicy(facts, principal), userId, protection }
    supersededId = null
    const { answeredQuestion, finalQuestion } = facts
    if (finalQuestion) return outcomeOf(finalQuestion, otherFactors)
    if (answeredQuestion) {
      if (isSameAs(answeredQuestion, command, knownFacts))
        return outcomeOf(answeredQuestion, otherFactors)
      // A third page may have asked since: the facts about that question were not loaded.
      continue
    }
    const draft = draftChallenge(dependencies, principal, command, knownFacts, query.initiatorKey)
    if (isRefusal(draft)) return withOtherFactors(draft, otherFactors)
    const { keyId, idempotencyKey } = query
    const newChallenge = { ...draft.newChallenge, keyId, idempotencyKey, requestHash }
    const result = await save(dependencies, newChallenge, isGone)
    if (isRefusal(result)) return withOtherFactors(result, otherFactors)
    const { challenge, superseded } = newChallenge
    if (result === 'done') {
      if (superseded) dependencies.signals.publish(superseded.challenge.id)
      dependencies.signals.publish(askedKey(challenge.userId))
      dependencies.dispatcher.dispatch(duePushes(newChallenge, facts))
      return { challenge, number: draft.number, isReplay: false, otherFactors }
    }
    supersededId = superseded?.challenge.id ?? null
  }
  return withOtherFactors(refuse('conflict', { retryAfterSeconds: 1 }), otherFactors)
}

type Query = Omit<Parameters<ChallengeStore['loadCreation']>[0], 'supersededId'> & {
  readonly requestHash: Uint8Array
}

function queryOf(
  { hashing }: Dependencies,
  principal: Questioner,
  command: Command,
): Query | Refusal<'namespace_not_granted'> {
  const user = resolveUser(principal, command.user)
  if (isRefusal(user)) return user
  const { tenantId, rpId, namespaces } = principal
  const { idempotencyKey = null, ...request } = command
  const { initiator } = command
  return {
    tenantId,
    rpId,
    keyId: 'keyId' in principal ? principal.keyId : null,
    namespaces,
    user,
    idempotencyKey,
    requestHash: hashing.sha256(JSON.stringify({ ...request, user })),
    initiatorKey: initiator ? hashing.hmacBase64Url(initiatorText(rpId, initiator)) : null,
    maySupersede: canSupersede(initiator),
    continuedId: command.continues ?? null,
  }
}

function outcomeOf(
  challenge: Challenge,
  otherFactors: CreationResult['otherFactors'],
): CreationResult {
  return { challenge, number: null, isReplay: true, otherFactors }
}

/** Stores the challenge in the turn of its user. */
async function save(
  { challenges, ownChallenges, userQueue, dispatcher }: Dependencies,
  newChallenge: NewChallenge,
  isGone: IsGone | undefined,
): ReturnType<typeof userQueue.run<'done' | 'changed'>> {
  const { challenge } = newChallenge
  // Before it exists, so that no signal about it comes first.
  ownChallenges.add(challenge)
  const queueKey = `asks:${challenge.initiatorKey ?? challenge.rpId}`
  const result = await userQueue.run(challenge, queueKey, () =>
    challenges.create(newChallenge, dispatcher.leaseHolder, isGone),
  )
  if (result !== 'done') ownChallenges.forget(challenge.id)
  return result
}

function isSameAs(question: Challenge, command: Command, { policy }: KnownFacts): boolean {
  const { number, binding = null, deviceIds } = command
  return isSameQuestion(question, {
    binding,
    context: shownContext(command),
    numberMode: number.mode,
    numberDigits: number.mode === 'service' ? (number.digits ?? policy.numberDigits) : null,
    userVerification: strictestVerification(command.userVerification, policy.userVerification),
    ...(deviceIds && { deviceIds }),
  })
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

/**
 * The facts with the asker's own policy: an integration may be stricter than its relying party,
 * never laxer.
 */
export function withOwnPolicy(facts: CreationFacts, asker: Questioner): CreationFacts {
  return 'policy' in asker ? { ...facts, policy: strictest(facts.policy, asker.policy) } : facts
}

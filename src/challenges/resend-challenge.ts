import { activity } from '../domain/activity.ts'
import { resendChallenge as decideResend } from '../domain/challenge.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { afterPush } from '../domain/push-budget.ts'
import { admitResend } from '../domain/push-throttling.ts'
import { type QuestionRefusal, withOtherFactors } from '../domain/question-refusal.ts'
import { isRefusal, refuse } from '../domain/refusal.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import type { ChallengeStore } from './challenge.store.ts'
import {
  type ChallengeReading,
  type Dependencies as ReadDependencies,
  readChallenge,
} from './read-challenge.ts'

export type Dependencies = ReadDependencies & {
  readonly challenges: Pick<ChallengeStore, 'loadResend' | 'resend'>
  readonly dispatcher: Dispatcher
}

/**
 * Pushes the same challenge again, as often and as soon as the policy allows, and on the same
 * budget as any push; the number and the expiry stay as they are.
 */
export async function resendChallenge(
  dependencies: Dependencies,
  principal: Asker,
  id: ChallengeId,
): Promise<
  | ChallengeReading
  | QuestionRefusal<
      | 'not_found'
      | 'challenge_ended'
      | 'resends_used_up'
      | 'resend_too_soon'
      | 'user_suspended'
      | 'push_locked'
      | 'push_sign_in_off'
      | 'push_suppressed'
      | 'conflict'
      | 'nothing_to_push'
    >
> {
  const reading = await readChallenge(dependencies, principal, id)
  if (isRefusal(reading)) return reading
  const { challenge } = reading
  const facts = await dependencies.challenges.loadResend(challenge)
  if (facts === null) return refuse('not_found')
  const decision = decideResend(challenge, facts.policy, facts.now)
  if (isRefusal(decision)) return withOtherFactors(decision, facts.otherFactors)
  const refusal = admitResend({ ...facts, challengeId: id })
  if (refusal) return withOtherFactors(refusal, facts.otherFactors)
  const resent = await dependencies.challenges.resend({
    challenge,
    resendsLeft: decision.resendsLeft,
    budget: afterPush(facts.budget, id, facts.now),
    protectionRevision: facts.protection.revision,
    activity: activity({
      userId: challenge.userId,
      type: 'challenge_resent',
      actor: actorOf(principal),
      challengeId: id,
    }),
    leasedBy: dependencies.dispatcher.leaseHolder,
  })
  const refuseResend = (code: 'conflict' | 'nothing_to_push', more = {}) =>
    withOtherFactors(refuse(code, more), facts.otherFactors)
  if (resent === 'changed') return refuseResend('conflict', { retryAfterSeconds: 1 })
  if (resent.pushes.length === 0) return refuseResend('nothing_to_push')
  dependencies.dispatcher.dispatch(resent.pushes)
  return readChallenge(dependencies, principal, id)
}

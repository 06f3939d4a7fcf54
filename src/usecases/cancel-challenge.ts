import type { ChallengeId } from '../domain/ids.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { Signals } from '../ports/signals.ts'
import { type ChallengeReading, type Needs as ReadNeeds, readChallenge } from './read-challenge.ts'

export type Needs = ReadNeeds & {
  readonly challenges: Pick<ChallengeStore, 'cancel'>
  readonly dispatcher: Dispatcher
  readonly signals: Signals
}

/** Ends a pending challenge as cancelled; cancelling a cancelled one changes nothing. Any other end stands and refuses. */
export async function cancelChallenge(
  needs: Needs,
  principal: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | Refusal> {
  const { tenantId, rpId } = principal
  const cancelled = await needs.challenges.cancel(
    tenantId,
    rpId,
    id,
    { type: 'challenge_cancelled', severity: 'info', actor: actorOf(principal), challengeId: id },
    needs.dispatcher.leaseHolder,
  )
  if (cancelled) {
    needs.signals.publish(id)
    needs.dispatcher.dispatch(cancelled.pushes)
  }
  const reading = await readChallenge(needs, principal, id)
  if ('refused' in reading || reading.challenge.status === 'cancelled') return reading
  return refuse('challenge_ended', { facts: { currentStatus: reading.challenge.status } })
}

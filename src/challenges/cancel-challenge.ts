import type { ChallengeId } from '../domain/ids.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Signals } from '../platform/signals.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import type { ChallengeStore } from './challenge.store.ts'
import {
  type ChallengeReading,
  type Dependencies as ReadDependencies,
  readChallenge,
} from './read-challenge.ts'

export type Dependencies = ReadDependencies & {
  readonly challenges: Pick<ChallengeStore, 'cancel'>
  readonly dispatcher: Dispatcher
  readonly signals: Signals
}

/**
 * Ends a pending challenge as cancelled; cancelling a cancelled one changes nothing. Any other
 * final status stays, and the call is refused.
 */
export async function cancelChallenge(
  dependencies: Dependencies,
  principal: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | Refusal<'challenge_ended' | 'not_found'>> {
  const { tenantId, rpId } = principal
  const cancellation = await dependencies.challenges.cancel(
    tenantId,
    rpId,
    id,
    { type: 'challenge_cancelled', severity: 'info', actor: actorOf(principal), challengeId: id },
    dependencies.dispatcher.leaseHolder,
  )
  if (cancellation) {
    dependencies.signals.publish(id)
    dependencies.dispatcher.dispatch(cancellation.pushes)
  }
  const reading = await readChallenge(dependencies, principal, id)
  if (isRefusal(reading) || reading.challenge.status === 'cancelled') return reading
  return refuse('challenge_ended', { facts: { currentStatus: reading.challenge.status } })
}

import { activity } from '../domain/activity.ts'
import { resendChallenge as decideResend } from '../domain/challenge.ts'
import type { ChallengeId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { TenantStore } from '../ports/directory-store.ts'
import { type ChallengeReading, type Needs as ReadNeeds, readChallenge } from './read-challenge.ts'

export type Needs = ReadNeeds & {
  readonly challenges: Pick<ChallengeStore, 'resend'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly dispatcher: Dispatcher
}

/** Pushes the same challenge again, as often and as soon as the policy allows; the number and the expiry stay as they are. */
export async function resendChallenge(
  needs: Needs,
  principal: Principal,
  id: ChallengeId,
): Promise<ChallengeReading | Refusal> {
  const reading = await readChallenge(needs, principal, id)
  if (isRefusal(reading)) return reading
  const { challenge, now } = reading
  const policy: Policy = await needs.tenants.findPolicy(principal.tenantId, principal.rpId)
  const decision = decideResend(challenge, policy, now)
  if (isRefusal(decision)) return decision
  const resent = await needs.challenges.resend({
    challenge,
    resendsLeft: decision.resendsLeft,
    activity: activity({
      userId: challenge.userId,
      type: 'challenge_resent',
      actor: `api_key:${principal.keyId}`,
      challengeId: id,
    }),
    leasedBy: needs.dispatcher.leaseHolder,
  })
  if (resent === null) return refuse('conflict', { retryAfterSeconds: 1 })
  if (resent.pushes.length === 0) return refuse('nothing_to_push')
  needs.dispatcher.dispatch(resent.pushes)
  return readChallenge(needs, principal, id)
}

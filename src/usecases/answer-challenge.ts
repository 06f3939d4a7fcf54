import { activity, type NewActivity } from '../domain/activity.ts'
import {
  type Answer,
  type AnswerEffect,
  answerBytesMax,
  checkAnswer,
  checkKey,
  decideAnswer,
  readAnswer,
} from '../domain/answer.ts'
import { nonceOf } from '../domain/approval-request.ts'
import type { ChallengeStatus } from '../domain/challenge.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import {
  afterApproval,
  afterReport,
  afterWrongNumber,
  checkProtection,
  type WrongNumberEffect,
} from '../domain/protection.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type {
  AnswerFacts,
  AnswerToRecord,
  ChallengeStore,
  RecordedAnswer,
} from '../ports/challenge-store.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Clock, Hashing, Random, Sealing, Signatures } from '../ports/world.ts'
import { type BelieveNeeds, believeProof } from './authenticate-device.ts'
import { numberBinding } from './create-challenge.ts'
import { ownKey } from './device-keys.ts'
import { answerBinding } from './kept-answers.ts'

export type Needs = BelieveNeeds & {
  readonly challenges: Pick<ChallengeStore, 'loadAnswer' | 'recordAnswer' | 'expire'>
  readonly signatures: Pick<Signatures, 'read'>
  readonly sealing: Pick<Sealing, 'open' | 'seal'>
  readonly hashing: Pick<Hashing, 'equal'>
  readonly random: Pick<Random, 'id'>
  readonly clock: Clock
  readonly signals: Signals
  readonly dispatcher: Dispatcher
  readonly userTurns: UserTurns
  readonly publicOrigin: string
}

/** What the device is told of its own answer. */
export type Answered = { readonly status: ChallengeStatus }

type Asked = NonNullable<AnswerFacts['asked']>

// Each round lost means that another answer to the same challenge was recorded, and those are few.
const triesMax = 5

/**
 * Takes a device's signed answer: two round trips, one to load and one to record. The same answer again (same `jti`) gets
 * the same reply and counts nothing; a wrong number is recorded and then refused.
 */
export async function answerChallenge(
  needs: Needs,
  proof: DeviceProof,
  command: { readonly challengeId: ChallengeId; readonly answer: string },
): Promise<Answered | Refusal> {
  const jws = needs.signatures.read(command.answer, answerBytesMax)
  const answer = jws ? readAnswer(jws) : refuse('answer_malformed')
  const { tenantId, deviceId } = proof
  const { challengeId } = command
  // An unreadable answer is refused after the proof is believed, so that strangers learn nothing.
  const jti = isRefusal(answer) ? '' : answer.jti
  let proofToSpend: DeviceProof | null = proof

  for (let tries = 0; tries < triesMax; tries++) {
    const facts = await needs.challenges.loadAnswer({ tenantId, deviceId, challengeId, jti })
    const device = await believeProof(needs, proof, facts?.known ?? null)
    if (isRefusal(device)) return device
    if (isRefusal(answer)) return answer
    if (!facts?.asked) return refuse('not_found')
    const fault = await checkSigned(needs, answer, facts.asked, facts.known, challengeId)
    if (fault) return fault
    if (facts.earlier) return reply(facts.earlier)
    if (facts.asked.challenge.status !== 'pending') return ended(facts.asked.challenge.status)

    const stopped =
      answer.decision === 'approve' ? checkProtection(facts.protection, facts.now) : undefined
    if (stopped) return stopped
    const effect = decideAnswer(facts.asked.challenge, answer, matches(needs, facts.asked, answer))
    if (isRefusal(effect)) return effect
    const judged = { answer, effect, asked: facts.asked, facts, device }
    const recorded = await record(needs, judged, proofToSpend)
    if (recorded !== 'changed') return recorded
    proofToSpend = null
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/** Signature first, then every claim, then whether this key may say this. */
async function checkSigned(
  needs: Needs,
  answer: Answer,
  asked: Asked,
  known: AnswerFacts['known'],
  challengeId: ChallengeId,
): Promise<Refusal | undefined> {
  const key = ownKey(needs, known, answer.kid)
  if (!key || !(await needs.signatures.verify(answer.jws, key.publicJwk))) {
    return refuse('answer_invalid', { facts: { claim: 'kid' } })
  }
  const { device } = known
  const wanted = {
    issuer: issuerOf(needs.publicOrigin, device.tenantId),
    deviceId: device.id,
    userId: device.userId,
    challengeId,
    nonce: nonceOf(asked.requestPayload),
    requestHash: asked.requestHash,
  }
  return (
    checkAnswer(answer, wanted, needs.clock.now()) ??
    checkKey(answer, key, device.hasVerificationKey, asked.challenge.userVerification)
  )
}

function matches({ sealing, hashing }: Needs, asked: Asked, answer: Answer): boolean {
  if (asked.numberSealed === null || answer.number === null) return false
  return hashing.equal(
    sealing.open(asked.numberSealed, numberBinding(asked.challenge)),
    answer.number,
  )
}

type Judged = {
  readonly answer: Answer
  readonly effect: AnswerEffect
  readonly asked: Asked
  readonly facts: Pick<AnswerFacts, 'protection' | 'policy' | 'now'>
  readonly device: Device
}

/** What the answer does to the user over all challenges, and the lock that it brings about. */
function protectionAfter({ answer, effect, facts }: Judged): WrongNumberEffect {
  const { protection, policy, now } = facts
  if (effect.outcome === 'wrong_number') return afterWrongNumber(protection, policy, now)
  if (effect.outcome === 'approved') return { next: afterApproval(protection), lock: null }
  return answer.decision === 'report'
    ? { next: afterReport(protection, policy, now), lock: null }
    : { next: protection, lock: null }
}

async function record(
  needs: Needs,
  judged: Judged,
  proof: DeviceProof | null,
): Promise<Answered | Refusal | 'changed'> {
  const { answer, effect, asked, facts, device } = judged
  const { challenge } = asked
  const { next, lock } = protectionAfter(judged)
  const recording: AnswerToRecord = {
    tenantId: device.tenantId,
    challengeId: challenge.id,
    deviceId: device.id,
    jti: answer.jti,
    kid: answer.kid,
    userVerified: answer.userVerified,
    decision: answer.decision,
    effect,
    was: { wrongNumbersLeft: challenge.wrongNumbersLeft, protection: facts.protection },
    userId: device.userId,
    protection: next,
    report:
      answer.decision === 'report'
        ? {
            id: needs.random.id('report'),
            initiatorBlockSeconds: facts.policy.initiatorBlockSeconds,
          }
        : null,
    jwsSealed:
      effect.outcome === 'wrong_number'
        ? null
        : needs.sealing.seal(
            answer.jws.text,
            answerBinding({
              tenantId: device.tenantId,
              challengeId: challenge.id,
              jti: answer.jti,
            }),
          ),
    activities: activitiesOf(judged, lock),
    closing: effect.status === 'pending' ? [] : asked.otherDeviceIds,
    leasedBy: needs.dispatcher.leaseHolder,
  }
  const recorded = await needs.userTurns.take(device, `device:${device.id}`, () =>
    needs.challenges.recordAnswer(recording, proof),
  )
  if (isRefusal(recorded)) return recorded
  switch (recorded.kind) {
    case 'recorded':
      if (effect.status !== 'pending') needs.signals.publish(challenge.id)
      for (const id of recorded.cancelled) needs.signals.publish(id)
      needs.dispatcher.dispatch(recorded.pushes)
      return reply({ ...effect, statusAfter: effect.status })
    case 'proof_replayed':
      return refuse('proof_replayed')
    // Unregistered or suspended since it was believed: believing it again says which.
    case 'device_not_active':
      return 'changed'
    case 'expired': {
      const only = { tenantId: device.tenantId, id: challenge.id }
      for (const id of await needs.challenges.expire(only, 1)) needs.signals.publish(id)
      return refuse('challenge_expired')
    }
    case 'changed':
      return 'changed'
  }
}

function reply({ outcome, statusAfter, wrongNumbersLeft }: RecordedAnswer): Answered | Refusal {
  if (outcome !== 'wrong_number') return { status: statusAfter }
  return refuse('wrong_number', { facts: { wrongNumbersLeft, currentStatus: statusAfter } })
}

function ended(status: ChallengeStatus): Refusal {
  return status === 'expired'
    ? refuse('challenge_expired')
    : refuse('challenge_ended', { facts: { currentStatus: status } })
}

function activitiesOf(
  { answer, effect, asked, device }: Judged,
  lock: WrongNumberEffect['lock'],
): NewActivity[] {
  const type =
    effect.outcome === 'wrong_number'
      ? 'number_failed'
      : effect.outcome === 'approved'
        ? 'challenge_approved'
        : answer.decision === 'report'
          ? 'challenge_reported'
          : 'challenge_denied'
  const about = {
    userId: asked.challenge.userId,
    actor: `device:${device.id}`,
    challengeId: asked.challenge.id,
    deviceId: device.id,
  } as const
  const locked = answer.decision === 'report' ? 'reported' : lock
  // Each end of a challenge is told once by its own type, this one too: webhooks go by it.
  const endedBy = effect.outcome === 'wrong_number' ? effect.reason : null
  return [
    activity({ ...about, type }),
    ...(endedBy === null
      ? []
      : [activity({ ...about, type: 'challenge_denied', details: { reason: endedBy } })]),
    ...(locked === null
      ? []
      : [activity({ ...about, type: 'push_locked', details: { lock: locked } })]),
  ]
}

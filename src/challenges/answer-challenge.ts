import type { ProofRefusal } from '../devices/authenticate-device.ts'
import { type VerifyProofDependencies, verifyProof } from '../devices/authenticate-device.ts'
import { ownSigningKey } from '../devices/device-keys.ts'
import { faultOfOwnAssertion } from '../devices/keys/verify-assertion.ts'
import {
  type Answer,
  type AnswerEffect,
  type AnswerRefusal,
  answerBytesMax,
  answerEnd,
  checkAcceptedPasskey,
  checkAnswer,
  checkKey,
  checkNamedPasskey,
  decideAnswer,
  readAnswer,
} from '../domain/answer.ts'
import { nonceOf } from '../domain/approval-request.ts'
import type { Assertion } from '../domain/assertion.ts'
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
import { budgetsAfterAnswer } from '../domain/push-budget.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Signals } from '../platform/signals.ts'
import type { Clock, Hashing, Random, Sealing, Signatures } from '../platform/world.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import { answerActivities } from './answers/answer-activities.ts'
import type { ChallengeStore } from './challenge.store.ts'
import type { AnswerFacts, AnswerToRecord, RecordedAnswer } from './challenge-answer.store.ts'
import { numberBinding } from './creation/draft-challenge.ts'
import { type EndedChallenges, endedRecord } from './memory/ended-challenges.ts'
import { answerBinding, evidenceText } from './read-evidence.ts'

export type Dependencies = VerifyProofDependencies & {
  readonly challenges: Pick<ChallengeStore, 'loadAnswer' | 'recordAnswer' | 'expire'>
  readonly signatures: Pick<Signatures, 'read'>
  readonly sealing: Pick<Sealing, 'open' | 'seal'>
  readonly hashing: Pick<Hashing, 'equal'>
  readonly random: Pick<Random, 'id'>
  readonly clock: Clock
  readonly signals: Signals
  readonly dispatcher: Dispatcher
  readonly userQueue: UserQueue
  readonly endedChallenges: Pick<EndedChallenges, 'add'>
  readonly publicOrigin: string
}

/** What the response says of the device's own answer. */
export type AnswerResult = { readonly status: ChallengeStatus }

export type Command = {
  readonly challengeId: ChallengeId
  readonly answer: string
  /** By the passkey that the answer names, over the text of the answer. */
  readonly assertion?: Assertion
}

type AskedChallenge = NonNullable<AnswerFacts['target']>

// Each lost round means that another answer to the same challenge was recorded, or that another
// challenge of the same user was created or ended, and few of those may be pending.
const attemptsMax = 12

/**
 * Records a device's signed answer in two round trips: one to load and one to record. The same
 * answer again (same `jti`) gets the same reply and counts nothing; a wrong number is recorded and
 * then refused.
 */
export async function answerChallenge(
  dependencies: Dependencies,
  proof: DeviceProof,
  command: Command,
): Promise<
  | AnswerResult
  | ProofRefusal
  | AnswerRefusal
  | Refusal<
      | 'challenge_ended'
      | 'user_suspended'
      | 'push_locked'
      | 'too_many_requests'
      | 'not_found'
      | 'wrong_number'
      | 'challenge_expired'
      | 'proof_replayed'
      | 'conflict'
    >
> {
  const jws = dependencies.signatures.read(command.answer, answerBytesMax)
  const answer = jws ? readAnswer(jws) : refuse('answer_malformed')
  const { tenantId, deviceId } = proof
  const { challengeId } = command
  // An unreadable answer is refused after the proof is verified, so that unauthenticated clients
  // learn nothing.
  const jti = isRefusal(answer) ? '' : answer.jti
  let proofToSpend: DeviceProof | null = proof

  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const facts = await dependencies.challenges.loadAnswer({ tenantId, deviceId, challengeId, jti })
    const device = await verifyProof(dependencies, proof, facts?.knownDevice ?? null)
    if (isRefusal(device)) return device
    if (isRefusal(answer)) return answer
    if (!facts?.target) return refuse('not_found')
    const fault = await checkSignedAnswer(
      dependencies,
      answer,
      facts.target,
      facts.knownDevice,
      command,
    )
    if (fault) return fault
    if (facts.earlier) return reply(facts.earlier)
    if (facts.target.challenge.status !== 'pending')
      return endedRefusal(facts.target.challenge.status)

    const refusal =
      checkAcceptedPasskey(answer, device, facts.policy) ??
      (answer.decision === 'approve' ? checkProtection(facts.protection, facts.now) : undefined)
    if (refusal) return refusal
    const effect = decideAnswer(
      facts.target.challenge,
      answer,
      matches(dependencies, facts.target, answer),
    )
    if (isRefusal(effect)) return effect
    const { target: askedChallenge } = facts
    const decision = { answer, command, effect, askedChallenge, facts, device }
    const result = await record(dependencies, decision, proofToSpend)
    if (result !== 'changed') return result
    proofToSpend = null
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/**
 * Verifies the signature first, then every claim, then whether this key may give this answer, then
 * the assertion of a passkey.
 */
async function checkSignedAnswer(
  dependencies: Dependencies,
  answer: Answer,
  askedChallenge: AskedChallenge,
  knownDevice: AnswerFacts['knownDevice'],
  { challengeId, assertion }: Command,
): Promise<Refusal<'answer_invalid' | 'clock_skew' | 'answer_key_not_allowed'> | undefined> {
  const key = ownSigningKey(dependencies, knownDevice, answer.kid)
  if (!key || !(await dependencies.signatures.verify(answer.jws, key.publicJwk))) {
    return refuse('answer_invalid', { facts: { claim: 'kid' } })
  }
  const { device } = knownDevice
  const expectedFacts = {
    issuer: issuerOf(dependencies.publicOrigin, device.tenantId),
    deviceId: device.id,
    userId: device.userId,
    challengeId,
    nonce: nonceOf(askedChallenge.requestPayload),
    requestHash: askedChallenge.requestHash,
  }
  const { userVerification } = askedChallenge.challenge
  const passkeyKid = knownDevice.keys.find(({ passkey }) => passkey)?.kid ?? null
  const fault =
    checkAnswer(answer, expectedFacts, dependencies.clock.now()) ??
    checkKey(answer, key, device.hasVerificationKey, userVerification) ??
    checkNamedPasskey(answer, passkeyKid, assertion !== undefined)
  if (fault || !assertion) return fault
  const why = faultOfOwnAssertion(dependencies, knownDevice, assertion, answer.jws.signedHash)
  return why && refuse('answer_invalid', { facts: { claim: 'assertion', why } })
}

function matches(
  { sealing, hashing }: Dependencies,
  askedChallenge: AskedChallenge,
  answer: Answer,
): boolean {
  if (askedChallenge.numberSealed === null || answer.number === null) return false
  return hashing.equal(
    sealing.open(askedChallenge.numberSealed, numberBinding(askedChallenge.challenge)),
    answer.number,
  )
}

type Decision = {
  readonly answer: Answer
  readonly command: Command
  readonly effect: AnswerEffect
  readonly askedChallenge: AskedChallenge
  readonly facts: Omit<AnswerFacts, 'target' | 'earlier'>
  readonly device: Device
}

/** What the answer changes in the user's protection, and the lock that it causes. */
function protectionAfter({ answer, effect, facts }: Decision): WrongNumberEffect {
  const { protection, policy, now } = facts
  if (effect.outcome === 'wrong_number') return afterWrongNumber(protection, policy, now)
  if (effect.outcome === 'approved') return { next: afterApproval(protection), lock: null }
  return answer.decision === 'report'
    ? { next: afterReport(protection, policy, now), lock: null }
    : { next: protection, lock: null }
}

async function record(
  dependencies: Dependencies,
  decision: Decision,
  proof: DeviceProof | null,
): Promise<
  | AnswerResult
  | Refusal<'too_many_requests' | 'wrong_number' | 'challenge_expired' | 'proof_replayed'>
  | 'changed'
> {
  const { answer, effect, askedChallenge, facts, device } = decision
  const { challenge } = askedChallenge
  const { protocolVersion } = askedChallenge
  const decidedAnswer = { answer, effect, challenge, device, protocolVersion }
  const { next, lock } = protectionAfter(decision)
  const end = answerEnd(effect)
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
    keyRevision: facts.knownDevice.keyRevision,
    userId: device.userId,
    protection: next,
    budgets: end === null ? [] : budgetsAfterAnswer({ ...facts, challenge }, end),
    reportId: answer.decision === 'report' ? dependencies.random.id('report') : null,
    jwsSealed:
      effect.outcome === 'wrong_number'
        ? null
        : dependencies.sealing.seal(
            evidenceText(answer.jws.text, decision.command.assertion),
            answerBinding({
              tenantId: device.tenantId,
              challengeId: challenge.id,
              jti: answer.jti,
            }),
          ),
    activities: answerActivities(decidedAnswer, lock),
    closingDeviceIds: effect.status === 'pending' ? [] : askedChallenge.otherDeviceIds,
    leasedBy: dependencies.dispatcher.leaseHolder,
    isFollowed: dependencies.signals.isWatched(challenge.id),
  }
  const result = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
    dependencies.challenges.recordAnswer(recording, proof),
  )
  if (isRefusal(result)) return result
  switch (result.kind) {
    case 'recorded':
      if (result.end) dependencies.endedChallenges.add(endedRecord(decidedAnswer, result.end))
      if (effect.status !== 'pending') dependencies.signals.publish(challenge.id)
      for (const id of result.cancelledChallenges) dependencies.signals.publish(id)
      dependencies.dispatcher.dispatch(result.pushes)
      return reply({ ...effect, statusAfter: effect.status })
    case 'proof_replayed':
      return refuse('proof_replayed')
    case 'expired': {
      const only = { tenantId: device.tenantId, id: challenge.id }
      for (const id of await dependencies.challenges.expire(only, 1))
        dependencies.signals.publish(id)
      return refuse('challenge_expired')
    }
    // Unregistered or suspended since the proof was verified, or with another key: verifying it
    // again says which.
    case 'device_not_active':
    case 'changed':
      return 'changed'
  }
}

function reply(answer: RecordedAnswer): AnswerResult | Refusal<'wrong_number'> {
  const { outcome, statusAfter, wrongNumbersLeft } = answer
  if (outcome !== 'wrong_number') return { status: statusAfter }
  return refuse('wrong_number', { facts: { wrongNumbersLeft, currentStatus: statusAfter } })
}

function endedRefusal(status: ChallengeStatus): Refusal<'challenge_ended' | 'challenge_expired'> {
  return status === 'expired'
    ? refuse('challenge_expired')
    : refuse('challenge_ended', { facts: { currentStatus: status } })
}

// A device's signed answer: what it must say, and what it does to the challenge.

import type { Challenge, ChallengeStatus, DenyReason } from './challenge.ts'
import { isFresh, isJti, readClaims, readHeader } from './claims.ts'
import type { DeviceKey } from './device.ts'
import type { UnverifiedJws } from './device-proof.ts'
import type { DeviceId } from './ids.ts'
import { isNumberOf } from './number-match.ts'
import { type Refusal, refuse } from './refusal.ts'
import { cleanText, isShowable } from './text.ts'

export const answerTyp = 'approval-response+jwt'

export type Decision = 'approve' | 'deny' | 'report'

/** Longest answer that is looked at, in bytes. */
export const answerBytesMax = 4096
const lifetimeSecondsMax = 60

/** A well-formed answer, its signature still to be verified. */
export type Answer = {
  readonly jws: UnverifiedJws
  readonly kid: string
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly cid: string
  readonly nonce: string
  readonly requestHash: string
  readonly decision: Decision
  /** The digits typed; null when none were sent. */
  readonly number: string | null
  readonly userVerified: boolean
}

const decisions: readonly string[] = ['approve', 'deny', 'report'] satisfies Decision[]

/** Reads an answer: exact header, exact claims, nothing else. */
export function readAnswer(jws: UnverifiedJws): Answer | Refusal {
  const header = readHeader(answerTyp, jws.header)
  const claims = readClaims(
    {
      iss: 'string',
      sub: 'string',
      aud: 'string',
      jti: 'string',
      iat: 'integer',
      exp: 'integer',
      cid: 'string',
      nonce: 'string',
      rqh: 'string',
      dec: 'string',
      num: 'string?',
      uv: 'boolean',
      rsn: 'string?',
    },
    jws.payload,
  )
  if (!header || !claims || !isJti(claims.jti) || !decisions.includes(claims.dec)) {
    return refuse('answer_malformed')
  }
  if (claims.rsn !== undefined && !isShowable(cleanText(claims.rsn), 140)) {
    return refuse('answer_malformed')
  }
  if (claims.num !== undefined && claims.dec !== 'approve') return refuse('answer_malformed')
  return {
    jws,
    kid: header.kid,
    iss: claims.iss,
    sub: claims.sub,
    aud: claims.aud,
    jti: claims.jti,
    iat: claims.iat,
    exp: claims.exp,
    cid: claims.cid,
    nonce: claims.nonce,
    requestHash: claims.rqh,
    decision: claims.dec as Decision,
    number: claims.num ?? null,
    userVerified: claims.uv,
  }
}

/** What the answer is held against: what this device was asked, byte for byte. */
export type AskedFacts = {
  readonly issuer: string
  readonly deviceId: DeviceId
  readonly userId: string
  readonly challengeId: string
  readonly nonce: string
  readonly requestHash: string
}

/**
 * Holds a verified answer against what was asked: it must be from this device, for this user, about this challenge, and
 * about exactly the text that was shown (`rqh`). Names the first claim that differs.
 */
export function checkAnswer(answer: Answer, asked: AskedFacts, now: Date): Refusal | undefined {
  const expected: readonly (readonly [claim: string, given: string, wanted: string])[] = [
    ['iss', answer.iss, asked.deviceId],
    ['sub', answer.sub, asked.userId],
    ['aud', answer.aud, asked.issuer],
    ['cid', answer.cid, asked.challengeId],
    ['nonce', answer.nonce, asked.nonce],
    ['rqh', answer.requestHash, asked.requestHash],
  ]
  const wrong = expected.find(([, given, wanted]) => given !== wanted)
  if (wrong) return refuse('answer_invalid', { facts: { claim: wrong[0] } })
  if (!isFresh(answer.iat, now)) {
    return refuse('clock_skew', { facts: { serverTime: now.toISOString() } })
  }
  const lifetimeSeconds = answer.exp - answer.iat
  const over = answer.exp * 1000 <= now.getTime()
  if (lifetimeSeconds <= 0 || lifetimeSeconds > lifetimeSecondsMax || over) {
    return refuse('answer_invalid', { facts: { claim: 'exp' } })
  }
  return undefined
}

/**
 * Checks that the key may say what the answer says. Deny and report need no prompt. An approval must be signed by the
 * verification key where the challenge requires it, and wherever the device has one unless the challenge does without.
 */
export function checkKey(
  answer: Answer,
  key: DeviceKey,
  deviceHasVerificationKey: boolean,
  wanted: Challenge['userVerification'],
): Refusal | undefined {
  const verified = key.role === 'verification'
  if (answer.userVerified !== verified) return refuse('answer_invalid', { facts: { claim: 'uv' } })
  if (answer.decision !== 'approve' || verified) return undefined
  const needed = wanted === 'required' || (wanted === 'preferred' && deviceHasVerificationKey)
  return needed ? refuse('answer_key_not_allowed') : undefined
}

/** What an answer does to the challenge; written in one statement that is guarded by what the decision was based on. */
export type AnswerEffect = {
  readonly outcome: 'approved' | 'denied' | 'wrong_number'
  readonly status: ChallengeStatus
  readonly reason: DenyReason | null
  readonly wrongNumbersLeft: number
}

/** The part of a challenge that decides what an answer does. */
export type AnswerableChallenge = Pick<
  Challenge,
  'numberMode' | 'numberDigits' | 'wrongNumbersLeft'
>

/**
 * Decides what a valid answer does. A wrong number is an effect, not a refusal: it costs a try, and the last try ends the
 * challenge. `numberMatches` is the outcome of the constant-time comparison, which is the world's affair.
 */
export function decideAnswer(
  challenge: AnswerableChallenge,
  answer: Pick<Answer, 'decision' | 'number'>,
  numberMatches: boolean,
): AnswerEffect | Refusal {
  const { wrongNumbersLeft } = challenge
  if (answer.decision !== 'approve') {
    const reason = answer.decision === 'deny' ? 'user_denied' : 'user_reported'
    return { outcome: 'denied', status: 'denied', reason, wrongNumbersLeft }
  }
  const approved = {
    outcome: 'approved',
    status: 'approved',
    reason: null,
    wrongNumbersLeft,
  } as const
  if (challenge.numberMode === 'none') {
    return answer.number === null ? approved : refuse('answer_invalid', { facts: { claim: 'num' } })
  }
  if (answer.number === null) return refuse('number_missing')
  if (isNumberOf(challenge.numberDigits ?? 0, answer.number) && numberMatches) return approved

  const left = wrongNumbersLeft - 1
  return left > 0
    ? { outcome: 'wrong_number', status: 'pending', reason: null, wrongNumbersLeft: left }
    : { outcome: 'wrong_number', status: 'denied', reason: 'number_mismatch', wrongNumbersLeft: 0 }
}

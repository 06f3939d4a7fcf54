// A device's signed answer: what it must contain, and its effect on the challenge.

import type { Challenge, ChallengeStatus, DenyReason } from './challenge.ts'
import { isFresh, isJti, isThumbprint, readClaims, readHeader } from './claims.ts'
import type { Device, DeviceKey } from './device.ts'
import type { UnverifiedJws } from './device-proof.ts'
import type { DeviceId } from './ids.ts'
import { isNumberOf } from './number-match.ts'
import { isRefusedPasskey } from './passkey.ts'
import type { Policy } from './policy.ts'
import type { AnswerEnd } from './push-budget.ts'
import { type Refusal, refuse } from './refusal.ts'
import { cleanText, isShowable } from './text.ts'

export const answerTyp = 'approval-response+jwt'

export const decisions = ['approve', 'deny', 'report'] as const
export type Decision = (typeof decisions)[number]
const isDecision = (text: string): text is Decision => decisions.some((one) => one === text)

/** Longest answer that is read, in bytes. */
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
  /** The typed digits; null when the answer has none. */
  readonly number: string | null
  readonly userVerified: boolean
  /** Thumbprint of the passkey whose assertion comes with it; null for one without. */
  readonly passkeyKid: string | null
}

/** Why an answer of a device does not count. */
export type AnswerRefusal = Refusal<
  'answer_malformed' | 'answer_invalid' | 'clock_skew' | 'answer_key_not_allowed' | 'number_missing'
>

const shape = {
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
} as const
/** Of an answer that a passkey confirms. */
const passkeyShape = { ...shape, uv: 'string', vk: 'string' } as const
const byPasskey = 'webauthn'

type Verification = Pick<Answer, 'userVerified' | 'passkeyKid'>

function verificationOf(
  claims: { readonly uv: boolean } | { readonly uv: string; readonly vk: string },
): Verification | undefined {
  if (!('vk' in claims)) return { userVerified: claims.uv, passkeyKid: null }
  const { uv, vk } = claims
  return uv === byPasskey && isThumbprint(vk) ? { userVerified: true, passkeyKid: vk } : undefined
}

/** Reads an answer: exact header, exact claims, nothing else. */
export function readAnswer(jws: UnverifiedJws): Answer | Refusal<'answer_malformed'> {
  const header = readHeader(answerTyp, jws.header)
  const claims = readClaims(shape, jws.payload) ?? readClaims(passkeyShape, jws.payload)
  const verification = claims && verificationOf(claims)
  if (!header || !verification || !isJti(claims.jti) || !isDecision(claims.dec)) {
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
    decision: claims.dec,
    number: claims.num ?? null,
    ...verification,
  }
}

/** What an answer must match: the request as this device received it, byte for byte. */
export type ExpectedFacts = {
  readonly issuer: string
  readonly deviceId: DeviceId
  readonly userId: string
  readonly challengeId: string
  readonly nonce: string
  readonly requestHash: string
}

/**
 * Checks a verified answer against the request: it must be from this device, for this user, about
 * this challenge, and about exactly the text that was shown (`rqh`). Names the first claim that
 * differs.
 */
export function checkAnswer(
  answer: Answer,
  request: ExpectedFacts,
  now: Date,
): Refusal<'answer_invalid' | 'clock_skew'> | undefined {
  const comparisons: readonly (readonly [claim: string, actual: string, reference: string])[] = [
    ['iss', answer.iss, request.deviceId],
    ['sub', answer.sub, request.userId],
    ['aud', answer.aud, request.issuer],
    ['cid', answer.cid, request.challengeId],
    ['nonce', answer.nonce, request.nonce],
    ['rqh', answer.requestHash, request.requestHash],
  ]
  const wrong = comparisons.find(([, actual, reference]) => actual !== reference)
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
 * Checks that the key may sign this decision. Deny and report need no prompt. An approval must be
 * signed by the verification key where the challenge requires it, and wherever the device has one
 * unless the challenge does not require user verification. A passkey signs no answer: in its place
 * it is named (`checkNamedPasskey`).
 */
export function checkKey(
  answer: Answer,
  key: DeviceKey,
  deviceHasVerificationKey: boolean,
  userVerification: Challenge['userVerification'],
): Refusal<'answer_invalid' | 'answer_key_not_allowed'> | undefined {
  const isVerification = key.role === 'verification' || answer.passkeyKid !== null
  if (answer.userVerified !== isVerification)
    return refuse('answer_invalid', { facts: { claim: 'uv' } })
  if (answer.decision !== 'approve' || isVerification) return undefined
  const needsVerification =
    userVerification === 'required' ||
    (userVerification === 'preferred' && deviceHasVerificationKey)
  return needsVerification ? refuse('answer_key_not_allowed') : undefined
}

/**
 * Checks that the passkey that the answer names (`vk`) is the device's, and that an assertion comes
 * with such an answer, and with no other.
 */
export function checkNamedPasskey(
  { passkeyKid }: Pick<Answer, 'passkeyKid'>,
  ownPasskeyKid: string | null,
  isAsserted: boolean,
): Refusal<'answer_invalid'> | undefined {
  if (passkeyKid !== null && passkeyKid !== ownPasskeyKid) {
    return refuse('answer_invalid', { facts: { claim: 'vk' } })
  }
  if (isAsserted === (passkeyKid !== null)) return undefined
  return refuse('answer_invalid', { facts: { claim: 'assertion' } })
}

/**
 * Checks that the tenant still accepts the passkey that confirms an approval: its policy may have
 * changed since the device was asked.
 */
export function checkAcceptedPasskey(
  { decision, passkeyKid }: Pick<Answer, 'decision' | 'passkeyKid'>,
  device: Pick<Device, 'passkey'>,
  policy: Pick<Policy, 'syncedPasskeys'>,
): Refusal<'answer_key_not_allowed'> | undefined {
  if (decision !== 'approve' || passkeyKid === null) return undefined
  return isRefusedPasskey(device, policy) ? refuse('answer_key_not_allowed') : undefined
}

/**
 * What an answer does to the challenge; written in one statement, guarded by the facts on which the
 * decision was based (compare-and-set).
 */
export type AnswerEffect = {
  readonly outcome: 'approved' | 'denied' | 'wrong_number'
  readonly status: ChallengeStatus
  readonly reason: Exclude<DenyReason, 'no_device_left'> | null
  readonly wrongNumbersLeft: number
}

/** How the answer ends its challenge; null when it leaves it pending. */
export function answerEnd({ status, reason }: AnswerEffect): AnswerEnd | null {
  return status === 'pending' ? null : (reason ?? 'approved')
}

/** The part of a challenge that decides what an answer does. */
export type AnswerableChallenge = Pick<
  Challenge,
  'numberMode' | 'numberDigits' | 'wrongNumbersLeft'
>

/**
 * Decides the effect of a valid answer. A wrong number is an effect, not a refusal: it costs an
 * attempt, and the last attempt ends the challenge. `numberMatches` is the outcome of the
 * constant-time comparison, which the caller makes.
 */
export function decideAnswer(
  challenge: AnswerableChallenge,
  answer: Pick<Answer, 'decision' | 'number'>,
  numberMatches: boolean,
): AnswerEffect | Refusal<'answer_invalid' | 'number_missing'> {
  const { wrongNumbersLeft } = challenge
  if (answer.decision !== 'approve') {
    const reason = answer.decision === 'deny' ? 'user_denied' : 'user_reported'
    return { outcome: 'denied', status: 'denied', reason, wrongNumbersLeft }
  }
  const approval = {
    outcome: 'approved',
    status: 'approved',
    reason: null,
    wrongNumbersLeft,
  } as const
  if (challenge.numberMode === 'none') {
    return answer.number === null ? approval : refuse('answer_invalid', { facts: { claim: 'num' } })
  }
  if (answer.number === null) return refuse('number_missing')
  if (isNumberOf(challenge.numberDigits ?? 0, answer.number) && numberMatches) return approval

  const remaining = wrongNumbersLeft - 1
  return remaining > 0
    ? { outcome: 'wrong_number', status: 'pending', reason: null, wrongNumbersLeft: remaining }
    : { outcome: 'wrong_number', status: 'denied', reason: 'number_mismatch', wrongNumbersLeft: 0 }
}

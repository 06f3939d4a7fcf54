// Answers to the request, each with the status of the challenge or the refusal.

import { requestFacts, requestHash } from './requests.ts'
import { spellings, wrongHeaders } from './spellings.ts'
import {
  challengeId,
  deviceId,
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  other,
  refusal,
  sha256,
  signJson,
  type TestKey,
  userId,
} from './world.ts'

export const answerTyp = 'approval-response+jwt'
const { possession, verification, stranger } = keys
type Changes = Readonly<Record<string, unknown>>

/** The service's state of the challenge when the answer arrives. */
export type AskedChallenge = {
  readonly userVerification: 'required' | 'preferred' | 'not_required'
  readonly numberMode: 'service' | 'caller' | 'none'
  readonly numberDigits: number | null
  readonly number: string | null
  readonly wrongNumbersLeft: number
  readonly deviceHasVerificationKey: boolean
}

export type AnswerVector = {
  readonly name: string
  readonly challenge: AskedChallenge
  readonly jws: string
  readonly expected: Expected
}

/** The default challenge of the vectors. */
const usual: AskedChallenge = {
  userVerification: 'preferred',
  numberMode: 'service',
  numberDigits: 6,
  number: '083920',
  wrongNumbersLeft: 3,
  deviceHasVerificationKey: true,
}

export const approve = {
  iss: deviceId,
  sub: userId,
  aud: issuer,
  jti: 'dmVjdG9yLWFuc3dlci0wMQ',
  iat,
  exp: iat + 60,
  cid: challengeId,
  nonce: requestFacts.nonce,
  rqh: requestHash,
  dec: 'approve',
  num: '083920',
  uv: true,
}
const deny = { dec: 'deny', num: undefined, uv: false }

type How = {
  readonly key?: TestKey
  readonly kid?: string
  readonly challenge?: Partial<AskedChallenge>
}

function answer(
  name: string,
  expectedOutcome: Expected,
  changes: Changes = {},
  { key = verification, kid = key.kid, challenge = {} }: How = {},
): AnswerVector {
  const jws = signJson(key, headerOf(answerTyp, { kid }), { ...approve, ...changes })
  return { name, challenge: { ...usual, ...challenge }, jws, expected: expectedOutcome }
}

const approval = { ok: true, status: 'approved' } as const
const denial = { ok: true, status: 'denied' } as const
const malformedAnswer = refusal('answer_malformed')
const invalid = (claim: string) => refusal('answer_invalid', claim)
const wrong = (wrongNumbersLeft: number, currentStatus: string): Expected => ({
  refused: 'wrong_number',
  wrongNumbersLeft,
  currentStatus,
})
const promptless: How = { key: possession }
const withoutNumber = { numberMode: 'none', numberDigits: null, number: null } as const

const good = [
  answer('approve with the number, by the verification key', approval),
  answer('approve with a reason', approval, { rsn: 'It is me' }),
  answer('approve with a reason of joined emoji and letters that are not composed', approval, {
    rsn: 'C\u2019e\u0301tait moi \u{1f469}\u200d\u{1f4bb}',
  }),
  answer(
    'approve where no verification is wanted',
    approval,
    { uv: false },
    { ...promptless, challenge: { userVerification: 'not_required' } },
  ),
  answer(
    'approve by a device that has no verification key',
    approval,
    { uv: false },
    { ...promptless, challenge: { deviceHasVerificationKey: false } },
  ),
  answer(
    'approve where there is nothing to type',
    approval,
    { num: undefined },
    { challenge: withoutNumber },
  ),
  answer('deny, without a prompt', denial, deny, promptless),
  answer('deny, with a prompt', denial, { ...deny, uv: true }),
  answer(
    'report: this was not me',
    denial,
    { ...deny, dec: 'report', rsn: 'I did not sign in' },
    promptless,
  ),
  answer('a lifetime of one second', approval, { exp: iat + 1 }),
]

const wrongNumbers = [
  answer('a wrong number', wrong(2, 'pending'), { num: '083921' }),
  answer('a number without its leading zero', wrong(2, 'pending'), { num: '83920' }),
  answer('digits of another script', wrong(2, 'pending'), { num: '०८३९२०' }),
  answer(
    'the last wrong number ends it',
    wrong(0, 'denied'),
    { num: '083921' },
    { challenge: { wrongNumbersLeft: 1 } },
  ),
  answer('no number', refusal('number_missing'), { num: undefined }),
  answer('a number where there is none to type', invalid('num'), {}, { challenge: withoutNumber }),
]

const wrongClaims = [
  answer('another device', invalid('iss'), { iss: `dev_${other}` }),
  answer('another user', invalid('sub'), { sub: `usr_${other}` }),
  answer('another tenant', invalid('aud'), { aud: issuer.replace(/.$/, '0') }),
  answer('another challenge', invalid('cid'), { cid: `chl_${other}` }),
  answer('another nonce', invalid('nonce'), { nonce: 'A'.repeat(43) }),
  answer('another text than was shown', invalid('rqh'), { rqh: sha256('another') }),
  answer('a lifetime of 61 seconds', invalid('exp'), { exp: iat + 61 }),
  answer('an end before its beginning', invalid('exp'), { exp: iat }),
  answer('61 seconds behind', refusal('clock_skew'), { iat: iat - 61, exp: iat - 1 }),
  answer('11 seconds ahead', refusal('clock_skew'), { iat: iat + 11, exp: iat + 71 }),
]

const wrongKeys = [
  answer(
    'the possession key where the device has a verification key',
    refusal('answer_key_not_allowed'),
    { uv: false },
    promptless,
  ),
  answer(
    'the possession key where verification is required',
    refusal('answer_key_not_allowed'),
    { uv: false },
    { ...promptless, challenge: { userVerification: 'required', deviceHasVerificationKey: false } },
  ),
  answer('uv true under the possession key', invalid('uv'), {}, promptless),
  answer('uv false under the verification key', invalid('uv'), { uv: false }),
  answer('a key that is none of this device', invalid('kid'), {}, { key: stranger }),
  answer(
    'a signature by another key',
    invalid('kid'),
    {},
    { key: stranger, kid: verification.kid },
  ),
]

const malformedOnes = [
  answer('a number with a denial', malformedAnswer, { ...deny, num: '083920' }, promptless),
  answer('a decision that we do not know', malformedAnswer, { dec: 'allow' }),
  answer('a number as a number', malformedAnswer, { num: 83920 }),
  answer('uv as text', malformedAnswer, { uv: 'true' }),
  answer('no uv', malformedAnswer, { uv: undefined }),
  answer('a member we do not know', malformedAnswer, { amr: ['hwk'] }),
  answer('a reason that hides its order', malformedAnswer, { rsn: 'me \u202Eton' }),
  answer('a reason of 141 characters', malformedAnswer, { rsn: 'x'.repeat(141) }),
  answer('a jti of 15 characters', malformedAnswer, { jti: 'A'.repeat(15) }),
  answer('null where there is nothing', malformedAnswer, { rsn: null }),
]

export const answerVectors: readonly AnswerVector[] = [
  ...good,
  ...wrongNumbers,
  ...wrongClaims,
  ...wrongKeys,
  ...malformedOnes,
  ...wrongHeaders(answerTyp, verification.kid).map(([name, header]) => ({
    name,
    challenge: usual,
    jws: signJson(verification, header, approve),
    expected: malformedAnswer,
  })),
  ...spellings(verification, headerOf(answerTyp, verification), approve, {
    malformed: malformedAnswer,
    notSigned: invalid('kid'),
    accepted: approval,
  }).map((vector) => ({ challenge: usual, ...vector })),
]

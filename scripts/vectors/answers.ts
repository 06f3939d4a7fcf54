// Answers to the request, each with what the challenge becomes or why it is refused.

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
  refused,
  sha256,
  signJson,
  type TestKey,
  userId,
} from './world.ts'

const answerTyp = 'approval-response+jwt'
const { possession, verification, stranger } = keys
type Changes = Readonly<Record<string, unknown>>

/** What the service knows of the challenge when the answer arrives. */
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

/** The challenge of every vector that names no other. */
const usual: AskedChallenge = {
  userVerification: 'preferred',
  numberMode: 'service',
  numberDigits: 6,
  number: '083920',
  wrongNumbersLeft: 3,
  deviceHasVerificationKey: true,
}

const approve = {
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
  expected: Expected,
  changes: Changes = {},
  { key = verification, kid = key.kid, challenge = {} }: How = {},
): AnswerVector {
  const jws = signJson(key, headerOf(answerTyp, { kid }), { ...approve, ...changes })
  return { name, challenge: { ...usual, ...challenge }, jws, expected }
}

const approved = { ok: true, status: 'approved' } as const
const denied = { ok: true, status: 'denied' } as const
const malformed = refused('answer_malformed')
const invalid = (claim: string) => refused('answer_invalid', claim)
const wrong = (wrongNumbersLeft: number, currentStatus: string): Expected => ({
  refused: 'wrong_number',
  wrongNumbersLeft,
  currentStatus,
})
const promptless: How = { key: possession }
const withoutNumber = { numberMode: 'none', numberDigits: null, number: null } as const

const good = [
  answer('approve with the number, by the verification key', approved),
  answer('approve with a reason', approved, { rsn: 'It is me' }),
  answer('approve with a reason of joined emoji and letters that are not composed', approved, {
    rsn: 'C\u2019e\u0301tait moi \u{1f469}\u200d\u{1f4bb}',
  }),
  answer(
    'approve where no verification is wanted',
    approved,
    { uv: false },
    { ...promptless, challenge: { userVerification: 'not_required' } },
  ),
  answer(
    'approve by a device that has no verification key',
    approved,
    { uv: false },
    { ...promptless, challenge: { deviceHasVerificationKey: false } },
  ),
  answer(
    'approve where there is nothing to type',
    approved,
    { num: undefined },
    { challenge: withoutNumber },
  ),
  answer('deny, without a prompt', denied, deny, promptless),
  answer('deny, with a prompt', denied, { ...deny, uv: true }),
  answer(
    'report: this was not me',
    denied,
    { ...deny, dec: 'report', rsn: 'I did not sign in' },
    promptless,
  ),
  answer('a lifetime of one second', approved, { exp: iat + 1 }),
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
  answer('no number', refused('number_missing'), { num: undefined }),
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
  answer('61 seconds behind', refused('clock_skew'), { iat: iat - 61, exp: iat - 1 }),
  answer('11 seconds ahead', refused('clock_skew'), { iat: iat + 11, exp: iat + 71 }),
]

const wrongKeys = [
  answer(
    'the possession key where the device has a verification key',
    refused('answer_key_not_allowed'),
    { uv: false },
    promptless,
  ),
  answer(
    'the possession key where verification is required',
    refused('answer_key_not_allowed'),
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
  answer('a number with a denial', malformed, { ...deny, num: '083920' }, promptless),
  answer('a decision that we do not know', malformed, { dec: 'allow' }),
  answer('a number as a number', malformed, { num: 83920 }),
  answer('uv as text', malformed, { uv: 'true' }),
  answer('no uv', malformed, { uv: undefined }),
  answer('a member we do not know', malformed, { amr: ['hwk'] }),
  answer('a reason that hides its order', malformed, { rsn: 'me \u202Eton' }),
  answer('a reason of 141 characters', malformed, { rsn: 'x'.repeat(141) }),
  answer('a jti of 15 characters', malformed, { jti: 'A'.repeat(15) }),
  answer('null where there is nothing', malformed, { rsn: null }),
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
    expected: malformed,
  })),
  ...spellings(verification, headerOf(answerTyp, verification), approve, {
    malformed,
    notSigned: invalid('kid'),
    accepted: approved,
  }).map((vector) => ({ challenge: usual, ...vector })),
]

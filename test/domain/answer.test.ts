import { describe, expect, test } from 'vitest'
import {
  type Answer,
  answerEnd,
  answerTyp,
  checkAcceptedPasskey,
  checkAnswer,
  checkKey,
  checkNamedPasskey,
  decideAnswer,
  readAnswer,
} from '../../src/domain/answer.ts'
import type { UserVerification } from '../../src/domain/challenge.ts'
import type { DeviceKey } from '../../src/domain/device.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import {
  challengeId,
  deviceId,
  jti,
  jwsOf,
  kid,
  later,
  now,
  nowSeconds,
  otherKid,
  userId,
} from './examples.ts'

const payload = {
  iss: deviceId,
  sub: userId,
  aud: 'https://push.example.com/t/tnt',
  jti,
  iat: nowSeconds,
  exp: nowSeconds + 60,
  cid: challengeId,
  nonce: 'nonce',
  rqh: 'hash',
  dec: 'approve',
  num: '483920',
  uv: true,
}

function answerOf(changes: object = {}): Answer {
  const answer = readAnswer(jwsOf(answerTyp, { ...payload, ...changes }))
  if (isRefusal(answer)) throw new Error('the example is well-formed')
  return answer
}

describe('an answer is well-formed', () => {
  test('with every claim, and keeps them', () => {
    expect(answerOf()).toMatchObject({
      kid,
      iss: deviceId,
      sub: userId,
      jti,
      cid: challengeId,
      requestHash: 'hash',
      decision: 'approve',
      number: '483920',
      userVerified: true,
    })
  })

  test.each(['approve', 'deny', 'report'])('with the decision %s and no number', (dec) => {
    const { num: _, ...rest } = payload
    expect(readAnswer(jwsOf(answerTyp, { ...rest, dec }))).toMatchObject({
      decision: dec,
      number: null,
    })
  })

  test('with a passkey that it names in place of the key that signs', () => {
    expect(answerOf({ uv: 'webauthn', vk: otherKid })).toMatchObject({
      userVerified: true,
      passkeyKid: otherKid,
    })
    expect(answerOf()).toMatchObject({ passkeyKid: null })
  })

  test('with a showable remark', () => {
    expect(answerOf({ rsn: 'I was asleep' })).toMatchObject({ decision: 'approve' })
  })
})

describe('an answer is malformed', () => {
  test.each<[string, object]>([
    ['with an unknown decision', { dec: 'accept' }],
    ['with a decision in another case', { dec: 'APPROVE' }],
    ['with an unknown claim', { admin: true }],
    ['with a number as a number', { num: 483920 }],
    ['with a number in a denial', { dec: 'deny' }],
    ['with a number in a report', { dec: 'report' }],
    ['with a short jti', { jti: 'short' }],
    ['with a jti that is no base64url', { jti: 'jti 0123456789 A' }],
    ['with a boolean as text', { uv: 'true' }],
    ['with a boolean as text, and a passkey', { uv: 'true', vk: otherKid }],
    ['with a passkey and no word that it is one', { uv: true, vk: otherKid }],
    ['with the word and no passkey', { uv: 'webauthn' }],
    ['with a passkey that is no thumbprint', { uv: 'webauthn', vk: 'x' }],
    ['with a passkey and an unknown claim', { uv: 'webauthn', vk: otherKid, admin: true }],
    ['with a list as audience', { aud: ['https://push.example.com'] }],
    ['with a fraction of a second', { iat: nowSeconds + 0.5 }],
    ['with a remark that is too long', { rsn: 'x'.repeat(141) }],
    ['with a remark that hides something', { rsn: 'yes\u202e' }],
    ['with a blank remark', { rsn: ' ' }],
    ['with a claim missing', { nonce: undefined }],
  ])('%s', (_, changes) => {
    expect(readAnswer(jwsOf(answerTyp, { ...payload, ...changes }))).toEqual({
      refused: 'answer_malformed',
    })
  })

  test('with an unknown decision, also without a number', () => {
    const { num: _, ...rest } = payload
    expect(readAnswer(jwsOf(answerTyp, { ...rest, dec: 'accept' }))).toEqual({
      refused: 'answer_malformed',
    })
  })

  test.each([
    'approval-request+jwt',
    'approval-result+jwt',
    'device-proof+jwt',
    'device-claim+jwt',
    'keyset+jwt',
    'JWT',
  ])('when it is a %s', (typ) => {
    expect(readAnswer(jwsOf(typ, payload))).toEqual({ refused: 'answer_malformed' })
  })

  test('with more than algorithm, type and key in its header', () => {
    const jws = jwsOf(answerTyp, payload, { jku: 'https://evil.example' })
    expect(readAnswer(jws)).toEqual({ refused: 'answer_malformed' })
  })
})

describe('a verified answer is compared with its challenge', () => {
  const question = {
    issuer: payload.aud,
    deviceId,
    userId,
    challengeId,
    nonce: 'nonce',
    requestHash: 'hash',
  } as const

  test('and accepted when every claim agrees', () => {
    expect(checkAnswer(answerOf(), question, now)).toBeUndefined()
  })

  test.each(['iss', 'sub', 'aud', 'cid', 'nonce', 'rqh'])(
    'and refused with the name of the claim when %s differs',
    (claim) => {
      const refusal = checkAnswer(answerOf({ [claim]: 'another' }), question, now)
      expect(refusal).toEqual({ refused: 'answer_invalid', facts: { claim } })
    },
  )

  test.each([-61, 11])(
    'and refused with the service’s time when issued %i s from now',
    (seconds) => {
      const answer = answerOf({ iat: nowSeconds + seconds, exp: nowSeconds + seconds + 60 })
      expect(checkAnswer(answer, question, now)).toEqual({
        refused: 'clock_skew',
        facts: { serverTime: now.toISOString() },
      })
    },
  )

  test.each([
    ['ends before it begins', { exp: nowSeconds - 1 }],
    ['has no lifetime', { exp: nowSeconds }],
    ['lives longer than a minute', { exp: nowSeconds + 61 }],
    [
      'has expired, though it was issued within the window',
      { iat: nowSeconds - 30, exp: nowSeconds - 1 },
    ],
    ['expires at this very moment', { iat: nowSeconds - 30, exp: nowSeconds }],
  ])('and refused when it %s', (_, times) => {
    expect(checkAnswer(answerOf(times), question, now)).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'exp' },
    })
  })

  test('and accepted until the moment it expires', () => {
    const answer = answerOf({ exp: nowSeconds + 20 })
    expect(checkAnswer(answer, question, later(19.999))).toBeUndefined()
  })
})

describe('a key may say', () => {
  const key = (role: DeviceKey['role']): DeviceKey => ({
    role,
    kid,
    publicJwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
  })
  const possession = key('possession')
  const verification = key('verification')
  const approve = (uv: boolean) => answerOf({ uv })
  const denial = (uv: boolean) => {
    const { num: _, ...rest } = payload
    const answer = readAnswer(jwsOf(answerTyp, { ...rest, dec: 'deny', uv }))
    if (isRefusal(answer)) throw new Error('the example is well-formed')
    return answer
  }

  test.each<[UserVerification, boolean, 'possession' | 'verification', string | undefined]>([
    ['required', true, 'verification', undefined],
    ['required', true, 'possession', 'answer_key_not_allowed'],
    ['required', false, 'possession', 'answer_key_not_allowed'],
    ['preferred', true, 'verification', undefined],
    ['preferred', true, 'possession', 'answer_key_not_allowed'],
    ['preferred', false, 'possession', undefined],
    ['not_required', true, 'possession', undefined],
    ['not_required', true, 'verification', undefined],
    ['not_required', false, 'possession', undefined],
  ])(
    'approve, verification %s, device has a verification key: %s, signed by %s: %s',
    (verificationRule, has, role, code) => {
      const signer = role === 'verification' ? verification : possession
      const refusal = checkKey(approve(role === 'verification'), signer, has, verificationRule)
      expect(refusal?.refused).toBe(code)
    },
  )

  test.each<UserVerification>(['required', 'preferred', 'not_required'])(
    'deny with either key when verification is %s',
    (verificationRule) => {
      expect(checkKey(denial(false), possession, true, verificationRule)).toBeUndefined()
      expect(checkKey(denial(true), verification, true, verificationRule)).toBeUndefined()
    },
  )

  test('what a passkey confirms, which is named in place of a key that signs', () => {
    const namedAnswer = answerOf({ uv: 'webauthn', vk: otherKid })
    for (const rule of ['required', 'preferred', 'not_required'] as const) {
      expect(checkKey(namedAnswer, possession, true, rule)).toBeUndefined()
    }
  })

  test('only the truth about itself', () => {
    const lie = { refused: 'answer_invalid', facts: { claim: 'uv' } }
    expect(checkKey(approve(true), possession, false, 'not_required')).toEqual(lie)
    expect(checkKey(approve(false), verification, true, 'not_required')).toEqual(lie)
    expect(checkKey(denial(true), possession, true, 'required')).toEqual(lie)
  })
})

describe('an answer decides', () => {
  const challenge = { numberMode: 'service', numberDigits: 6, wrongNumbersLeft: 3 } as const
  const right = { decision: 'approve', number: '483920' } as const

  test('approved, when the number is right', () => {
    expect(decideAnswer(challenge, right, true)).toEqual({
      outcome: 'approved',
      status: 'approved',
      reason: null,
      wrongNumbersLeft: 3,
    })
  })

  test.each([
    ['deny', 'user_denied'],
    ['report', 'user_reported'],
  ] as const)('%s as denied, %s, whatever the number', (decision, reason) => {
    for (const numberMode of ['service', 'caller', 'none'] as const) {
      expect(decideAnswer({ ...challenge, numberMode }, { decision, number: null }, false)).toEqual(
        {
          outcome: 'denied',
          status: 'denied',
          reason,
          wrongNumbersLeft: 3,
        },
      )
    }
  })

  test.each([
    [3, 2],
    [2, 1],
  ])(
    'that a wrong number with %i attempts left costs one and leaves the challenge pending',
    (before, attemptsLeft) => {
      const effect = decideAnswer({ ...challenge, wrongNumbersLeft: before }, right, false)
      expect(effect).toEqual({
        outcome: 'wrong_number',
        status: 'pending',
        reason: null,
        wrongNumbersLeft: attemptsLeft,
      })
    },
  )

  test('that the last wrong number ends the challenge', () => {
    expect(decideAnswer({ ...challenge, wrongNumbersLeft: 1 }, right, false)).toEqual({
      outcome: 'wrong_number',
      status: 'denied',
      reason: 'number_mismatch',
      wrongNumbersLeft: 0,
    })
  })

  test.each(['48392', '4839200', '٤٨٣٩٢٠', '', '48392\n'])(
    'that %j is a wrong number even if a comparison said otherwise',
    (number) => {
      const effect = decideAnswer(challenge, { decision: 'approve', number }, true)
      expect(effect).toMatchObject({ outcome: 'wrong_number' })
    },
  )

  test('that no number fits a challenge that has lost its digits', () => {
    const damagedChallenge = { ...challenge, numberDigits: null }
    expect(decideAnswer(damagedChallenge, right, true)).toMatchObject({ outcome: 'wrong_number' })
  })

  test('nothing when the number is missing, and costs no attempt', () => {
    const empty = { decision: 'approve', number: null } as const
    expect(decideAnswer(challenge, empty, false)).toEqual({ refused: 'number_missing' })
  })

  test('approved without a number only where none was required', () => {
    const none = { ...challenge, numberMode: 'none', numberDigits: null } as const
    const empty = { decision: 'approve', number: null } as const
    expect(decideAnswer(none, empty, false)).toMatchObject({ outcome: 'approved' })
    expect(decideAnswer(none, right, true)).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'num' },
    })
  })
})

test.each([
  ['leaves it pending', 'pending', null, null],
  ['approves it', 'approved', null, 'approved'],
  ['denies it, for its reason', 'denied', 'user_reported', 'user_reported'],
] as const)('an answer %s', (_what, status, reason, end) => {
  const effect = { outcome: 'wrong_number', status, reason, wrongNumbersLeft: 1 } as const
  expect(answerEnd(effect)).toBe(end)
})

describe('a passkey is named', () => {
  const invalid = (claim: string) => ({ refused: 'answer_invalid', facts: { claim } })
  test.each([
    ['by an answer with its assertion', otherKid, otherKid, true, undefined],
    ['by no answer of another device', otherKid, kid, true, invalid('vk')],
    ['by no answer of a device that has none', otherKid, null, true, invalid('vk')],
    ['by no answer without its assertion', otherKid, otherKid, false, invalid('assertion')],
    ['wherever an assertion comes', null, otherKid, true, invalid('assertion')],
    ['nowhere else', null, otherKid, false, undefined],
  ])('%s', (_, passkeyKid, own, isAsserted, outcome) => {
    expect(checkNamedPasskey({ passkeyKid }, own, isAsserted)).toEqual(outcome)
  })
})

test('a passkey that the tenant has come to refuse confirms no approval, and nothing else', () => {
  const device = { passkey: { backupEligible: true } }
  const policy = { syncedPasskeys: 'refused' } as const
  const check = (decision: Answer['decision'], passkeyKid: string | null, of = device) =>
    checkAcceptedPasskey({ decision, passkeyKid }, of as never, policy)
  expect(check('approve', kid)).toEqual({ refused: 'answer_key_not_allowed' })
  expect(check('approve', kid, { passkey: { backupEligible: false } })).toBeUndefined()
  expect(check('approve', null)).toBeUndefined()
  expect(check('deny', kid)).toBeUndefined()
})

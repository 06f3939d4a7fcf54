import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkClaimProof,
  claimTyp,
  confirmEnrollment,
  type Enrollment,
  mayAddDevice,
  readClaimedVersion,
  readCode,
  typedCodeAlphabet,
  typedCodeLength,
  viewOf,
} from '../../src/domain/enrollment.ts'
import {
  deviceId,
  enrollmentId,
  jti,
  jwsOf,
  kid,
  later,
  now,
  nowSeconds,
  otherDeviceId,
  otherKid,
  rpId,
  tenantId,
  userId,
} from './examples.ts'

const enrollment: Enrollment = {
  tenantId,
  id: enrollmentId,
  userId,
  rpId,
  status: 'open',
  reason: null,
  codeAttemptsLeft: 5,
  wrongNumbersLeft: 3,
  confirmationRequired: true,
  replacesDeviceId: null,
  parentDeviceId: null,
  deviceId: null,
  openedByDeviceId: null,
  openedBySessionId: null,
  createdAt: now,
  expiresAt: later(600),
  claimedAt: null,
  endedAt: null,
}

test.each([
  ['open', 599.999, 'open'],
  ['open', 600, 'expired'],
  ['claimed', 599.999, 'claimed'],
  ['claimed', 600, 'expired'],
  ['completed', 600, 'completed'],
  ['cancelled', 600, 'cancelled'],
  ['void', 600, 'void'],
] as const)('an enrollment that is %s is shown after %d s as %s', (status, seconds, view) => {
  expect(viewOf({ ...enrollment, status }, later(seconds))).toBe(view)
})

test('an enrollment whose expiry is not a valid time is shown as expired', () => {
  expect(viewOf({ ...enrollment, expiresAt: new Date(Number.NaN) }, later(0))).toBe('expired')
})

describe('an enrollment code', () => {
  test('is scanned when it is 256 bits of base64url', () => {
    const code = `${'A-_9'.repeat(10)}abc`
    expect(readCode(code)).toEqual({ kind: 'scanned', code })
  })

  test.each([
    ['7K3QM9TX2R', '7K3QM9TX2R'],
    ['7K3QM-9TX2R', '7K3QM9TX2R'],
    ['7k3qm-9tx2r', '7K3QM9TX2R'],
    [' 7k3qm 9tx2r ', '7K3QM9TX2R'],
    ['7-K-3-Q-M-9-T-X-2-R', '7K3QM9TX2R'],
    ['oOlLiI0011', '0011110011'],
    ['٧k٣qm–٩tx٢r', '7K3QM9TX2R'],
    ['“7K3QM\u00a0—\u00a09TX2R”', '7K3QM9TX2R'],
    ['\u20687K3QM\u00ad9TX2R\u2069', '7K3QM9TX2R'],
  ])('is typed, leniently: %j means %s', (text, code) => {
    expect(readCode(text)).toEqual({ kind: 'typed', code })
  })

  test.each([
    ['empty', ''],
    ['short', '7K3QM9TX2'],
    ['long', '7K3QM9TX2R2'],
    ['with a letter that is none of it', '7K3QM9TX2U'],
    ['with a sign', '7K3QM9TX2!'],
    ['in full-width characters', '７Ｋ３ＱＭ９ＴＸ２Ｒ'],
    ['in Cyrillic look-alikes', '7К3QМ9ТХ2R'],
    ['42 characters of base64url', 'a'.repeat(42)],
    ['44 characters of base64url', 'a'.repeat(44)],
    ['a scanned code with a line feed behind it', `${'a'.repeat(43)}\n`],
    ['a null behind it', '7K3QM9TX2R\0'],
  ])('is rejected when %s: %j', (_, text) => {
    expect(readCode(text)).toBeUndefined()
  })

  test('that the service creates is read back unchanged, in either case and with its dash', () => {
    expect(typedCodeAlphabet).toHaveLength(32)
    expect(new Set(typedCodeAlphabet).size).toBe(32)
    const codes = fc
      .array(fc.constantFrom(...typedCodeAlphabet), {
        minLength: typedCodeLength,
        maxLength: typedCodeLength,
      })
      .map((letters) => letters.join(''))
    fc.assert(
      fc.property(codes, (code) => {
        const dashedCode = `${code.slice(0, 5)}-${code.slice(5)}`
        expect(readCode(dashedCode)).toEqual({ kind: 'typed', code })
        expect(readCode(dashedCode.toLowerCase())).toEqual({ kind: 'typed', code })
      }),
    )
  })
})

describe('a claim proof', () => {
  const facts = {
    issuer: 'https://push.example.com/t/tnt',
    codeHash: 'code-hash',
    possessionKid: kid,
    verificationKid: otherKid,
  }
  const payload = {
    aud: facts.issuer,
    ch: 'code-hash',
    pk: kid,
    vk: otherKid,
    iat: nowSeconds,
    jti,
  }
  const { vk: _, ...withoutVerification } = payload

  test('of either key contains what both must contain', () => {
    expect(checkClaimProof(jwsOf(claimTyp, payload), kid, facts, now)).toBeUndefined()
    const second = jwsOf(claimTyp, payload, { kid: otherKid })
    expect(checkClaimProof(second, otherKid, facts, now)).toBeUndefined()
  })

  test('may name the version of the protocol, and is refused when that is malformed', () => {
    const withVersion = (protocolVersion: unknown) =>
      checkClaimProof(jwsOf(claimTyp, { ...payload, protocolVersion }), kid, facts, now)
    expect([1, 2, 1000].map(withVersion)).toEqual([undefined, undefined, undefined])
    for (const value of [0, 1001, 1.5, '2', null]) {
      expect(withVersion(value)).toMatchObject({ refused: 'invalid_request' })
    }
    expect(readClaimedVersion({ payload: { ...payload, protocolVersion: 3 } })).toBe(3)
    expect(readClaimedVersion({ payload })).toBe(1)
    for (const nothing of [null, 'text', 7]) {
      expect(readClaimedVersion({ payload: nothing })).toBe(1)
    }
  })

  test('of a device with one key names no second', () => {
    const alone = { ...facts, verificationKid: null }
    expect(checkClaimProof(jwsOf(claimTyp, withoutVerification), kid, alone, now)).toBeUndefined()
    expect(checkClaimProof(jwsOf(claimTyp, payload), kid, alone, now)).toMatchObject({
      facts: { claim: 'vk' },
    })
    expect(checkClaimProof(jwsOf(claimTyp, withoutVerification), kid, facts, now)).toMatchObject({
      facts: { claim: 'vk' },
    })
  })

  test('is refused when another key is named in its header', () => {
    const jws = jwsOf(claimTyp, payload, { kid: otherKid })
    expect(checkClaimProof(jws, kid, facts, now)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'kid' },
    })
  })

  test.each(['aud', 'ch', 'pk', 'vk'])(
    'is refused with the name of the claim when %s differs',
    (claim) => {
      const jws = jwsOf(claimTyp, { ...payload, [claim]: 'another' })
      expect(checkClaimProof(jws, kid, facts, now)).toEqual({
        refused: 'proof_invalid',
        facts: { claim },
      })
    },
  )

  test.each([-61, 11])(
    'is refused with the service’s time when issued %i s from now',
    (seconds) => {
      const jws = jwsOf(claimTyp, { ...payload, iat: nowSeconds + seconds })
      expect(checkClaimProof(jws, kid, facts, now)).toEqual({
        refused: 'clock_skew',
        facts: { serverTime: now.toISOString() },
      })
    },
  )

  test.each<[string, string, object]>([
    ['is of another type', 'device-proof+jwt', payload],
    ['has an unknown claim', claimTyp, { ...payload, did: deviceId }],
    ['lacks a claim', claimTyp, { aud: facts.issuer }],
    ['has a bad jti', claimTyp, { ...payload, jti: 'short' }],
  ])('is malformed when it %s', (_name, typ, claims) => {
    expect(checkClaimProof(jwsOf(typ, claims), kid, facts, now)).toEqual({
      refused: 'proof_malformed',
    })
  })
})

describe('the limit of devices per user', () => {
  test.each([
    ['below the limit', [deviceId], null, 2, true],
    ['not at the limit', [deviceId, otherDeviceId], null, 2, false],
    ['at the limit when one of them is replaced', [deviceId, otherDeviceId], deviceId, 2, true],
    [
      'not above the limit when one of them is replaced',
      [deviceId, otherDeviceId],
      deviceId,
      1,
      false,
    ],
    [
      'not at the limit when the replaced device is none of them',
      [deviceId],
      otherDeviceId,
      1,
      false,
    ],
  ] as const)('%s', (_, live, replacedId, max, may) => {
    expect(mayAddDevice(live, replacedId, max)).toBe(may)
  })
})

describe('the number on the new device', () => {
  test('confirms when it is right, at any attempt', () => {
    for (const attemptsLeft of [1, 2, 3]) {
      expect(confirmEnrollment(attemptsLeft, true)).toEqual({
        outcome: 'confirmed',
        wrongNumbersLeft: attemptsLeft,
      })
    }
  })

  test('costs an attempt when it is wrong, and the last wrong one voids the enrollment', () => {
    expect(confirmEnrollment(3, false)).toEqual({ outcome: 'wrong_number', wrongNumbersLeft: 2 })
    expect(confirmEnrollment(2, false)).toEqual({ outcome: 'wrong_number', wrongNumbersLeft: 1 })
    expect(confirmEnrollment(1, false)).toEqual({ outcome: 'void', wrongNumbersLeft: 0 })
  })
})

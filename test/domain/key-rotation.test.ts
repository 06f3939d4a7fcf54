import { describe, expect, test } from 'vitest'
import { checkRotatable, checkRotationProof } from '../../src/domain/key-rotation.ts'
import { deviceId, jti, jwsOf, kid, now, nowSeconds, otherDeviceId, otherKid } from './examples.ts'

const issuer = 'https://push.example.com/t/x'
const facts = { issuer, deviceId, role: 'possession', kid, replacedKid: otherKid } as const
const payload = {
  ...{ aud: issuer, did: deviceId, role: 'possession', pk: kid, replaces: otherKid },
  ...{ iat: nowSeconds, jti },
}
const check = (changes: object, about: Parameters<typeof checkRotationProof>[1] = facts) =>
  checkRotationProof(jwsOf('device-key+jwt', { ...payload, ...changes }), about, now)

describe('the proof of a new key', () => {
  test('is accepted when it names tenant, device, role, key and the replaced key', () => {
    expect(check({})).toBeUndefined()
  })

  test('may name any replaced key once it is the key of the device', () => {
    expect(check({ replaces: kid }, { ...facts, replacedKid: null })).toBeUndefined()
  })

  test.each([
    ['kid', {}, { ...facts, kid: otherKid }],
    ['aud', { aud: 'https://push.example.com' }, facts],
    ['did', { did: otherDeviceId }, facts],
    ['role', { role: 'verification' }, facts],
    ['pk', { pk: otherKid }, facts],
    ['replaces', { replaces: kid }, facts],
  ] as const)('is refused with another %s', (claim, changes, about) => {
    expect(check(changes, about)).toEqual({ refused: 'proof_invalid', facts: { claim } })
  })

  test.each([
    ['a member more', { more: true }],
    ['a member less', { did: undefined }],
    ['a time in words', { iat: 'now' }],
    ['a short jti', { jti: 'x' }],
  ])('is malformed with %s', (_, changes) => {
    expect(check(changes)).toEqual({ refused: 'proof_malformed' })
  })

  test('is malformed as a text of another kind', () => {
    const jws = jwsOf('device-claim+jwt', payload)
    expect(checkRotationProof(jws, facts, now)).toEqual({ refused: 'proof_malformed' })
  })

  test.each([-61, 11])('is refused %i seconds off, with the time of the service', (offset) => {
    expect(check({ iat: nowSeconds + offset })).toEqual({
      refused: 'clock_skew',
      facts: { serverTime: now.toISOString() },
    })
  })
})

test('a passkey is not replaced; every other key is', () => {
  const passkey = { credentialId: 'x', backupEligible: true, backedUp: true }
  expect(checkRotatable({ passkey })).toEqual({
    refused: 'invalid_request',
    hint: 'A passkey is not replaced. Enroll the browser anew in the place of this device.',
  })
  expect(checkRotatable({})).toBeUndefined()
})

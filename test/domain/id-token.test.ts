import { expect, test } from 'vitest'
import {
  acrValues,
  chooseAcr,
  chooseEntraMethod,
  idTokenPayload,
  idTokenSeconds,
} from '../../src/domain/id-token.ts'

test('the first context asked for that a phone can satisfy is chosen, and no other', () => {
  expect(chooseAcr(['knowledge', 'possession', 'possessionorinherence'])).toBe('possession')
  expect(acrValues.map((one) => chooseAcr([one]))).toEqual([...acrValues])
  expect(chooseAcr(['inherence'])).toBeUndefined()
  expect(chooseAcr([])).toBeUndefined()
})

test('Entra learns one method that is true and that it asked for', () => {
  expect(chooseEntraMethod(['pop', 'hwk', 'user'], ['face', 'pop', 'hwk'])).toBe('hwk')
  expect(chooseEntraMethod(['pop', 'swk'], ['pop'])).toBe('pop')
  expect(chooseEntraMethod(['otp'], null)).toBe('otp')
  expect(chooseEntraMethod(['pop', 'swk'], ['face', 'otp'])).toBeUndefined()
  expect(chooseEntraMethod([], null)).toBeUndefined()
})

test('an ID token says who, for whom, how and when, and is the same when signed again', () => {
  const facts = {
    issuer: 'https://push.example/t/1/oidc',
    audience: 'int_1',
    evidence: { amr: ['pop', 'swk'], verifiedAt: new Date('2026-11-30T12:00:00.900Z') },
    amr: ['swk'],
    userName: null,
    answeredAt: new Date('2026-11-30T12:00:05.999Z'),
  }
  const iat = Date.parse('2026-11-30T12:00:05Z') / 1000
  const payload = idTokenPayload({ subject: 'ada', nonce: 'n', acr: 'possession' }, facts)
  expect(JSON.parse(payload)).toEqual({
    iss: facts.issuer,
    aud: 'int_1',
    sub: 'ada',
    iat,
    exp: iat + idTokenSeconds,
    auth_time: iat - 5,
    nonce: 'n',
    acr: 'possession',
    amr: ['swk'],
  })
  const plain = JSON.parse(idTokenPayload({ subject: 'ada', nonce: null, acr: null }, facts))
  expect(plain).not.toHaveProperty('nonce')
  expect(plain).not.toHaveProperty('acr')
  expect(plain).not.toHaveProperty('preferred_username')
  const request = { subject: 'ada', nonce: null, acr: null }
  const withName = idTokenPayload(request, { ...facts, userName: 'ada' })
  expect(JSON.parse(withName)).toMatchObject({ sub: 'ada', preferred_username: 'ada' })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nonceOf,
  type RequestFacts,
  requestHeader,
  requestPayload,
} from '../../src/domain/approval-request.ts'
import {
  challengeId,
  deviceId,
  jti,
  kid,
  later,
  now,
  nowSeconds,
  tenantId,
  userId,
} from './examples.ts'

const facts: RequestFacts = {
  issuer: 'https://push.example.com/t/tnt',
  tenantId,
  challengeId,
  deviceId,
  userId,
  jti,
  nonce: 'n'.repeat(43),
  relyingPartyName: 'Payroll',
  context: { action: 'Sign in', fields: [{ label: 'Amount', value: 'CHF 5' }] },
  numberMode: 'service',
  numberDigits: 6,
  callerNumber: null,
  userVerification: 'preferred',
  returnUrl: null,
  createdAt: later(0.9),
  expiresAt: later(120.9),
  protocolVersion: 1,
}

describe('a request', () => {
  test('contains the device, the context, the expiry, and how many digits to type', () => {
    expect(JSON.parse(requestPayload(facts))).toEqual({
      iss: facts.issuer,
      aud: deviceId,
      jti,
      iat: nowSeconds,
      exp: nowSeconds + 120,
      cid: challengeId,
      tid: tenantId,
      sub: userId,
      nonce: facts.nonce,
      ctx: {
        relyingParty: 'Payroll',
        action: 'Sign in',
        fields: [{ label: 'Amount', value: 'CHF 5' }],
      },
      number: { digits: 6 },
      uv: 'preferred',
    })
  })

  test('requires no number when there is none', () => {
    const payload = requestPayload({ ...facts, numberMode: 'none', numberDigits: null })
    expect(JSON.parse(payload)).toMatchObject({ number: null })
  })

  test('never contains the caller’s number, in any text', () => {
    const number = '483920'
    const text = fc.tuple(
      fc.constantFrom('', 'Code ', '1'),
      fc.constantFrom(number, '483 920', '48-39-20'),
    )
    const texts = text.map(([before, code]) => `${before}${code}`)
    const context = fc.record(
      {
        application: texts,
        action: texts,
        ip: texts,
        location: texts,
        userAgent: texts,
        fields: fc.array(fc.record({ label: texts, value: texts }), { maxLength: 3 }),
        transaction: fc.record({
          amount: fc.constant('12.00'),
          currency: fc.constant('EUR'),
          payee: texts,
        }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(context, (value) => {
        const payload = requestPayload({
          ...facts,
          context: value,
          numberMode: 'caller',
          callerNumber: number,
        })
        const { ctx } = JSON.parse(payload) as { ctx: object }
        expect(Object.keys(ctx).sort()).toEqual([...Object.keys(value), 'relyingParty'].sort())
        expect(JSON.stringify(ctx).replace(/[ -]/g, '')).not.toContain(number)
      }),
    )
  })

  test('never alters an amount, not even where it is the caller’s number', () => {
    const transaction = { amount: '483920', currency: 'EUR', payee: 'Shop' }
    const facts2 = { ...facts, context: { transaction }, protocolVersion: 2 }
    const payload = requestPayload({ ...facts2, numberMode: 'caller', callerNumber: '483920' })
    expect(JSON.parse(payload)).toMatchObject({ ctx: { transaction } })
  })

  test('names its algorithm, its type and the key that signs it, and nothing else', () => {
    const header = JSON.parse(requestHeader(kid)) as unknown
    expect(header).toEqual({ alg: 'ES256', typ: 'approval-request+jwt', kid })
  })

  test('returns the nonce that the answer must echo', () => {
    expect(nonceOf(requestPayload(facts))).toBe(facts.nonce)
  })

  test('is the same text whenever it is built from the same facts', () => {
    expect(requestPayload({ ...facts, createdAt: now })).toBe(
      requestPayload({ ...facts, createdAt: now }),
    )
  })
})

import { describe, expect, test } from 'vitest'
import { proofTyp, readProof } from '../../src/domain/device-proof.ts'
import { deviceId, jti, jwsOf, kid, later, now, nowSeconds, tenantId } from './examples.ts'

const request = {
  method: 'POST',
  uri: 'https://push.example.com/device/v1/enrollments/confirm?a=b',
  bodyHash: 'body-hash',
}
const payload = {
  tid: tenantId,
  did: deviceId,
  htm: request.method,
  htu: request.uri,
  iat: nowSeconds,
  jti,
  bh: request.bodyHash,
}
const { bh: _, ...withoutBody } = payload
const read = (
  claims: object,
  about = request as { method: string; uri: string; bodyHash: string | null },
) => readProof(jwsOf(proofTyp, claims), about, now)

describe('a proof is accepted for the request', () => {
  test('when it names method, address and body', () => {
    expect(read(payload)).toMatchObject({ kid, tenantId, deviceId, jti })
  })

  test('when there is no body and it names none', () => {
    expect(read(withoutBody, { ...request, bodyHash: null })).toMatchObject({ jti })
  })

  test('and its jti is stored long past any acceptance window, for clocks that differ', () => {
    expect(read({ ...payload, iat: nowSeconds + 10 })).toMatchObject({ expiresAt: later(610) })
    expect(read({ ...payload, iat: nowSeconds - 60 })).toMatchObject({ expiresAt: later(540) })
  })
})

test('a proof says by how much the clock of the device is off', () => {
  const skewOf = (seconds: number) => read({ ...payload, iat: nowSeconds + seconds })
  expect(skewOf(7)).toMatchObject({ clockSkewMs: 7_000 })
  expect(skewOf(-42)).toMatchObject({ clockSkewMs: -42_000 })
})

describe('a proof is refused', () => {
  test.each([
    ['htm', { htm: 'GET' }],
    ['htm', { htm: 'post' }],
    ['htu', { htu: 'https://push.example.com/device/v1/enrollments/confirm' }],
    ['htu', { htu: 'https://evil.example/device/v1/enrollments/confirm?a=b' }],
    ['htu', { htu: `${request.uri}#` }],
    ['bh', { bh: 'another-hash' }],
    ['bh', { bh: '' }],
  ])('with the name of the claim when %s differs: %j', (claim, changes) => {
    expect(read({ ...payload, ...changes })).toEqual({ refused: 'proof_invalid', facts: { claim } })
  })

  test('when there is a body and it names none, and vice versa', () => {
    const refusal = { refused: 'proof_invalid', facts: { claim: 'bh' } }
    expect(read(withoutBody)).toEqual(refusal)
    expect(read(payload, { ...request, bodyHash: null })).toEqual(refusal)
  })

  test.each([-61, 11])('with the service’s time when it was issued %i s from now', (seconds) => {
    expect(read({ ...payload, iat: nowSeconds + seconds })).toEqual({
      refused: 'clock_skew',
      facts: { serverTime: now.toISOString() },
    })
  })

  test.each<[string, object]>([
    ['an unknown claim', { ath: 'x' }],
    ['no tenant id', { tid: 'tnt_1' }],
    ['another kind of id for the tenant', { tid: deviceId }],
    ['no device id', { did: `${deviceId}'--` }],
    ['a bad jti', { jti: 'short' }],
    ['a time as text', { iat: String(nowSeconds) }],
    ['a body hash that is no text', { bh: null }],
  ])('as malformed with %s', (_name, changes) => {
    expect(read({ ...payload, ...changes })).toEqual({ refused: 'proof_malformed' })
  })

  test.each(['approval-response+jwt', 'device-claim+jwt', 'dpop+jwt'])(
    'as malformed when it is a %s',
    (typ) => {
      expect(readProof(jwsOf(typ, payload), request, now)).toEqual({ refused: 'proof_malformed' })
    },
  )
})

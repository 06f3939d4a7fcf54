import { beforeAll, describe, expect, test } from 'vitest'
import {
  type RequestExpectation,
  readRequest,
} from '../../../clients/device/src/approval-request.ts'
import { requestHeader, requestPayload } from '../../../src/domain/approval-request.ts'
import {
  challengeId,
  createTenantKeys,
  deviceId,
  issuer,
  requestFacts,
  serverNow,
  signatures,
  signRaw,
  signRequest,
  type TenantKeys,
  tenantId,
  userId,
} from './stand-in.ts'

let tenantKeys: TenantKeys
let expectation: RequestExpectation

beforeAll(async () => {
  tenantKeys = await createTenantKeys()
  const keySet = tenantKeys.keySet()
  expectation = { keySet, issuer, tenantId, deviceId, userId, challengeId, now: serverNow }
})

describe('a request that the service signed for this device', () => {
  test('is read with all its contents, and identified by the hash that the service stored', async () => {
    const request = await readRequest(await signRequest(tenantKeys.active()), expectation)
    expect(request).toEqual({
      challengeId,
      context: {
        relyingParty: 'Example Mail',
        application: 'Webmail',
        ip: '192.0.2.7',
        fields: [{ label: 'Order', value: '12 €' }],
      },
      numberDigits: 6,
      userVerification: 'preferred',
      protocolVersion: 1,
      returnUrl: null,
      createdAt: requestFacts().createdAt,
      expiresAt: requestFacts().expiresAt,
      nonce: requestFacts().nonce,
      requestHash: signatures.signedHash(
        requestHeader(tenantKeys.active().kid),
        requestPayload(requestFacts()),
      ),
    })
  })

  test('may ask for no number', async () => {
    const jws = await signRequest(tenantKeys.active(), { numberMode: 'none', numberDigits: null })
    expect(await readRequest(jws, expectation)).toMatchObject({ numberDigits: null })
  })
})

describe('a request of version 2', () => {
  const transaction = { amount: '129.90', currency: 'EUR', payee: 'Bookshop' }
  const facts = requestFacts({ protocolVersion: 2, context: { action: 'Pay', transaction } })
  const read = async (changes: object = {}) => {
    const key = tenantKeys.active()
    const payload = { ...(JSON.parse(requestPayload(facts)) as object), ...changes }
    const header = JSON.parse(requestHeader(key.kid)) as object
    return readRequest(await signRaw(key, header, payload), expectation)
  }

  test('is read with what version 1 could not show', async () => {
    expect(await read()).toMatchObject({
      context: { relyingParty: 'Example Mail', action: 'Pay', transaction },
    })
  })

  test('is read without what this version does not know and need not show', async () => {
    const ctx = { relyingParty: 'x', action: 'Pay', mood: 'good' }
    const request = await read({ ctx, hint: 1 })
    expect(request).toMatchObject({ context: { relyingParty: 'x', action: 'Pay' } })
    expect(JSON.stringify(request)).not.toMatch(/mood|hint/)
  })

  test('is not shown when something must be shown that this version does not know', async () => {
    expect(await read({ must: ['ctx.mood'] })).toBe('update_needed')
    expect(await read({ ver: 3 })).toBe('update_needed')
  })
})

describe('a request that is not to be shown', () => {
  test.each([
    ['another service', { issuer: 'https://attacker.example/t/x' }, 'issuer_wrong'],
    ['another tenant', { tenantId: 'tnt_01h455vb4pex5vsknk084sn0zz' }, 'tenant_wrong'],
    ['another device', { deviceId: 'dev_01h455vb4pex5vsknk084sn0zz' }, 'audience_wrong'],
    ['another user', { userId: 'usr_01h455vb4pex5vsknk084sn0zz' }, 'user_wrong'],
    ['another challenge', { challengeId: 'chl_01h455vb4pex5vsknk084sn0zz' }, 'challenge_wrong'],
    ['a time that is over', { expiresAt: serverNow }, 'expired'],
    [
      'a time to come',
      { createdAt: new Date('2027-01-01T00:02:00Z'), expiresAt: new Date('2027-01-01T00:04:00Z') },
      'not_yet_valid',
    ],
    ['a lifetime beyond ten minutes', { expiresAt: new Date('2027-01-01T00:10:01Z') }, 'malformed'],
    ['an end before its beginning', { createdAt: new Date('2027-01-01T00:03:00Z') }, 'malformed'],
    ['a number of nine digits', { numberDigits: 9 }, 'malformed'],
    [
      'an unknown wish for verification',
      { userVerification: 'perhaps' as 'required' },
      'malformed',
    ],
  ] as const)('%s', async (_, changes, fault) => {
    expect(await readRequest(await signRequest(tenantKeys.active(), changes), expectation)).toBe(
      fault,
    )
  })

  test.each([
    ['a member we do not know', { more: 1 }],
    ['a missing nonce', { nonce: undefined }],
    ['a text where a time belongs', { exp: '1798761720' }],
    ['a fraction of a second', { iat: 1798761600.5 }],
    ['a context with a member we could not show', { ctx: { relyingParty: 'x', html: '<b>' } }],
    ['a context that is a list', { ctx: [] }],
    ['a context without its relying party', { ctx: { application: 'x' } }],
    [
      'a field with a member more',
      { ctx: { relyingParty: 'x', fields: [{ label: 'a', value: 'b', url: 'c' }] } },
    ],
    ['the number itself', { number: { digits: 6, value: '483920' } }],
  ])('%s', async (_, changes) => {
    const key = tenantKeys.active()
    const payload = { ...(JSON.parse(requestPayload(requestFacts())) as object), ...changes }
    const jws = await signRaw(key, JSON.parse(requestHeader(key.kid)) as object, payload)
    expect(await readRequest(jws, expectation)).toBe('malformed')
  })

  test.each([
    ['typ of another kind', { typ: 'approval-result+jwt' }, 'malformed'],
    ['alg none', { alg: 'none' }, 'malformed'],
    ['alg HS256', { alg: 'HS256' }, 'malformed'],
    ['a header that brings its own key', { jwk: {} }, 'malformed'],
    ['crit', { crit: ['b64'], b64: true }, 'malformed'],
    ['a key we never pinned', { kid: 'A'.repeat(43) }, 'key_unknown'],
  ])('%s', async (_, changes, fault) => {
    const key = tenantKeys.active()
    const header = { ...(JSON.parse(requestHeader(key.kid)) as object), ...changes }
    const jws = await signRaw(key, header, JSON.parse(requestPayload(requestFacts())) as object)
    expect(await readRequest(jws, expectation)).toBe(fault)
  })

  test('every single changed character of the text', async () => {
    const jws = await signRequest(tenantKeys.active())
    // The last character of the signature carries four bits that no decoder keeps.
    for (let at = 0; at < jws.length - 1; at++) {
      const otherLetter = jws[at] === 'A' ? 'B' : 'A'
      const changedJws = jws.slice(0, at) + otherLetter + jws.slice(at + 1)
      expect(['malformed', 'key_unknown', 'signature_wrong'], `at ${at}`).toContain(
        await readRequest(changedJws, expectation),
      )
    }
  })

  test('a signature by a key that somebody else has under the pinned name', async () => {
    const stranger = (await createTenantKeys()).active()
    const header = JSON.parse(requestHeader(tenantKeys.active().kid)) as object
    const jws = await signRaw(
      stranger,
      header,
      JSON.parse(requestPayload(requestFacts())) as object,
    )
    expect(await readRequest(jws, expectation)).toBe('signature_wrong')
  })

  test.each(['', 'a.b.c', '\n', 'x'.repeat(70_000)])(
    'text that is not signed at all',
    async (jws) => {
      expect(await readRequest(jws, expectation)).toBe('malformed')
    },
  )
})

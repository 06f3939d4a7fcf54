// Tokens that must be rejected, signed by hand; test/clients/typescript/sign-in.test.ts has those
// of the real service.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactSign, type CryptoKey, exportJWK, exportSPKI, generateKeyPair } from 'jose'
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  RefusedResult,
  type ResultExpectation,
  type ResultTrust,
  ResultVerifier,
} from '../../../clients/typescript/src/client.ts'

const issuer = 'https://countersign.example/t/tnt_01h455vb4pex5vsknk084sn02q'
const audience = 'rp_01h455vb4pex5vsknk084sn02q'
const expectation: ResultExpectation = {
  challengeId: 'chl_01h455vb4pex5vsknk084sn02q',
  userId: 'usr_01h455vb4pex5vsknk084sn02q',
  binding: 'binding-of-this-session-0000000000000000000',
}
const seconds = () => Math.floor(Date.now() / 1000)

const tenant = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('ES256')
const publicJwk = { ...(await exportJWK(tenant.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
const jwks = { keys: [publicJwk] }

type Forgery = {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  readonly key?: CryptoKey | Uint8Array
}

/** A result of the service with changes; undefined omits a claim. */
function sign({ header = {}, claims = {}, key = tenant.privateKey }: Forgery = {}) {
  const honest = {
    iss: issuer,
    aud: audience,
    jti: 'jti-0000000000000001',
    iat: seconds(),
    exp: seconds() + 60,
    tid: 'tnt_01h455vb4pex5vsknk084sn02q',
    cid: expectation.challengeId,
    sub: expectation.userId,
    binding: expectation.binding,
    decision: 'approved',
    number: 'service',
  }
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ ...honest, ...claims })))
    .setProtectedHeader({ alg: 'ES256', typ: 'approval-result+jwt', kid: 'k1', ...header })
    .sign(key)
}

const trusting = (more: Partial<ResultTrust> = {}) =>
  new ResultVerifier({ issuer, audience, jwks, ...more })

async function refusalOf(result: Promise<unknown>): Promise<string> {
  const error = await result.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  )
  if (error instanceof RefusedResult) return error.code
  throw error
}

test.each([
  ['a member that this version does not know', { mood: 'x' }, undefined],
  ['members that must be known, and are', { must: ['new_device', 'ver'], ver: 2 }, undefined],
  ['a member that must be known, and is not', { must: ['limit'], limit: '1' }, 'member_unknown'],
  ['an unknown name that is not even there', { must: ['limit'] }, 'member_unknown'],
  ['a list of members that is none', { must: 'ver' }, 'malformed'],
  ['a list of members with a number', { must: [2] }, 'member_unknown'],
])('%s: accepted only when nothing unknown must be known', async (_, claims, code) => {
  const verification = trusting().verifyApproval(await sign({ claims }), expectation)
  if (code === undefined) expect(await verification).toMatchObject({ decision: 'approved' })
  else expect(await refusalOf(verification)).toBe(code)
})

test('a valid result is accepted, and its claims are returned', async () => {
  const result = await trusting().verifyApproval(await sign(), expectation)
  expect(result).toMatchObject({ decision: 'approved', sub: expectation.userId, number: 'service' })
})

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a token without a signature is rejected', async () => {
  const [, payload] = (await sign()).split('.')
  const header = base64url({ alg: 'none', typ: 'approval-result+jwt', kid: 'k1' })
  for (const signature of ['', 'A'.repeat(86)]) {
    const refusal = refusalOf(
      trusting().verifyResult(`${header}.${payload}.${signature}`, expectation),
    )
    expect(['malformed', 'wrong_algorithm']).toContain(await refusal)
  }
})

test('the public key is not accepted as a shared secret', async () => {
  const secret = new TextEncoder().encode(await exportSPKI(tenant.publicKey))
  const token = await sign({ header: { alg: 'HS256' }, key: secret })
  // Of the length of an ES256 signature, so that only the algorithm fails.
  for (const text of [token, token + 'A'.repeat(86 - (token.split('.')[2] ?? '').length)]) {
    const refusal = await refusalOf(trusting().verifyResult(text, expectation))
    expect(['malformed', 'wrong_algorithm']).toContain(refusal)
  }
})

test('a shared secret among the published keys is not accepted', async () => {
  const k = Buffer.alloc(64, 7)
  const oct = { kty: 'oct', k: k.toString('base64url'), kid: 'k1', alg: 'HS512' }
  const verifier = trusting({ jwks: { keys: [oct] } })
  const token = await sign({ header: { alg: 'HS512' }, key: k })
  expect(token.split('.')[2]).toHaveLength(86)
  expect(await refusalOf(verifier.verifyResult(token, expectation))).toBe('wrong_algorithm')
})

test.each<readonly [string, Forgery, string]>([
  ['of another kind', { header: { typ: 'approval-request+jwt' } }, 'wrong_type'],
  ['of a kind in another spelling', { header: { typ: 'APPROVAL-RESULT+JWT' } }, 'wrong_type'],
  ['of no kind', { header: { typ: undefined } }, 'wrong_type'],
  ['of a passcode', { header: { typ: 'passcode-result+jwt' } }, 'wrong_type'],
  ['of a foreign key', { key: stranger.privateKey }, 'signature_invalid'],
  ['of an unpublished key', { header: { kid: 'k2' } }, 'unknown_key'],
  ['that names no key', { header: { kid: undefined } }, 'malformed'],
  ['of another issuer', { claims: { iss: 'https://elsewhere.example' } }, 'wrong_issuer'],
  ['for another audience', { claims: { aud: 'rp_01h455vb4pex5vsknk084sn02r' } }, 'wrong_audience'],
  ['for several audiences', { claims: { aud: [audience, 'rp_other'] } }, 'malformed'],
  ['that has expired', { claims: { exp: seconds() - 61 } }, 'expired'],
  ['without an end', { claims: { exp: undefined } }, 'malformed'],
  ['without a jti', { claims: { jti: undefined } }, 'malformed'],
  ['without a decision', { claims: { decision: undefined } }, 'malformed'],
  ['of an unknown decision', { claims: { decision: 'Approved' } }, 'malformed'],
  [
    'about another challenge',
    { claims: { cid: 'chl_01h455vb4pex5vsknk084sn02r' } },
    'wrong_challenge',
  ],
  ['about no challenge', { claims: { cid: undefined } }, 'malformed'],
  ['about another user', { claims: { sub: 'usr_01h455vb4pex5vsknk084sn02r' } }, 'wrong_user'],
  ['about no user', { claims: { sub: undefined } }, 'malformed'],
  ['of another session', { claims: { binding: `${expectation.binding}0` } }, 'wrong_binding'],
  ['of no session', { claims: { binding: undefined } }, 'wrong_binding'],
])('a result %s is rejected', async (_, forgery, code) => {
  expect(await refusalOf(trusting().verifyResult(await sign(forgery), expectation))).toBe(code)
})

test.each(['binding', 'challengeId', 'userId'] as const)(
  'a call without %s is rejected with that reason, for any token',
  async (name) => {
    const claim = { binding: 'binding', challengeId: 'cid', userId: 'sub' }[name]
    for (const value of [undefined, '']) {
      const token = await sign({ claims: { [claim]: value } })
      const incomplete = { ...expectation, [name]: value } as ResultExpectation
      await expect(trusting().verifyResult(token, incomplete)).rejects.toThrow(TypeError)
    }
  },
)

test('a token with changed text is rejected', async () => {
  const token = await sign()
  const deniedToken = await sign({ claims: { decision: 'denied' } })
  const [header, payload, signature] = token.split('.')
  const [, otherPayload] = deniedToken.split('.')
  for (const [text, code] of [
    [`${header}.${otherPayload}.${signature}`, 'signature_invalid'],
    [`${token}\n`, 'malformed'],
    [`${header}.${payload}.${signature}A`, 'malformed'],
    [`${header}.${payload}`, 'malformed'],
    ['', 'malformed'],
    [`${'A'.repeat(9000)}.${payload}.${signature}`, 'malformed'],
  ] as const) {
    expect(await refusalOf(trusting().verifyResult(text, expectation)), text).toBe(code)
  }
})

test('only an approval passes verifyApproval', async () => {
  for (const decision of ['denied', 'expired', 'cancelled']) {
    const token = await sign({ claims: { decision } })
    expect(await trusting().verifyResult(token, expectation)).toMatchObject({ decision })
    expect(await refusalOf(trusting().verifyApproval(token, expectation))).toBe('not_approved')
  }
})

describe('a clock of this machine', () => {
  const off = (bySeconds: number) => {
    const usedTokens = new Map<string, number>()
    const useOnce = (jti: string, keepUntil: number) => {
      const isFirst = !usedTokens.has(jti)
      usedTokens.set(jti, keepUntil)
      return isFirst
    }
    const now = () => new Date((seconds() + bySeconds) * 1000)
    return { usedTokens, verifier: trusting({ now, useOnce }) }
  }

  test.each([-60, -30, 0, 30, 59, 60, 110])(
    'that is %i seconds off accepts a fresh result, and accepts it once',
    async (bySeconds) => {
      const { usedTokens, verifier } = off(bySeconds)
      const exp = seconds() + 60
      const token = await sign({ claims: { iat: exp - 60, exp } })
      await verifier.verifyApproval(token, expectation)
      expect(await refusalOf(verifier.verifyApproval(token, expectation))).toBe('used_before')
      // Kept for as long as the token is valid by this clock.
      expect([...usedTokens.values()]).toEqual([exp + 60])
    },
  )

  test('that has reached the time when the store may forget treats the result as expired', async () => {
    const exp = seconds() + 60
    const token = await sign({ claims: { iat: exp - 60, exp } })
    const { verifier } = off(exp + 60 - seconds())
    expect(await refusalOf(verifier.verifyApproval(token, expectation))).toBe('expired')
  })
})

test('a result is accepted once, where used results are recorded', async () => {
  const usedTokens = new Map<string, number>()
  const useOnce = (jti: string, keepUntil: number) => {
    const isFirst = !usedTokens.has(jti)
    usedTokens.set(jti, keepUntil)
    return isFirst
  }
  const verifier = trusting({ useOnce })
  const token = await sign()
  // A rejected result is not recorded as used.
  expect(
    await refusalOf(verifier.verifyResult(token, { ...expectation, userId: 'usr_other' })),
  ).toBe('wrong_user')
  await verifier.verifyApproval(token, expectation)
  expect(await refusalOf(verifier.verifyApproval(token, expectation))).toBe('used_before')
  expect([...usedTokens.values()]).toEqual([expect.any(Number)])
})

describe('published keys', () => {
  let publishedKeys: { keys: object[] } | undefined = { keys: [] }
  let fetchCount = 0
  const server = createServer((request, answer) => {
    fetchCount += 1
    if (request.url !== '/t/tnt_1/.well-known/jwks.json' || !publishedKeys) answer.statusCode = 503
    answer.end(JSON.stringify(publishedKeys ?? {}))
  })
  const here = once(server.listen(0, '127.0.0.1'), 'listening').then(
    () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/t/tnt_1`,
  )
  beforeEach(() => {
    publishedKeys = { keys: [publicJwk] }
    fetchCount = 0
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  test('are fetched once for many results', async () => {
    const iss = await here
    const verifier = new ResultVerifier({ issuer: iss, audience })
    for (let n = 0; n < 5; n++)
      await verifier.verifyApproval(await sign({ claims: { iss } }), expectation)
    expect(fetchCount).toBe(1)
  })

  test('are refetched for an unknown key, but not for each invented one', async () => {
    const iss = await here
    const nextKeys = await generateKeyPair('ES256')
    const verifier = new ResultVerifier({ issuer: iss, audience })
    const inventedToken = await sign({ claims: { iss }, header: { kid: 'invented' } })
    for (let n = 0; n < 5; n++) {
      expect(await refusalOf(verifier.verifyResult(inventedToken, expectation))).toBe('unknown_key')
    }
    expect(fetchCount).toBeLessThanOrEqual(2)
    const next = { ...(await exportJWK(nextKeys.publicKey)), kid: 'k2', alg: 'ES256', use: 'sig' }
    publishedKeys = { keys: [publicJwk, next] }
    const later = Date.now() + 3000
    const forgery = { claims: { iss }, header: { kid: 'k2' }, key: nextKeys.privateKey }
    const token = await sign(forgery)
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
    vi.spyOn(Date, 'now').mockReturnValue(later)
    await verifier.verifyApproval(token, expectation)
  })

  test('that cannot be fetched reject the result, and are fetched for the next one', async () => {
    const iss = await here
    const verifier = new ResultVerifier({ issuer: iss, audience })
    const token = await sign({ claims: { iss } })
    publishedKeys = undefined
    expect(await refusalOf(verifier.verifyApproval(token, expectation))).toBe('keys_unavailable')
    publishedKeys = { keys: [publicJwk] }
    await verifier.verifyApproval(token, expectation)
  })
})

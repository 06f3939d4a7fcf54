import { X509Certificate } from 'node:crypto'
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import type { TenantId } from '../../src/domain/ids.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildOidcSigning } from '../../src/prompts/oidc/oidc-signing.adapter.ts'

const tenantId = 'tnt_00000000000000000000000000' as TenantId
const otherTenantId = 'tnt_00000000000000000000000001' as TenantId
const issuer = 'https://push.example/t/1/oidc'
const seconds = 60
const sealing = buildSealing({ current: new Uint8Array(32).fill(7) })
const clock = { now: () => new Date() }
const signing = buildOidcSigning(sealing, clock)
const keys = await signing.createKeys(tenantId, issuer)
const times = { createdAt: new Date(), signsFrom: new Date() }
const jwks = { keys: keys.map(({ publicJwk }) => publicJwk as JWK) }

test.each(keys)('a token of $alg verifies by the published key', async (key) => {
  const exp = Math.floor(Date.now() / 1000) + seconds
  const payload = JSON.stringify({ iss: issuer, sub: 'ada', exp })
  const token = await signing.sign(tenantId, { ...key, ...times }, payload)
  const { payload: claims, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
    issuer,
    algorithms: [key.alg],
  })
  expect(claims.sub).toBe('ada')
  expect(protectedHeader).toEqual({
    alg: key.alg,
    typ: 'JWT',
    kid: key.kid,
    x5t: expect.any(String),
  })
})

test.each(keys)('the certificate of $alg is of that key, signed by it, and lasts', (key) => {
  const [der = ''] = key.publicJwk.x5c as readonly string[]
  const certificate = new X509Certificate(Buffer.from(der, 'base64'))
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.subject).toContain('push.example')
  const { kty, n, e, crv, x, y } = key.publicJwk
  const numbers = key.alg === 'RS256' ? { kty, n, e } : { kty, crv, x, y }
  expect(certificate.publicKey.export({ format: 'jwk' })).toEqual(numbers)
  expect(certificate.validToDate.getFullYear()).toBe(new Date().getFullYear() + 20)
  expect(
    Buffer.from(certificate.fingerprint.replaceAll(':', ''), 'hex').toString('base64url'),
  ).toBe(key.publicJwk.x5t)
})

test('no key leaves the service: what is published has only public members', () => {
  for (const { publicJwk } of keys) {
    expect(Object.keys(publicJwk).filter((name) => 'dpqdpdqqi'.includes(name))).toEqual([])
  }
})

test('a key that was moved to another tenant, or sealed elsewhere, signs nothing', async () => {
  const [key] = keys
  if (!key) throw new Error('no key')
  const strange = buildOidcSigning(buildSealing({ current: new Uint8Array(32).fill(8) }), clock)
  await expect(strange.sign(tenantId, { ...key, ...times }, '{}')).rejects.toThrow()
  await expect(
    buildOidcSigning(sealing, clock).sign(otherTenantId, { ...key, ...times }, '{}'),
  ).rejects.toThrow()
})

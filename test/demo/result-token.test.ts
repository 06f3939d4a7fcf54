import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { RelyingParty } from '../../demo/relying-party.ts'

const tenantId = 'tnt_01h455vb4pex5vsknk084sn02q'
const relyingPartyId = 'rp_01h455vb4pex5vsknk084sn02q'
const challengeId = 'chl_01h455vb4pex5vsknk084sn02q'
const userId = 'usr_01h455vb4pex5vsknk084sn02q'
const binding = 'binding-of-this-session-0000000000000000000'

const keys = await generateKeyPair('ES256')
const strangersKeys = await generateKeyPair('ES256')
/** Publishes the tenant's key, as the service does. */
const jwks = createServer((_, answer) => {
  exportJWK(keys.publicKey)
    .then((jwk) =>
      answer.end(JSON.stringify({ keys: [{ ...jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] })),
    )
    .catch(() => answer.destroy())
})
let origin = ''
let party: RelyingParty

beforeAll(async () => {
  jwks.listen(0, '127.0.0.1')
  await once(jwks, 'listening')
  origin = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}`
})
afterAll(() => {
  jwks.close()
  jwks.closeAllConnections()
})
beforeEach(() => {
  party = new RelyingParty({ origin, tenantId, relyingPartyId, apiKey: 'unused' })
})

const expectation = { challengeId, userId, binding }

type Changes = {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly typ?: string
  readonly key?: CryptoKey
}

function sign({ claims = {}, typ = 'approval-result+jwt', key = keys.privateKey }: Changes = {}) {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    iss: `${origin}/t/${tenantId}`,
    aud: relyingPartyId,
    jti: 'jti-0000000000000001',
    iat: now,
    exp: now + 60,
    cid: challengeId,
    sub: userId,
    binding,
    decision: 'approved',
    number: 'service',
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ, kid: 'k1' })
    .sign(key)
}

test('a result for this challenge and this browser session is accepted once', async () => {
  const token = await sign()
  await expect(party.verifyResult(token, expectation)).resolves.toMatchObject({
    decision: 'approved',
  })
  await expect(party.verifyResult(token, expectation)).rejects.toThrow('used before')
})

test.each<readonly [string, Changes]>([
  ['another issuer', { claims: { iss: 'https://elsewhere.example' } }],
  ['another relying party', { claims: { aud: 'rp_01h455vb4pex5vsknk084sn02r' } }],
  ['another challenge', { claims: { cid: 'chl_01h455vb4pex5vsknk084sn02r' } }],
  ['another browser session', { claims: { binding: 'binding-of-another-session' } }],
  ['another kind of token', { typ: 'approval-request+jwt' }],
  ['a key that is not the tenant’s', { key: strangersKeys.privateKey }],
])('a result with %s is rejected', async (_, changes) => {
  await expect(party.verifyResult(await sign(changes), expectation)).rejects.toThrow()
})

import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { expect, test } from 'vitest'
import { leanKeyOf, proveCall, signApproval } from '../../bench/lean-signing.ts'
import { signAnswer } from '../../clients/device/src/answer.ts'
import { sha256, signCompact } from '../../clients/device/src/compact-jws.ts'
import { Connection } from '../../clients/device/src/connection.ts'
import { createDeviceKeys, type DeviceKey } from '../../clients/device/src/keys.ts'

const { possession, verification } = await createDeviceKeys({
  verification: true,
  extractable: true,
})
if (!verification) throw new Error('it was asked for')
const account = {
  origin: 'http://localhost:8080',
  issuer: 'http://localhost:8080/t/tnt_1',
  deviceId: 'dev_1',
  tenant: { id: 'tnt_1', name: 'Tenant' },
  user: { id: 'usr_1', displayName: 'Ada' },
}
const now = new Date('2026-01-31T12:00:00Z')
const nowSeconds = now.getTime() / 1000

async function payloadOf(jws: string, { publicJwk }: DeviceKey) {
  const { payload } = await compactVerify(jws, await importJWK(publicJwk, 'ES256'))
  const claims = JSON.parse(new TextDecoder().decode(payload))
  expect(claims.jti).toMatch(/^[A-Za-z0-9_-]{16,64}$/)
  return { header: decodeProtectedHeader(jws), claims: { ...claims, jti: 'any' } }
}

/** The proof that the client library sends. */
async function proofOf(method: 'GET' | 'POST', target: string, body?: object): Promise<string> {
  let proof: string | null = null
  const fetch: typeof globalThis.fetch = async (_url, init) => {
    proof = new Headers(init?.headers).get('device-proof')
    return Response.json({})
  }
  const connection = new Connection(account.origin, { fetch, now: () => now.getTime() })
  const prover = { tenantId: account.tenant.id, deviceId: account.deviceId, key: possession }
  await connection.call({ method, target, prover, ...(body && { body: () => body }) })
  if (proof === null) throw new Error('the client library sent no proof')
  return proof
}

test.each([
  ['GET', '/device/v1/challenges', undefined],
  ['POST', '/device/v1/challenges/chl_1/answer', { answer: 'x' }],
] as const)(
  'a lean proof of %s has the claims of the client library’s',
  async (method, target, body) => {
    const url = account.origin + target
    const call = { method, url, ...(body && { body: JSON.stringify(body) }) }
    const lean = proveCall(leanKeyOf(possession), account, call, nowSeconds)
    const real = await proofOf(method, target, body)
    expect(await payloadOf(lean, possession)).toEqual(await payloadOf(real, possession))
  },
)

test('a lean approval has the claims of the client library’s', async () => {
  const claims = { cid: 'chl_1', nonce: 'n'.repeat(43) }
  const request = await signCompact(possession, 'approval-request+jwt', claims)
  const input = { jws: request, challengeId: 'chl_1', number: '483920' }
  const lean = signApproval(leanKeyOf(verification), account, input, nowSeconds)
  const real = await signAnswer(
    {
      protocolVersion: 1,
      returnUrl: null,
      challengeId: 'chl_1',
      context: { relyingParty: 'Larkfield' },
      numberDigits: 6,
      userVerification: 'preferred',
      createdAt: now,
      expiresAt: now,
      nonce: claims.nonce,
      requestHash: await sha256(request.slice(0, request.lastIndexOf('.'))),
    },
    { decision: 'approve', number: '483920', jti: 'j'.repeat(22) },
    { possession, verification },
    account,
    now,
  )
  expect(await payloadOf(lean, verification)).toEqual(await payloadOf(real, verification))
})

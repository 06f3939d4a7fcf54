import { describe, expect, test } from 'vitest'
import { claimEnrollment, readEnrollmentUri } from '../../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../../clients/device/src/keys.ts'
import { checkClaimProof, readCode } from '../../../src/domain/enrollment.ts'
import { buildHashing } from '../../../src/platform/crypto/hashing.ts'
import {
  createTenantKeys,
  deviceId,
  issuer,
  origin,
  playNetwork,
  problem,
  serverNow,
  signatures,
  tenantId,
  userId,
} from './stand-in.ts'

const code = 'c2Nhbm5lZC1jb2RlLW9mLTMyLWJ5dGVzLTAwMDAwMDE'
const uri = `${origin}/t/${tenantId}/enroll#${code}`
const device = {
  name: 'Phone',
  platform: 'web',
  model: 'm',
  osVersion: '1',
  appVersion: '2',
} as const
const hashing = buildHashing(Buffer.alloc(32))

const passcode = { secret: 'MFRGGZDFMZTWQ2LK', algorithm: 'SHA256', digits: 6, period: 30 } as const
const claimReply = async (changes: object = {}) => ({
  deviceId,
  userId,
  status: 'unconfirmed',
  issuer,
  tenant: { id: tenantId, name: 'Example' },
  user: { id: userId, displayName: 'Ada' },
  keySet: (await createTenantKeys()).keySet(),
  confirmation: { digits: 6 },
  passcode,
  ...changes,
})

type ClaimBody = {
  readonly code: string
  readonly keys: Record<string, { kty: 'EC'; crv: 'P-256'; x: string; y: string }>
  readonly proofs: Record<string, string>
}

describe('a scanned text', () => {
  test('our QR code is a ticket', () => {
    expect(readEnrollmentUri(uri)).toEqual({ origin, tenantId, code })
    expect(readEnrollmentUri(`http://localhost:3000/t/${tenantId}/enroll#${code}`)).toMatchObject({
      origin: 'http://localhost:3000',
    })
  })

  test('a code printed with the earlier spelling of its path is the same ticket', () => {
    expect(readEnrollmentUri(`${origin}/t/${tenantId}/enrol#${code}`)).toEqual({
      origin,
      tenantId,
      code,
    })
  })

  test.each([
    '',
    `${origin}/t/${tenantId}/enro#${code}`,
    'WIFI:T:WPA;S:x;P:y;;',
    'https://push.example.com/',
    `http://push.example.com/t/${tenantId}/enroll#${code}`,
    `ftp://localhost/t/${tenantId}/enroll#${code}`,
    `javascript://localhost/t/${tenantId}/enroll#${code}`,
    `https://push.example.com@attacker.example/t/${tenantId}/enroll#${code}`,
    `${origin}/t/${tenantId}/enroll?x=1#${code}`,
    `${origin}/x/t/${tenantId}/enroll#${code}`,
    `${origin}/t/${tenantId}/enroll#${code}x`,
    `${origin}/t/${tenantId}/enroll`,
    `${origin}/t/tnt_x/enroll#${code}`,
  ])('any other text is not a ticket: %s', (text) => {
    expect(readEnrollmentUri(text)).toBeUndefined()
  })
})

describe('claiming', () => {
  test.each([
    ['scanned', { origin, tenantId, code }],
    ['typed, in any spelling', { origin, tenantId, code: 'olik2-m4fx9', user: 'ada' }],
  ])(
    'with a code that was %s, both keys prove what the service wants proven',
    async (_, ticket) => {
      const keys = await createDeviceKeys({ verification: true })
      const network = playNetwork(async () => Response.json(await claimReply(), { status: 201 }))
      const world = { fetch: network.fetch, now: () => serverNow.getTime() }
      await claimEnrollment({ ticket, keys, appId: 'com.example', device }, world)

      const [call] = network.calls
      expect([call?.method, call?.url]).toEqual(['POST', `${origin}/device/v1/enrollments/claim`])
      expect(call?.headers.has('device-proof')).toBe(false)
      const body = JSON.parse(call?.body ?? '') as ClaimBody
      const facts = {
        issuer,
        codeHash: hashing.sha256Base64Url(readCode(body.code)?.code ?? ''),
        possessionKid: keys.possession.kid,
        verificationKid: keys.verification?.kid ?? null,
      }
      for (const role of ['possession', 'verification'] as const) {
        const jws = signatures.read(body.proofs[role] ?? '', 4096)
        const jwk = body.keys[role]
        if (!jws || !jwk) throw new Error(`no proof by the ${role} key`)
        expect(checkClaimProof(jws, keys[role]?.kid ?? '', facts, serverNow)).toBeUndefined()
        expect(await signatures.verify(jws, jwk)).toBe(true)
      }
    },
  )

  test('without a verification key, one key proves and no other is mentioned', async () => {
    const keys = await createDeviceKeys({ verification: false })
    const network = playNetwork(async () => Response.json(await claimReply(), { status: 201 }))
    const world = { fetch: network.fetch, now: () => serverNow.getTime() }
    await claimEnrollment({ ticket: { origin, tenantId, code }, keys, appId: 'a', device }, world)
    const body = JSON.parse(network.calls[0]?.body ?? '') as ClaimBody
    expect(Object.keys(body.keys)).toEqual(['possession'])
    expect(Object.keys(body.proofs)).toEqual(['possession'])
    const payload = signatures.read(body.proofs.possession ?? '', 4096)?.payload
    expect(Object.keys(payload ?? {})).not.toContain('vk')
  })

  test('names the newest version of the protocol, and none to a service that knows none', async () => {
    const keys = await createDeviceKeys({ verification: true })
    const versions: unknown[] = []
    const network = playNetwork(async ({ body }) => {
      const { proofs } = JSON.parse(body ?? '') as ClaimBody
      const versionsOfProofs = Object.values(proofs).map(
        (proof) =>
          (signatures.read(proof, 4096)?.payload as Record<string, unknown>)?.protocolVersion,
      )
      versions.push(versionsOfProofs)
      return versionsOfProofs[0] === undefined
        ? Response.json(await claimReply(), { status: 201 })
        : problem(400, 'proof_malformed')
    })
    const world = { fetch: network.fetch, now: () => serverNow.getTime() }
    await claimEnrollment({ ticket: { origin, tenantId, code }, keys, appId: 'a', device }, world)
    expect(versions).toEqual([
      [2, 2],
      [undefined, undefined],
    ])
  })

  test('the resulting account is plain JSON with the service’s data', async () => {
    const keys = await createDeviceKeys({ verification: true })
    const answer = await claimReply()
    const network = playNetwork(() => Response.json(answer, { status: 201 }))
    const account = await claimEnrollment(
      { ticket: { origin, tenantId, code }, keys, appId: 'a', device },
      { fetch: network.fetch },
    )
    expect(account).toEqual({
      origin,
      issuer,
      tenant: answer.tenant,
      user: answer.user,
      deviceId,
      status: 'unconfirmed',
      confirmationDigits: 6,
      passcode,
      keySet: answer.keySet,
      clockOffsetMs: 0,
    })
    expect(JSON.parse(JSON.stringify(account))).toEqual(account)
  })

  test.each([
    ['null', null],
    ['of another algorithm', { ...passcode, algorithm: 'SHA1' }],
    ['without a secret', { ...passcode, secret: undefined }],
    ['left out', undefined],
  ])('an account whose passcode is %s shows none', async (_, passcodeInput) => {
    const keys = await createDeviceKeys({ verification: false })
    const answer = await claimReply({ passcode: passcodeInput })
    const network = playNetwork(() => Response.json(answer, { status: 201 }))
    const account = await claimEnrollment(
      { ticket: { origin, tenantId, code }, keys, appId: 'a', device },
      { fetch: network.fetch },
    )
    expect(account.passcode).toBeNull()
  })

  test('a wrong clock is corrected by the service’s time, and the offset is stored', async () => {
    const keys = await createDeviceKeys({ verification: false })
    const network = playNetwork(async (_, index) =>
      index === 0
        ? problem(401, 'clock_skew', { serverTime: serverNow.toISOString() })
        : Response.json(await claimReply(), { status: 201 }),
    )
    const now = () => serverNow.getTime() - 3_600_000
    const account = await claimEnrollment(
      { ticket: { origin, tenantId, code }, keys, appId: 'a', device },
      { fetch: network.fetch, now },
    )
    expect(account.clockOffsetMs).toBe(3_600_000)
    const payloads = network.calls.map(({ body }) => {
      const { proofs } = JSON.parse(body ?? '') as ClaimBody
      return signatures.read(proofs.possession ?? '', 4096)?.payload
    })
    expect(payloads).toMatchObject([{ iat: now() / 1000 }, { iat: serverNow.getTime() / 1000 }])
  })

  test.each([
    ['another issuer', { issuer: 'https://attacker.example/t/x' }],
    ['another tenant', { tenant: { id: 'tnt_x', name: 'x' } }],
    ['a key set whose names are not thumbprints', { keySet: { seq: 1, keys: [{ kid: 'x' }] } }],
    ['no key set', { keySet: null }],
    ['a status we do not know', { status: 'unregistered' }],
    ['no device id', { deviceId: undefined }],
  ])('an answer with %s pins nothing', async (_, changes) => {
    const keys = await createDeviceKeys({ verification: false })
    const answer = await claimReply(changes)
    const network = playNetwork(() => Response.json(answer, { status: 201 }))
    await expect(
      claimEnrollment(
        { ticket: { origin, tenantId, code }, keys, appId: 'a', device },
        { fetch: network.fetch },
      ),
    ).rejects.toMatchObject({ code: 'unexpected_response' })
  })
})

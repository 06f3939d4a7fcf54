import { createRemoteJWKSet, jwtVerify } from 'jose'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  challengeOf,
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

/** The passcode that the app shows now, or so many steps away, by a TOTP library. */
function passcodeOn({ client }: Phone, away = 0): string {
  const { passcode } = client.account
  if (!passcode) throw new Error('the phone got no secret')
  const secret = Secret.fromBase32(passcode.secret)
  return TOTP.generate({
    ...passcode,
    secret,
    timestamp: Date.now() + away * passcode.period * 1000,
  })
}

const browser = (name: string) => ({ browserId: `browser-of-${name.padEnd(10, '-')}` })

function verify({ userId }: Phone, body: object) {
  return service.api('POST', `/v1/users/${userId}/passcodes/verify`, body)
}

describe('a user without a network', () => {
  test('signs in by the passcode on the phone, and the result can be verified without the service', async () => {
    const phone = await enrollPhone(service, { user: 'alice' })
    const binding = 'b'.repeat(43)
    const code = passcodeOn(phone)
    const acceptance = await verify(phone, { code, binding, initiator: browser('alice') })
    expect(acceptance.status, acceptance.text).toBe(200)
    const issuer = `${service.origin}/t/${service.tenantId}`
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(acceptance.json.result, keys, {
      typ: 'passcode-result+jwt',
      issuer,
    })
    expect(payload).toMatchObject({
      binding,
      method: 'passcode',
      did: phone.deviceId,
      amr: ['otp'],
    })
    const again = await verify(phone, { code, initiator: browser('alice') })
    expect([again.status, again.json.code]).toEqual([422, 'passcode_used'])
    const { items } = await phone.client.activities()
    expect(items.map(({ type }) => type)).toContain('passcode_used')
  })

  test('and without a phone signs in by a recovery code', async () => {
    const phone = await enrollPhone(service, { user: 'bob' })
    const creation = await service.api('POST', `/v1/users/${phone.userId}/recovery-codes`, {})
    await service.api('POST', `/v1/users/${phone.userId}/devices/unregister`, { reason: 'lost' })
    const thiefReply = await verify(phone, { code: passcodeOn(phone), initiator: browser('thief') })
    expect([thiefReply.status, thiefReply.json.code]).toEqual([422, 'passcode_wrong'])
    const passcodes = await service.api('GET', `/v1/users/${phone.userId}/passcodes`)
    expect(passcodes.json).toMatchObject({ otherFactors: ['recovery_code'], recoveryCodesLeft: 10 })
    const acceptance = await verify(phone, { code: creation.json.codes[7] })
    expect(acceptance.json).toMatchObject({ method: 'recovery_code', recoveryCodesLeft: 9 })
  })
})

test('an outsider with 600 codes from 60 browsers gets 100 checked, and does not lock the owner out', async () => {
  const phone = await enrollPhone(service, { user: 'carol' })
  const first = await verify(phone, { code: passcodeOn(phone), initiator: browser('carol') })
  expect(first.status).toBe(200)
  const codes: Record<string, number> = {}
  for (let from = 0; from < 60; from++) {
    const initiator = browser(`outsider${from}`)
    // Eight digits are no passcode of this phone: so the outsider cannot guess right by chance.
    const attempts = Array.from({ length: 10 }, () =>
      verify(phone, { code: '00000000', initiator }),
    )
    for (const { json } of await Promise.all(attempts))
      codes[json.code] = (codes[json.code] ?? 0) + 1
  }
  expect(codes).toEqual({ passcode_wrong: 100, passcode_locked: 500 })

  const stranger = await verify(phone, { code: passcodeOn(phone, 1), initiator: browser('fresh') })
  expect(stranger.json).toMatchObject({ code: 'passcode_locked', lockedBy: 'user' })
  expect(Number(stranger.headers.get('retry-after'))).toBeGreaterThan(0)

  const owner = await verify(phone, { code: passcodeOn(phone, 1), initiator: browser('carol') })
  expect(owner.status, owner.text).toBe(200)
  const temporary = await service.api('POST', `/v1/users/${phone.userId}/temporary-codes`, {})
  const help = await verify(phone, { code: temporary.json.code, initiator: browser('fresh') })
  expect(help.json.method).toBe('temporary_code')
  const creation = await service.api('POST', '/v1/challenges', { user: 'carol' })
  expect(creation.json.deliveryMode).toBe('push')
  await until('the push arrives', () =>
    phone.pushes.find((push) => challengeOf(push) === creation.json.id),
  )
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  expect(await phone.client.approve(request, creation.json.number)).toMatchObject({
    status: 'approved',
  })
})

test('a key with the scope for challenges creates neither recovery codes nor temporary codes', async () => {
  const phone = await enrollPhone(service, { user: 'dave' })
  const parties = await service.api('GET', '/v1/relying-parties')
  const relyingPartyId = parties.json.items[0].id
  const make = async (scopes: string[]) => {
    const input = { relyingPartyId, name: 'x', scopes }
    const creation = await service.api('POST', '/v1/api-keys', input)
    return createApi(service.origin, creation.json.secret)
  }
  const asking = await make(['challenges:write', 'users:read'])
  const helping = await make(['temporary_codes:write'])
  const user = `/v1/users/${phone.userId}`
  for (const path of ['recovery-codes', 'temporary-codes']) {
    const refusal = await asking('POST', `${user}/${path}`, {})
    expect([refusal.status, refusal.json.code]).toEqual([403, 'scope_missing'])
  }
  expect((await helping('POST', `${user}/temporary-codes`, {})).status).toBe(201)
  expect((await helping('POST', `${user}/recovery-codes`, {})).status).toBe(403)
  const code = passcodeOn(phone)
  expect((await helping('POST', `${user}/passcodes/verify`, { code })).status).toBe(403)
})

import {
  compactVerify,
  createRemoteJWKSet,
  decodeProtectedHeader,
  importJWK,
  jwtVerify,
} from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import {
  challengeOf,
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

const context = {
  application: 'Payroll',
  action: 'Sign in',
  ip: '203.0.113.7',
  location: 'Lisbon, Portugal',
  fields: [{ label: 'Browser', value: 'Firefox on Linux' }],
}

async function ask(user: string, more: Record<string, unknown> = {}) {
  const creation = await service.api('POST', '/v1/challenges', { user, context, ...more })
  expect(creation.status, creation.text).toBe(201)
  return creation.json
}

async function pushesOf(phone: Phone, challengeId: string) {
  return until('the push arrives', () =>
    phone.pushes.find((push) => challengeOf(push) === challengeId),
  )
}

async function onlyRequest(phone: Phone, challengeId: string) {
  const { requests, refusedRequests } = await phone.client.pending()
  expect(refusedRequests).toEqual([])
  const request = requests.find((one) => one.challengeId === challengeId)
  if (!request) throw new Error('the challenge is not pending on the phone')
  return request
}

describe.each(['ios', 'android'] as const)('a sign-in on %s', (platform) => {
  test('is approved with the typed number, and the waiting relying party gets a signed result immediately', async () => {
    const phone = await enrollPhone(service, { user: `approve-${platform}`, platform })
    const challenge = await ask(`approve-${platform}`, { binding: 'a'.repeat(43) })
    expect(challenge).toMatchObject({ status: 'pending', deliveryMode: 'push' })
    expect(challenge.number).toMatch(/^\d{6}$/)
    const waiting = service.api('GET', `/v1/challenges/${challenge.id}?wait=30`)

    await pushesOf(phone, challenge.id)
    await phone.client.reportReceipt(challenge.id)
    const request = await onlyRequest(phone, challenge.id)
    expect(request.context).toMatchObject({ relyingParty: 'Default', ...context })
    await phone.client.approve(request, challenge.number)

    const { json: ending } = await waiting
    expect(ending).toMatchObject({ status: 'approved', decidedDeviceId: phone.deviceId })
    const progress = ending.devices.find(
      (one: { deviceId: string }) => one.deviceId === phone.deviceId,
    )
    expect(progress).toMatchObject({ receivedAt: expect.any(String) })

    const issuer = `${service.origin}/t/${service.tenantId}`
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(ending.result, keys, {
      issuer,
      typ: 'approval-result+jwt',
      algorithms: ['ES256'],
    })
    expect(payload).toMatchObject({
      cid: challenge.id,
      sub: phone.userId,
      did: phone.deviceId,
      decision: 'approved',
      binding: 'a'.repeat(43),
      number: 'service',
      amr: ['pop', 'swk', 'user'],
      new_device: true,
    })
    expect(payload.exp).toBe((payload.iat ?? 0) + 60)
  })

  test('is denied without any number', async () => {
    const phone = await enrollPhone(service, { user: `deny-${platform}`, platform })
    const challenge = await ask(`deny-${platform}`)
    await pushesOf(phone, challenge.id)
    await phone.client.deny(await onlyRequest(phone, challenge.id))
    const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
    expect(json).toMatchObject({ status: 'denied', reason: 'user_denied' })
  })

  test('is reported as not mine', async () => {
    const phone = await enrollPhone(service, { user: `report-${platform}`, platform })
    const challenge = await ask(`report-${platform}`)
    await phone.client.report(await onlyRequest(phone, challenge.id))
    const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
    expect(json).toMatchObject({ status: 'denied', reason: 'user_reported' })
  })
})

test('the evidence of a decision verifies without the service', async () => {
  const phone = await enrollPhone(service, { user: 'evidence' })
  const challenge = await ask('evidence')
  const request = await onlyRequest(phone, challenge.id)
  await phone.client.approve(request, challenge.number)
  const { json } = await service.api('GET', `/v1/challenges/${challenge.id}/evidence`)
  const { kid, ...jwk } = json.deviceKey
  const answer = await compactVerify(json.answer, await importJWK(jwk, 'ES256'))
  expect(decodeProtectedHeader(json.answer).kid).toBe(kid)
  const claims = JSON.parse(new TextDecoder().decode(answer.payload))
  const signedPart = json.request.split('.').slice(0, 2).join('.')
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(signedPart))
  expect(claims.rqh).toBe(Buffer.from(hash).toString('base64url'))
})

test('the other phone gets a silent push that it is answered, under the same collapse id', async () => {
  const first = await enrollPhone(service, { user: 'two-phones' })
  const second = await enrollPhone(service, { user: 'two-phones' })
  const challenge = await ask('two-phones')
  await pushesOf(first, challenge.id)
  await pushesOf(second, challenge.id)
  await first.client.approve(await onlyRequest(first, challenge.id), challenge.number)
  // The first phone is notified of the second one, at an independent time.
  const pushesTo = (phone: Phone) =>
    phone.pushes.filter((push) => challengeOf(push) === challenge.id)
  const closing = await until('the quiet push', () => pushesTo(second)[1])
  expect(closing).toMatchObject({ collapseId: challenge.id, priority: 5 })
  expect(pushesTo(first)).toHaveLength(1)
  expect((await second.client.pending()).requests).toEqual([])
})

test('a phone without push finds the challenge by polling, and the relying party sees that', async () => {
  const phone = await enrollPhone(service, { user: 'pull', withPush: false })
  const challenge = await ask('pull')
  expect(challenge.deliveryMode).toBe('pull_only')
  await phone.client.approve(await onlyRequest(phone, challenge.id), challenge.number)
})

test('a wrong number costs an attempt, three end the challenge, and the status shows it', async () => {
  const phone = await enrollPhone(service, { user: 'guesser' })
  const challenge = await ask('guesser')
  const request = await onlyRequest(phone, challenge.id)
  const wrong = challenge.number === '000000' ? '000001' : '000000'
  for (const wrongNumbersLeft of [2, 1, 0]) {
    await expect(phone.client.approve(request, wrong)).rejects.toMatchObject({
      code: 'wrong_number',
      facts: { wrongNumbersLeft },
    })
  }
  const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
  expect(json).toMatchObject({ status: 'denied', reason: 'number_mismatch' })
  await expect(phone.client.approve(request, challenge.number)).rejects.toMatchObject({
    code: 'challenge_ended',
  })
})

test('a lost phone is unregistered by another, and none of its answers counts from then on', async () => {
  const lostPhone = await enrollPhone(service, { user: 'loser', name: 'lost' })
  const keptPhone = await enrollPhone(service, { user: 'loser', name: 'kept' })
  const challenge = await ask('loser')
  const request = await onlyRequest(lostPhone, challenge.id)
  await keptPhone.client.unregisterOther(lostPhone.deviceId)
  await expect(lostPhone.client.approve(request, challenge.number)).rejects.toMatchObject({
    code: 'device_unregistered',
  })
  await keptPhone.client.approve(await onlyRequest(keptPhone, challenge.id), challenge.number)
  const { json } = await service.api('GET', `/v1/devices/${lostPhone.deviceId}`)
  expect(json).toMatchObject({ status: 'unregistered', unregisterReason: 'lost' })
})

test("the caller's own number is typed, and cannot be read on the phone", async () => {
  const phone = await enrollPhone(service, { user: 'caller' })
  const challenge = await ask('caller', {
    context: { action: 'Transfer 48-39-20 to Bob' },
    number: { mode: 'caller', value: '483920' },
  })
  expect(challenge.number).toBeNull()
  const request = await onlyRequest(phone, challenge.id)
  expect(request.context.action).toBe('Transfer •••••• to Bob')
  await phone.client.approve(request, '483920')
})

test('an expired challenge ends for the waiting relying party at its expiry time', async () => {
  await enrollPhone(service, { user: 'late' })
  const challenge = await ask('late', { ttlSeconds: 15 })
  await onServer(service.database.url, (client) =>
    client.query(
      `update challenges set expires_at = clock_timestamp() + interval '300 ms' where id = $1`,
      [challenge.id],
    ),
  )
  const ending = await service.api('GET', `/v1/challenges/${challenge.id}?wait=30`)
  expect(ending.json.status).toBe('expired')
})

// Somebody wants a payment approved without its amount, or a device asked in an older version.

import { createHash } from 'node:crypto'
import { compactVerify, createLocalJWKSet, importJWK, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onServer } from '../../support/cluster.ts'
import { callAsDevice } from '../../support/device-calls.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { refusalOf } from './attack.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

const transaction = { amount: '129.90', currency: 'EUR', payee: 'Bookshop' }

/** A phone whose app has no update yet. */
async function anOldPhone(user: string): Promise<Phone> {
  const phone = await enrollPhone(service, { user })
  await onServer(service.database.url, (client) =>
    client.query('update devices set protocol_version = 1 where id = $1', [phone.deviceId]),
  )
  return phone
}

async function pay(user: string, more: object = {}) {
  const context = { action: 'Pay', transaction }
  const { status, json } = await service.api('POST', '/v1/challenges', { user, context, ...more })
  return { status, ...json } as { status: number; id: string; number: string; code?: string }
}

const say = (phone: Phone, protocolVersion: unknown) =>
  callAsDevice(service, phone, {
    method: 'PATCH',
    path: '/device/v1/self',
    body: { protocolVersion },
  })
const versionOf = async ({ deviceId }: Phone) =>
  (await service.api('GET', `/v1/devices/${deviceId}`)).json.protocolVersion

test('the second phone of a user that cannot show a payment neither gets it nor answers it, also after its update', async () => {
  const current = await enrollPhone(service, { user: 'ada' })
  const old = await anOldPhone('ada')
  const { id, number } = await pay('ada')
  expect((await old.client.pending()).requests).toEqual([])
  const [request] = (await current.client.pending()).requests
  if (!request) throw new Error('the phone is not asked')
  expect(request.context.transaction).toEqual(transaction)
  expect((await say(old, 2)).status).toBe(200)
  // It joined what may be asked after the question.
  expect((await old.client.pending()).requests).toEqual([])
  expect(await refusalOf(old.client.approve(request, number))).not.toBe('done')
  expect(await current.client.approve(request, number)).toEqual({ status: 'approved' })
  const { deviceKey, ...evidence } = (await service.api('GET', `/v1/challenges/${id}/evidence`))
    .json
  const keys = await fetch(`${service.origin}/t/${service.tenantId}/.well-known/jwks.json`)
  const jwks = (await keys.json()) as JSONWebKeySet
  const read = (payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload))
  const question = await compactVerify(evidence.request, createLocalJWKSet(jwks))
  const reply = await compactVerify(evidence.answer, await importJWK(deviceKey, 'ES256'))
  expect(read(question.payload)).toMatchObject({
    ver: 2,
    aud: current.deviceId,
    must: ['ctx.relyingParty', 'ctx.action', 'ctx.transaction', 'number'],
    ctx: { transaction },
  })
  const signedText = evidence.request.slice(0, evidence.request.lastIndexOf('.'))
  expect(read(reply.payload).rqh).toBe(createHash('sha256').update(signedText).digest('base64url'))
})

test('a payment asks nobody whose phones cannot show it, and the next key of the same request asks later', async () => {
  const old = await anOldPhone('bob')
  const headers = { 'idempotency-key': 'pay-once' }
  const body = { user: 'bob', context: { action: 'Pay', transaction } }
  const first = await service.api('POST', '/v1/challenges', body, headers)
  expect(first.json).toMatchObject({ code: 'no_capable_device', otherFactors: ['passcode'] })
  expect(old.pushes).toEqual([])
  await say(old, 2)
  // A refusal is not remembered under the key; another payment under it is.
  const second = await service.api('POST', '/v1/challenges', body, headers)
  expect(second.status).toBe(201)
  const other = {
    ...body,
    context: { action: 'Pay', transaction: { ...transaction, amount: '1' } },
  }
  const third = await service.api('POST', '/v1/challenges', other, headers)
  expect(third.json.code).toBe('idempotency_key_reused')
})

test('of versions that are reported at the same time the newest stays', async () => {
  const phone = await anOldPhone('carol')
  const versions = [2, 7, 3, 9, 4, 8, 5, 6]
  await Promise.all(versions.map((version) => say(phone, version)))
  expect(await versionOf(phone)).toBe(9)
  expect((await say(phone, 8)).json).toMatchObject({
    code: 'protocol_version_lowered',
    protocolVersion: 9,
  })
})

test.each([0, -1, 1001, 1.5, '2', null, [2], { v: 2 }, true])(
  'a version %j is no version',
  async (version) => {
    const phone = await enrollPhone(service, { user: `odd-${JSON.stringify(version)}` })
    expect((await say(phone, version)).json.code).toBe('invalid_request')
    expect(await versionOf(phone)).toBe(2)
  },
)

test('a claim whose proof names its version twice is no claim', async () => {
  const phone = await enrollPhone(service, { user: 'dora' })
  const { json } = await service.api('POST', '/v1/enrollments', { user: 'dora' })
  const code = new URL(json.uri).hash.slice(1)
  const { possession } = phone.keys
  const claims = JSON.stringify({
    aud: `${service.origin}/t/${service.tenantId}`,
    ch: createHash('sha256').update(code).digest('base64url'),
    pk: possession.kid,
    iat: Math.floor(Date.now() / 1000),
    jti: 'A'.repeat(22),
    protocolVersion: 2,
  })
  const twice = claims.replace('}', ',"protocolVersion":1}')
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const header = { alg: 'ES256', typ: 'device-claim+jwt', kid: possession.kid }
  const input = `${encode(JSON.stringify(header))}.${encode(twice)}`
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    possession.privateKey,
    Buffer.from(input),
  )
  const response = await fetch(`${service.origin}/device/v1/enrollments/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tenantId: service.tenantId,
      code,
      appId: 'com.example.app',
      device: { name: 'x', platform: 'ios', model: 'x', osVersion: '1', appVersion: '1.0.0' },
      keys: { possession: possession.publicJwk },
      proofs: { possession: `${input}.${Buffer.from(signature).toString('base64url')}` },
    }),
  })
  expect(await response.json()).toMatchObject({ code: 'proof_malformed' })
})

test('a minimum that rises while a question is pending stops the old phone until its update, and the result says how it was asked', async () => {
  const old = await anOldPhone('erin')
  const { json } = await service.api('POST', '/v1/challenges', { user: 'erin' })
  const [request] = (await old.client.pending()).requests
  if (!request) throw new Error('the phone is not asked')
  await service.api('PATCH', '/v1/policy', { protocolVersionMin: 2 })
  expect(await refusalOf(old.client.approve(request, json.number))).toBe('protocol_too_old')
  expect(await refusalOf(old.client.deny(request))).toBe('protocol_too_old')
  await say(old, 2)
  expect(await old.client.approve(request, json.number)).toEqual({ status: 'approved' })
  const { result } = (await service.api('GET', `/v1/challenges/${json.id}`)).json
  const payload = JSON.parse(Buffer.from(result.split('.')[1], 'base64url').toString())
  expect(payload).not.toHaveProperty('ver')
  await service.api('PATCH', '/v1/policy', { protocolVersionMin: 1 })
})

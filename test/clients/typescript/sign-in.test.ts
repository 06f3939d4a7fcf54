// The client against the real service: create, wait, verify.

import { randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CountersignClient,
  RefusedCall,
  RefusedResult,
  ResultVerifier,
} from '../../../clients/typescript/src/client.ts'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { type Service, startService } from '../../../src/service/compose.ts'
import type { Config } from '../../../src/service/config.ts'
import { onServer } from '../../support/cluster.ts'
import { createTestDatabase } from '../../support/database.ts'
import { letTimePass } from '../../support/passing-time.ts'
import { freePort } from '../../support/ports.ts'
import { createApi, enrollPhone, testConfig } from '../../support/running-service.ts'
import { startDatabaseLine } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const stack = new AsyncDisposableStack()
const log = pino({ level: 'silent' })
let simulator: Simulator
let line: Awaited<ReturnType<typeof startDatabaseLine>>
let config: Config
let databaseUrl: string
let origin: string
let service: Service
let apiKey: string
let client: CountersignClient
let results: ResultVerifier
/**
 * The client's calls and responses, oldest first; status 0 while the response is pending or when
 * none came.
 */
const calls: { url: string; status: number }[] = []

const watchedFetch: typeof fetch = async (input, init) => {
  const call = { url: String(input), status: 0 }
  calls.push(call)
  const response = await fetch(input, init)
  call.status = response.status
  return response
}

beforeAll(async () => {
  simulator = await startSimulator()
  stack.defer(() => simulator.close())
  const database = stack.use(await createTestDatabase())
  databaseUrl = database.url
  line = await startDatabaseLine(databaseUrl)
  stack.defer(() => line.close())
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  config = testConfig(simulator, line.url, port)
  service = await startService(config, origin, log)
  stack.defer(() => service.stop())
  const { secret, tenantId } = service.firstKey ?? { secret: '', tenantId: '' }
  apiKey = secret
  client = new CountersignClient({ origin, apiKey, fetch: watchedFetch })
  const { items } = await client.call('GET', '/v1/relying-parties')
  results = new ResultVerifier({ issuer: `${origin}/t/${tenantId}`, audience: items[0]?.id ?? '' })
})
afterAll(() => stack.disposeAsync())

/** A new user with a phone, and a challenge for them. */
async function ask() {
  const user = `user-${randomBytes(4).toString('hex')}`
  const phone = await enrollPhone({ api: createApi(origin, apiKey), simulator }, { user })
  const binding = randomBytes(32).toString('base64url')
  const challenge = await client.createChallenge({ user, binding })
  const expectation = { challengeId: challenge.id, userId: phone.userId, binding }
  const decide = async (decision: 'approve' | 'deny') => {
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    if (decision === 'approve') await phone.client.approve(request, challenge.number)
    else await phone.client.deny(request)
  }
  return { user, phone, challenge, expectation, decide }
}

/** How often a challenge was read until now, and with which statuses. */
const readings = (id: string) => calls.filter(({ url }) => url.includes(`/v1/challenges/${id}?`))
const isWaited = (id: string) => until('the wait has begun', () => readings(id).length > 0)

test('an approval is awaited and verified, and only for its user, challenge and session', async () => {
  const { challenge, expectation, decide } = await ask()
  const waiting = client.waitForDecision(challenge.id)
  await isWaited(challenge.id)
  await decide('approve')
  const decidedChallenge = await waiting
  expect(decidedChallenge.status).toBe('approved')
  expect(await results.verifyApproval(decidedChallenge.result, expectation)).toMatchObject({
    cid: challenge.id,
    sub: expectation.userId,
    binding: expectation.binding,
    decision: 'approved',
    number: 'service',
    amr: expect.arrayContaining(['pop', 'user']),
  })
  const other = await ask()
  for (const [wrong, code] of [
    [{ challengeId: other.expectation.challengeId }, 'wrong_challenge'],
    [{ userId: other.expectation.userId }, 'wrong_user'],
    [{ binding: other.expectation.binding }, 'wrong_binding'],
  ] as const) {
    const refusal = results.verifyApproval(decidedChallenge.result, { ...expectation, ...wrong })
    await expect(refusal).rejects.toMatchObject({ code })
  }
})

test('a result of a challenge without a binding is rejected', async () => {
  const { user, phone, expectation } = await ask()
  const challenge = await client.createChallenge({ user })
  await client.call('POST', '/v1/challenges/{id}/cancel', { path: { id: challenge.id } })
  const { result } = await client.waitForDecision(challenge.id)
  expect(decodeJwt(result)).not.toHaveProperty('binding')
  const otherExpectation = { ...expectation, challengeId: challenge.id, userId: phone.userId }
  const refusal = await results
    .verifyResult(result, otherExpectation)
    .catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(RefusedResult)
  expect(refusal).toMatchObject({ code: 'wrong_binding' })
})

test('a denial is a result, and no approval', async () => {
  const { challenge, expectation, decide } = await ask()
  await decide('deny')
  const { status, result } = await client.waitForDecision(challenge.id)
  expect(status).toBe('denied')
  expect(await results.verifyResult(result, expectation)).toMatchObject({ reason: 'user_denied' })
  await expect(results.verifyApproval(result, expectation)).rejects.toMatchObject({
    code: 'not_approved',
  })
})

test('the end of an unanswered challenge is a result too', async () => {
  const { user, expectation } = await ask()
  const challenge = await client.createChallenge({ user })
  await onServer(databaseUrl, (db) =>
    letTimePass((sql, values) => db.query(sql, values), expectation.userId, 600),
  )
  const { status, result } = await client.waitForDecision(challenge.id)
  expect(status).toBe('expired')
  expect(decodeJwt(result)).toMatchObject({ cid: challenge.id, sub: expectation.userId })
})

describe('waiting', () => {
  test('lasts through a service that is unavailable', async () => {
    const { challenge, decide } = await ask()
    line.set('refusing')
    const waiting = client.waitForDecision(challenge.id)
    await until('it was refused', () => readings(challenge.id).some(({ status }) => status === 503))
    line.set('open')
    const decideQuietly = () =>
      decide('approve').then(
        () => true,
        () => false,
      )
    await until('the answer of the phone arrives', decideQuietly)
    expect((await waiting).status).toBe('approved')
  })

  test('lasts through a restart of the service', async () => {
    const { challenge, decide } = await ask()
    const waiting = client.waitForDecision(challenge.id)
    await isWaited(challenge.id)
    await service.stop()
    const before = readings(challenge.id).length
    await until('nobody answers', () => readings(challenge.id).length > before + 1)
    service = await startService(config, origin, log)
    await decide('approve')
    expect((await waiting).status).toBe('approved')
  })

  test('ends immediately when aborted, with the reason, and the challenge stays pending', async () => {
    const { challenge, decide } = await ask()
    const controller = new AbortController()
    const waiting = client.waitForDecision(challenge.id, { signal: controller.signal })
    await isWaited(challenge.id)
    const reason = new Error('the browser has gone')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(client.waitForDecision(challenge.id, { signal: controller.signal })).rejects.toBe(
      reason,
    )
    await decide('approve')
    expect((await client.waitForDecision(challenge.id)).status).toBe('approved')
  })

  test('ends immediately for a challenge that does not exist', async () => {
    const unknown = client.waitForDecision('chl_01h455vb4pex5vsknk084sn02q')
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'not_found' })
  })
})

test('a lost response to a creation does not create a second challenge', async () => {
  const { user } = await ask()
  let losses = 1
  const losing = new CountersignClient({
    origin,
    apiKey,
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      if (losses-- <= 0) return response
      await response.arrayBuffer()
      throw new TypeError('the connection broke')
    },
  })
  const challenge = await losing.createChallenge({ user })
  expect(challenge.number).toMatch(/^\d{6}$/)
  const { items } = await client.call('GET', '/v1/challenges', { query: { user } })
  expect(items.filter(({ status }) => status === 'pending')).toHaveLength(2)
})

test('an idempotency key of the caller is sent as given', async () => {
  const { user } = await ask()
  const idempotencyKey = `sign-in-${randomBytes(8).toString('hex')}`
  const first = await client.createChallenge({ user }, { idempotencyKey })
  const second = await client.call('POST', '/v1/challenges', { body: { user }, idempotencyKey })
  expect(second.id).toBe(first.id)
  const other = client.createChallenge({ user, ttlSeconds: 60 }, { idempotencyKey })
  await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' })
})

test('refusals of the service come with their code, status, text and members', async () => {
  const refusal = await client
    .createChallenge({ user: 'nobody' })
    .catch((error: unknown) => error as RefusedCall)
  expect(refusal).toBeInstanceOf(RefusedCall)
  expect(refusal).toMatchObject({ code: 'user_not_found', status: 404, isTransient: false })
  const stranger = new CountersignClient({ origin, apiKey: 'cs_nobody_nothing' })
  await expect(stranger.call('GET', '/v1/tenant')).rejects.toMatchObject({ status: 401 })
  const invalid = client.call('GET', '/v1/challenges', { query: { limit: 1000 } })
  await expect(invalid).rejects.toMatchObject({
    code: 'invalid_request',
    facts: { errors: [{ path: expect.stringContaining('limit') }] },
  })
})

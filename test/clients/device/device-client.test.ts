import { beforeAll, describe, expect, test } from 'vitest'
import { approvalNeedsVerification } from '../../../clients/device/src/answer.ts'
import { type ApprovalRequest, readRequest } from '../../../clients/device/src/approval-request.ts'
import {
  DeviceClient,
  type DeviceClientOptions,
} from '../../../clients/device/src/device-client.ts'
import { createDeviceKey } from '../../../clients/device/src/keys.ts'
import { checkAnswer, checkKey } from '../../../src/domain/answer.ts'
import { keyOf } from '../../../src/domain/device.ts'
import { isRefusal } from '../../../src/domain/refusal.ts'
import {
  answerOf,
  challengeId,
  createAccount,
  createTenantKeys,
  deviceId,
  issuer,
  origin,
  playNetwork,
  problem,
  proofOf,
  readSentProof,
  type requestFacts,
  serverNow,
  signatures,
  signRequest,
  storedKeys,
  type TenantKeys,
  tenantId,
  userId,
} from './stand-in.ts'

const ok = (body: unknown) => Response.json(body)
let tenantKeys: TenantKeys

beforeAll(async () => {
  tenantKeys = await createTenantKeys()
})

async function client(
  answer: Parameters<typeof playNetwork>[0],
  options: Partial<DeviceClientOptions> & { readonly verification?: boolean } = {},
) {
  const { verification = true } = options
  const { account, keys } = await createAccount(tenantKeys, { verification })
  const network = playNetwork(answer)
  const device = new DeviceClient({
    account,
    keys,
    fetch: network.fetch,
    now: () => serverNow.getTime(),
    retryDelaysMs: [0, 0],
    ...options,
  })
  return { device, keys, account, calls: network.calls }
}

async function request(changes: Parameters<typeof requestFacts>[0] = {}): Promise<ApprovalRequest> {
  const jws = await signRequest(tenantKeys.active(), changes)
  const expectation = { keySet: tenantKeys.keySet(), issuer, tenantId, deviceId, userId }
  const read = await readRequest(jws, { ...expectation, challengeId, now: serverNow })
  if (typeof read === 'string') throw new Error(read)
  return read
}

describe('the proof of a call', () => {
  test('passes the service for every call, by the key that the call requires', async () => {
    const { device, keys, calls } = await client(({ url, method }) => {
      if (url.endsWith('/devices') && method === 'GET') return ok({ items: [] })
      if (url.includes('/keyset')) return ok({ links: [] })
      if (url.endsWith('/self') && method !== 'DELETE') return ok({ id: deviceId })
      if (url.includes('/activities')) return ok({ items: [], nextCursor: null })
      return new Response(null, { status: 204 })
    })
    await device.reportReceipt(challengeId)
    await device.setPushToken({ provider: 'fcm', token: 'tökén' })
    await device.setPushToken(null)
    await device.self()
    await device.updateSelf({ name: 'Büro-Telefon 📱' })
    await device.devices()
    await device.activities({ cursor: 'act_1', limit: 5 })
    await device.reportActivity('act_1')
    await device.pushPause()
    await device.pausePushes(new Date('2027-01-02T08:00:00Z'))
    await device.refreshKeySet()
    await device.unregisterOther('dev_01h455vb4pex5vsknk084sn0zz')
    await device.rotateKey('possession', await createDeviceKey())
    await device.unregister()

    expect(calls.map(({ method, url }) => `${method} ${url.slice(origin.length)}`)).toEqual([
      `POST /device/v1/challenges/${challengeId}/received`,
      'PUT /device/v1/push-token',
      'PUT /device/v1/push-token',
      'GET /device/v1/self',
      'PATCH /device/v1/self',
      'GET /device/v1/devices',
      'GET /device/v1/activities?cursor=act_1&limit=5',
      'POST /device/v1/activities/act_1/report',
      'GET /device/v1/push-pause',
      'PUT /device/v1/push-pause',
      'GET /device/v1/keyset?after=1',
      'DELETE /device/v1/devices/dev_01h455vb4pex5vsknk084sn0zz',
      'POST /device/v1/self/keys',
      'DELETE /device/v1/self',
    ])
    const keysOnDevice = [...storedKeys(keys), ...storedKeys(device.keys)]
    for (const call of calls) {
      const proof = proofOf(call)
      expect([proof.tenantId, proof.deviceId]).toEqual([tenantId, deviceId])
      const key = keyOf(keysOnDevice, proof.kid)
      expect(key && (await signatures.verify(proof.jws, key.publicJwk))).toBe(true)
      const usesVerification =
        call.url.includes('/devices/') ||
        call.url.endsWith('/self/keys') ||
        `${call.method} ${call.url}`.startsWith(`PUT ${origin}/device/v1/push-pause`)
      expect(key?.role).toBe(usesVerification ? 'verification' : 'possession')
    }
    expect(new Set(calls.map((call) => proofOf(call).jti)).size).toBe(calls.length)
  })

  test('after a refusal because of the clock the call is repeated once with the service’s time', async () => {
    const behindMs = 90_000
    const changes: number[] = []
    const { device, calls } = await client(
      (call) => {
        const proof = readSentProof(call)
        return isRefusal(proof) ? problem(401, proof.refused, proof.facts) : ok({ id: deviceId })
      },
      {
        now: () => serverNow.getTime() - behindMs,
        onAccountChange: ({ clockOffsetMs }) => changes.push(clockOffsetMs),
      },
    )
    await device.self()
    expect(calls).toHaveLength(2)
    expect(changes).toEqual([behindMs])
    await device.self()
    expect(calls).toHaveLength(3)
  })

  test('a clock that the service keeps refusing is reported, without further retries', async () => {
    const { device, calls } = await client(() =>
      problem(401, 'clock_skew', { serverTime: serverNow.toISOString() }),
    )
    await expect(device.self()).rejects.toMatchObject({ code: 'clock_skew', status: 401 })
    expect(calls).toHaveLength(2)
  })
})

describe('what is pending', () => {
  test('is returned verified, and unverifiable requests are returned as refused with the reason', async () => {
    const key = tenantKeys.active()
    const foreign = (await createTenantKeys()).active()
    const other = 'chl_01h455vb4pex5vsknk084sn0zz'
    const items = [
      { id: challengeId, request: await signRequest(key) },
      { id: other, request: await signRequest(key) },
      { id: challengeId, request: await signRequest(foreign) },
    ]
    const { device } = await client(({ url }) =>
      ok(url.includes('/keyset') ? { links: [] } : { items, serverTime: serverNow.toISOString() }),
    )
    const { requests, refusedRequests } = await device.pending()
    expect(requests).toMatchObject([{ challengeId, numberDigits: 6 }])
    expect(refusedRequests).toEqual([
      { challengeId: other, fault: 'challenge_wrong' },
      { challengeId, fault: 'key_unknown' },
    ])
  })

  test('expiry is evaluated by the service’s time, not the clock of the machine', async () => {
    const items = [{ id: challengeId, request: await signRequest(tenantKeys.active()) }]
    const { device, account } = await client(
      () => ok({ items, serverTime: serverNow.toISOString() }),
      { now: () => serverNow.getTime() + 86_400_000 },
    )
    expect(account.clockOffsetMs).toBe(0)
    expect((await device.pending()).requests).toHaveLength(1)
    expect(device.account.clockOffsetMs).toBe(-86_400_000)
  })

  test('a request by a newer key is shown after following the links, and the newer set is stored', async () => {
    const nextKeys = await createTenantKeys()
    const { account, keys } = await createAccount(nextKeys)
    await nextKeys.rotate()
    const items = [{ id: challengeId, request: await signRequest(nextKeys.active()) }]
    const { device, calls } = await client(
      ({ url }) =>
        ok(
          url.includes('/keyset')
            ? { links: nextKeys.links(1) }
            : { items, serverTime: serverNow.toISOString() },
        ),
      { account, keys },
    )
    expect((await device.pending()).requests).toHaveLength(1)
    expect(device.account.keySet).toEqual(nextKeys.keySet())
    await device.pending()
    expect(calls.filter(({ url }) => url.includes('/keyset'))).toHaveLength(1)
  })

  test('links that do not follow are refused with an error, and the pinned set stays', async () => {
    const stranger = await createTenantKeys()
    await stranger.rotate()
    const { device, account } = await client(() => ok({ links: stranger.links(1) }))
    await expect(device.refreshKeySet()).rejects.toMatchObject({
      code: 'key_set_refused',
      facts: { fault: 'key_unknown' },
    })
    expect(device.account.keySet).toEqual(account.keySet)
  })
})

describe('an answer', () => {
  test.each([
    ['approve', 'preferred', true, 'verification'],
    ['approve', 'required', true, 'verification'],
    ['approve', 'not_required', true, 'possession'],
    ['approve', 'preferred', false, 'possession'],
    ['deny', 'required', true, 'possession'],
    ['report', 'preferred', true, 'possession'],
  ] as const)(
    '%s, verification %s, has such a key: %s: is signed by the %s key and passes the service’s checks',
    async (decision, userVerification, verification, role) => {
      const { device, keys, calls } = await client(() => ok({ status: 'approved' }), {
        verification,
      })
      const approvalRequest = await request({ userVerification })
      if (decision === 'approve') await device.approve(approvalRequest, '483920', { reason: 'me' })
      else await device[decision](approvalRequest, { reason: 'me' })

      const answer = answerOf(calls[0])
      expect(calls[0]?.url).toBe(`${origin}/device/v1/challenges/${challengeId}/answer`)
      const facts = { issuer, deviceId, userId, challengeId, nonce: approvalRequest.nonce } as const
      const expectedFacts = { ...facts, requestHash: approvalRequest.requestHash }
      expect(checkAnswer(answer, expectedFacts, serverNow)).toBeUndefined()
      const key = keyOf(storedKeys(keys), answer.kid)
      if (!key) throw new Error('not one of its keys')
      expect(key.role).toBe(role)
      expect(await signatures.verify(answer.jws, key.publicJwk)).toBe(true)
      expect(checkKey(answer, key, verification, userVerification)).toBeUndefined()
      expect(answer.decision).toBe(decision)
      expect(answer.number).toBe(decision === 'approve' ? '483920' : null)
    },
  )

  test('a request without a number is approved without one', async () => {
    const { device, calls } = await client(() => ok({ status: 'approved' }))
    await device.approve(await request({ numberMode: 'none', numberDigits: null }), null)
    expect(answerOf(calls[0]).number).toBeNull()
  })

  test.each(['４８३９２０', '٤٨٣\u00a0٩٢٠', '483–920', ' 483920\u200f', '४८3\u00ad920'])(
    'is signed with its number in ASCII, however it was typed: %j',
    async (input) => {
      const { device, calls } = await client(() => ok({ status: 'approved' }))
      await device.approve(await request(), input)
      expect(answerOf(calls[0]).number).toBe('483920')
    },
  )

  test.each(['48392', '4839200', '48392a', '４８３９２', ' 48392', '-48392', '½48392', null])(
    'a number of impossible form costs no attempt: %s',
    async (number) => {
      const { device, calls } = await client(() => ok({ status: 'approved' }))
      await expect(device.approve(await request(), number)).rejects.toThrow(RangeError)
      expect(calls).toHaveLength(0)
    },
  )

  test('a device without a verification key cannot approve what requires one', async () => {
    const { device, keys, calls } = await client(() => ok({}), { verification: false })
    const approvalRequest = await request({ userVerification: 'required' })
    expect(approvalNeedsVerification(approvalRequest, keys)).toBe(true)
    await expect(device.approve(approvalRequest, '483920')).rejects.toThrow('verification key')
    expect(calls).toHaveLength(0)
  })

  test.each([
    ['the connection breaks', () => Promise.reject(new TypeError('fetch failed'))],
    ['the service is unavailable', () => problem(503, 'unavailable')],
    ['a gateway answers', () => new Response('<html>', { status: 502 })],
    ['the reply breaks off', () => new Response('{"status":"appr', { status: 200 })],
  ])('when %s the same answer is sent again with a fresh proof', async (_, failure) => {
    const { device, calls } = await client((_call, index) =>
      index < 2 ? failure() : ok({ status: 'approved' }),
    )
    expect(await device.approve(await request(), '483920')).toEqual({ status: 'approved' })
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1)
    expect(new Set(calls.map((call) => proofOf(call).jti)).size).toBe(3)
  })

  test('without any response the app gets an error, and its next attempt is the same answer by name', async () => {
    const { device, calls } = await client(() => Promise.reject(new TypeError('fetch failed')))
    const approvalRequest = await request()
    await expect(device.approve(approvalRequest, '483920')).rejects.toMatchObject({
      code: 'unreachable',
      status: 0,
      outcomeUnknown: true,
    })
    expect(calls).toHaveLength(3)
    await expect(device.approve(approvalRequest, '483920')).rejects.toMatchObject({
      code: 'unreachable',
    })
    await expect(device.approve(approvalRequest, '111111')).rejects.toMatchObject({
      code: 'unreachable',
    })
    const jtis = calls.map((call) => answerOf(call).jti)
    expect(new Set(jtis.slice(0, 6)).size).toBe(1)
    expect(jtis.slice(6)).not.toContain(jtis[0])
  })

  test('a refusal is final: the answer is not sent again, and the next one has its own name', async () => {
    const { device, calls } = await client(() =>
      problem(422, 'wrong_number', { wrongNumbersLeft: 2, currentStatus: 'pending' }),
    )
    const approvalRequest = await request()
    for (let i = 0; i < 2; i++) {
      await expect(device.approve(approvalRequest, '483921')).rejects.toMatchObject({
        code: 'wrong_number',
        status: 422,
        facts: { wrongNumbersLeft: 2, currentStatus: 'pending' },
        outcomeUnknown: false,
      })
    }
    expect(calls).toHaveLength(2)
    expect(answerOf(calls[0]).jti).not.toBe(answerOf(calls[1]).jti)
  })

  test('after a refusal because of the clock the answer too is signed again, under its old name', async () => {
    const { device, calls } = await client(
      (call) => {
        const proof = readSentProof(call)
        return isRefusal(proof)
          ? problem(401, proof.refused, proof.facts)
          : ok({ status: 'denied' })
      },
      { now: () => serverNow.getTime() + 3_600_000 },
    )
    await device.deny(await request())
    const [first, second] = calls.map(answerOf)
    expect(second?.jti).toBe(first?.jti)
    expect(second?.iat).toBe(Math.floor(serverNow.getTime() / 1000))
  })
})

describe('confirming a new device', () => {
  test('makes the account active', async () => {
    const { device, calls } = await client(() => ok({ status: 'active' }))
    await device.confirm('483920')
    expect(calls[0]?.body).toBe('{"number":"483920"}')
    expect(device.account).toMatchObject({ status: 'active', confirmationDigits: null })
  })

  test('counts as done when only the reply was lost', async () => {
    const { device } = await client(() => problem(409, 'device_not_pending'))
    await device.confirm('483920')
    expect(device.account.status).toBe('active')
  })

  test('a wrong number reports how many attempts are left', async () => {
    const { account, keys } = await createAccount(tenantKeys)
    const { device } = await client(() => problem(422, 'wrong_number', { wrongNumbersLeft: 1 }), {
      account: { ...account, status: 'unconfirmed' },
      keys,
    })
    await expect(device.confirm('000000')).rejects.toMatchObject({
      code: 'wrong_number',
      facts: { wrongNumbersLeft: 1 },
    })
    expect(device.account.status).toBe('unconfirmed')
  })
})

describe('answers that are not of the service', () => {
  test.each([
    ['a page of a gateway', () => new Response('<html>', { status: 403 })],
    ['a success that is no JSON', () => new Response('<html>', { status: 200 })],
    ['JSON of another kind', () => ok([])],
  ])('%s is reported as such', async (_, answer) => {
    const { device } = await client(answer)
    await expect(device.pending()).rejects.toMatchObject({ code: 'unexpected_response' })
  })

  test('a refusal carries the time to retry', async () => {
    const { device } = await client(() => {
      const response = problem(429, 'too_many_requests')
      response.headers.set('retry-after', '7')
      return response
    })
    await expect(device.self()).rejects.toMatchObject({ status: 429, retryAfterSeconds: 7 })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApprovalRequest } from '../../clients/device/src/approval-request.ts'
import { onServer } from '../support/cluster.ts'
import {
  callAsDevice,
  type DeviceCall,
  freshJti,
  hash,
  proofFor,
  seconds,
  sign,
} from '../support/device-calls.ts'
import {
  enrollPhone,
  type Phone,
  type Reply,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

let service: RunningService
let phone: Phone
let other: Phone
let stranger: Phone
beforeAll(async () => {
  service = await startTestService()
  phone = await enrollPhone(service, { user: 'alice' })
  other = await enrollPhone(service, { user: 'alice' })
  stranger = await enrollPhone(service, { user: 'mallory' })
})
afterAll(() => service[Symbol.asyncDispose]())

function expectProblem(reply: Reply, status: number, code: string) {
  expect(reply.headers.get('content-type')).toContain('application/problem+json')
  expect(reply.json, reply.text).toMatchObject({ status, code })
  expect(reply.status).toBe(status)
}

async function ask(user = 'alice', more: Record<string, unknown> = {}) {
  const { json } = await service.api('POST', '/v1/challenges', { user, ...more })
  return json as { id: string; number: string }
}

async function requestOf(device: Phone, id: string): Promise<ApprovalRequest> {
  const { requests } = await device.client.pending()
  const request = requests.find((one) => one.challengeId === id)
  if (!request) throw new Error('not pending')
  return request
}

const statusOf = async (id: string) =>
  (await service.api('GET', `/v1/challenges/${id}`)).json.status

describe('a proof is refused', () => {
  const get: DeviceCall = { method: 'GET', path: '/device/v1/challenges' }
  const cases: Record<string, { call: DeviceCall; status?: number; code: string }> = {
    'of another method': { call: { ...get, claims: { htm: 'POST' } }, code: 'proof_invalid' },
    'of another path': {
      call: { ...get, claims: { htu: 'http://127.0.0.1/device/v1/self' } },
      code: 'proof_invalid',
    },
    'with a body hash where there is no body': {
      call: { ...get, claims: { bh: hash('') } },
      code: 'proof_invalid',
    },
    'that is 61 seconds old': {
      call: { ...get, claims: { iat: seconds(-62) } },
      code: 'clock_skew',
    },
    'that is a minute ahead': {
      call: { ...get, claims: { iat: seconds(60) } },
      code: 'clock_skew',
    },
    'with an unknown claim': { call: { ...get, claims: { admin: true } }, code: 'proof_malformed' },
    'without a jti': { call: { ...get, claims: { jti: undefined } }, code: 'proof_malformed' },
    'with a time as text': {
      call: { ...get, claims: { iat: String(seconds()) } },
      code: 'proof_malformed',
    },
    'of another type': { call: { ...get, typ: 'approval-response+jwt' }, code: 'proof_malformed' },
    'with another member in its header': {
      call: { ...get, header: { cty: 'JWT' } },
      code: 'proof_malformed',
    },
  }
  test.each(Object.entries(cases))('%s', async (_, { call, status = 401, code }) => {
    expectProblem(await callAsDevice(service, phone, call), status, code)
  })

  test('signed by a foreign key, with the same response bytes as one of an unknown device', async () => {
    const foreign = await callAsDevice(service, phone, { ...get, key: stranger.keys.possession })
    const unknown = await callAsDevice(service, phone, {
      ...get,
      claims: { did: `${phone.deviceId.slice(0, -4)}0000` },
    })
    expectProblem(foreign, 401, 'proof_invalid')
    expect(unknown.text).toBe(foreign.text)
  })

  test('when its own key claims to be another device', async () => {
    const call = { ...get, claims: { did: stranger.deviceId } }
    expectProblem(await callAsDevice(service, phone, call), 401, 'proof_invalid')
  })

  test('when it is missing', async () => {
    const response = await fetch(`${service.origin}/device/v1/challenges`)
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'proof_missing' })
  })

  test('when the body differs from the signed one', async () => {
    const call = { method: 'PATCH', path: '/device/v1/self' } as const
    const proof = await proofFor(service, phone, { ...call, body: { name: 'mine' } })
    const reply = await callAsDevice(service, phone, { ...call, body: { name: 'yours' } }, proof)
    expectProblem(reply, 401, 'proof_invalid')
  })

  test('when it is replayed on a changing call', async () => {
    const call = { method: 'PATCH', path: '/device/v1/self', body: { name: 'once' } } as const
    const proof = await proofFor(service, phone, call)
    expect((await callAsDevice(service, phone, call, proof)).status).toBe(200)
    expectProblem(await callAsDevice(service, phone, call, proof), 401, 'proof_replayed')
  })

  test('of the possession key where the verification key is required', async () => {
    const path = `/device/v1/devices/${other.deviceId}`
    const reply = await callAsDevice(service, phone, { method: 'DELETE', path })
    expectProblem(reply, 403, 'proof_key_not_allowed')
  })
})

describe('an answer is refused and changes nothing', () => {
  type Twist = {
    readonly claims?: Record<string, unknown>
    readonly header?: Record<string, unknown>
    readonly typ?: string
    readonly key?: 'possession' | 'verification'
    readonly status: number
    readonly code: string
    readonly claim?: string
  }
  const cases: Record<string, Twist> = {
    'about another challenge': {
      claims: { cid: 'chl_00000000000000000000000000' },
      status: 422,
      code: 'answer_invalid',
      claim: 'cid',
    },
    'with another nonce': {
      claims: { nonce: 'x' },
      status: 422,
      code: 'answer_invalid',
      claim: 'nonce',
    },
    'to another text than was shown': {
      claims: { rqh: hash('x') },
      status: 422,
      code: 'answer_invalid',
      claim: 'rqh',
    },
    'for another service': {
      claims: { aud: 'https://elsewhere.example' },
      status: 422,
      code: 'answer_invalid',
      claim: 'aud',
    },
    'in the name of another device': {
      claims: { iss: 'dev_00000000000000000000000000' },
      status: 422,
      code: 'answer_invalid',
      claim: 'iss',
    },
    'for another user': {
      claims: { sub: 'usr_00000000000000000000000000' },
      status: 422,
      code: 'answer_invalid',
      claim: 'sub',
    },
    'that lives longer than a minute': {
      claims: { exp: seconds(120) },
      status: 422,
      code: 'answer_invalid',
      claim: 'exp',
    },
    'that is stale': {
      claims: { iat: seconds(-90), exp: seconds(-40) },
      status: 401,
      code: 'clock_skew',
    },
    'by the possession key of a device that has a verification key': {
      key: 'possession',
      claims: { uv: false },
      status: 403,
      code: 'answer_key_not_allowed',
    },
    'that claims a verification which the key does not prove': {
      key: 'possession',
      status: 422,
      code: 'answer_invalid',
      claim: 'uv',
    },
    'without the number': { claims: { num: undefined }, status: 422, code: 'number_missing' },
    'with the number as a JSON number': {
      claims: { num: 483920 },
      status: 400,
      code: 'answer_malformed',
    },
    'with an unknown claim': { claims: { admin: true }, status: 400, code: 'answer_malformed' },
    'with another decision': { claims: { dec: 'approved' }, status: 400, code: 'answer_malformed' },
    'of another type': { typ: 'device-proof+jwt', status: 400, code: 'answer_malformed' },
    'with a key in its header': {
      header: { jku: 'https://x.example' },
      status: 400,
      code: 'answer_malformed',
    },
  }

  async function answer(device: Phone, id: string, claims: Record<string, unknown>, twist: Twist) {
    const jws = await sign(
      device.keys[twist.key ?? 'verification'] ?? device.keys.possession,
      twist.typ ?? 'approval-response+jwt',
      claims,
      twist.header,
    )
    const path = `/device/v1/challenges/${id}/answer`
    return callAsDevice(service, device, { method: 'POST', path, body: { answer: jws } })
  }

  function honest(device: Phone, request: ApprovalRequest, number: string) {
    return {
      iss: device.deviceId,
      sub: device.userId,
      aud: `${service.origin}/t/${service.tenantId}`,
      jti: freshJti(),
      iat: seconds(),
      exp: seconds(50),
      cid: request.challengeId,
      nonce: request.nonce,
      rqh: request.requestHash,
      dec: 'approve',
      num: number,
      uv: true,
    }
  }

  let challenge: { id: string; number: string }
  let request: ApprovalRequest
  beforeAll(async () => {
    challenge = await ask()
    request = await requestOf(phone, challenge.id)
  })

  test.each(Object.entries(cases))('%s', async (_, twist) => {
    const claims = { ...honest(phone, request, challenge.number), ...twist.claims }
    const reply = await answer(phone, challenge.id, claims, twist)
    expectProblem(reply, twist.status, twist.code)
    if (twist.claim) expect(reply.json.claim).toBe(twist.claim)
    const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
    expect(json).toMatchObject({ status: 'pending', wrongNumbersLeft: 3 })
  })

  test('that is no JWS, too long, or in another spelling', async () => {
    const jws = await sign(phone.keys.possession, 'approval-response+jwt', {})
    for (const text of ['x', `${jws}=`, `${jws}\n`, `${'a'.repeat(5000)}.b.${'c'.repeat(86)}`]) {
      const path = `/device/v1/challenges/${challenge.id}/answer`
      const reply = await callAsDevice(service, phone, {
        method: 'POST',
        path,
        body: { answer: text },
      })
      expect(reply.status, reply.text).toBe(400)
    }
    expect(await statusOf(challenge.id)).toBe('pending')
  })

  test("by another user's device: the challenge does not exist for it", async () => {
    const claims = honest(stranger, request, challenge.number)
    const foreign = await answer(
      stranger,
      challenge.id,
      claims,
      cases['about another challenge'] as Twist,
    )
    expectProblem(foreign, 404, 'not_found')
    const path = '/device/v1/challenges/chl_00000000000000000000000000/answer'
    const body = { answer: await sign(stranger.keys.possession, 'approval-response+jwt', claims) }
    const unknown = await callAsDevice(service, stranger, { method: 'POST', path, body })
    expect(unknown.text).toBe(foreign.text)
  })

  test('by a device that joined after the challenge was created', async () => {
    const late = await enrollPhone(service, { user: 'alice', name: 'late' })
    expect((await late.client.pending()).requests).toEqual([])
    const claims = honest(late, request, challenge.number)
    const reply = await answer(late, challenge.id, claims, { status: 404, code: 'not_found' })
    expectProblem(reply, 404, 'not_found')
  })

  test('after a cancellation, with the current state', async () => {
    const cancelledChallenge = await ask()
    const shownRequest = await requestOf(phone, cancelledChallenge.id)
    await service.api('POST', `/v1/challenges/${cancelledChallenge.id}/cancel`)
    const claims = honest(phone, shownRequest, cancelledChallenge.number)
    const reply = await answer(phone, cancelledChallenge.id, claims, {
      status: 409,
      code: 'challenge_ended',
    })
    expectProblem(reply, 409, 'challenge_ended')
    expect(await statusOf(cancelledChallenge.id)).toBe('cancelled')
  })

  test('after expiry', async () => {
    const late = await ask('alice')
    const shownRequest = await requestOf(phone, late.id)
    await onServer(service.database.url, (client) =>
      client.query('update challenges set expires_at = clock_timestamp() where id = $1', [late.id]),
    )
    const claims = honest(phone, shownRequest, late.number)
    const reply = await answer(phone, late.id, claims, { status: 410, code: 'challenge_expired' })
    expectProblem(reply, 410, 'challenge_expired')
    expect(await statusOf(late.id)).toBe('expired')
  })

  test('a repeated answer gets the same reply and counts no attempt', async () => {
    const repeatedChallenge = await ask()
    const shownRequest = await requestOf(phone, repeatedChallenge.id)
    const claims = honest(phone, shownRequest, repeatedChallenge.number)
    const twist = { status: 200, code: '' }
    const wrong = {
      ...claims,
      jti: freshJti(),
      num: repeatedChallenge.number === '000000' ? '1'.repeat(6) : '0'.repeat(6),
    }
    for (let times = 0; times < 3; times++) {
      const reply = await answer(phone, repeatedChallenge.id, wrong, twist)
      expectProblem(reply, 422, 'wrong_number')
      expect(reply.json.wrongNumbersLeft).toBe(2)
    }
    for (let times = 0; times < 3; times++) {
      const reply = await answer(phone, repeatedChallenge.id, claims, twist)
      expect(reply.json).toEqual({ status: 'approved' })
    }
    const opposite = { ...honest(phone, shownRequest, ''), dec: 'deny', num: undefined }
    const reply = await answer(phone, repeatedChallenge.id, opposite, twist)
    expectProblem(reply, 409, 'challenge_ended')
    expect(reply.json.currentStatus).toBe('approved')
  })
})

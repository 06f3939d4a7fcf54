// Faults of the network during a call: a deliberately faulty server over real connections.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CountersignClient, RefusedCall } from '../../../clients/typescript/src/client.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** One for each request; the last one stays. */
let answers: Answer[] = []
let requests: { method: string; url: string; headers: IncomingMessage['headers'] }[] = []
const server = createServer((request, response) => {
  const { method = '', url = '', headers } = request
  requests.push({ method, url, headers })
  const answer = answers.length > 1 ? answers.shift() : answers[0]
  answer?.(response, request)
})
let client: CountersignClient

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  client = new CountersignClient({ origin: `http://127.0.0.1:${port}`, apiKey: 'cs_a_b' })
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  requests = []
})

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
const problem = (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  json(
    status,
    { code, title: 'No.', detail: 'Do this.', wrongNumbersLeft: 1 },
    {
      'content-type': 'application/problem+json',
      ...headers,
    },
  )
const page =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers })
    response.end('<h1>gateway</h1>')
  }
const silence: Answer = () => undefined
const hangUp: Answer = (response) => response.destroy()

const tenant = () => client.call('GET', '/v1/tenant')

async function refusalOf(call: Promise<unknown>): Promise<RefusedCall> {
  const error = await call.then(
    () => new Error('it was answered'),
    (reason: unknown) => reason,
  )
  if (error instanceof RefusedCall) return error
  throw error
}

describe('a call', () => {
  test('authenticates, and puts its inputs into path, query and body', async () => {
    answers = [json(200, { items: [] })]
    await client.call('GET', '/v1/users/{userId}/devices', { path: { userId: 'usr_a b/c?d' } })
    await client.call('GET', '/v1/users', { query: { identifier: 'a&b=c d+ü' } })
    const [devices, users] = requests
    expect(devices).toMatchObject({
      method: 'GET',
      url: '/v1/users/usr_a%20b%2Fc%3Fd/devices',
      headers: { authorization: 'Bearer cs_a_b' },
    })
    const query = new URL(users?.url ?? '', 'http://x').searchParams
    expect(query.get('identifier')).toBe('a&b=c d+ü')
  })

  test('cannot be redirected to another route by a path parameter', async () => {
    for (const userId of ['.', '..', '', undefined as unknown as string]) {
      const call = client.call('GET', '/v1/users/{userId}/devices', { path: { userId } })
      await expect(call).rejects.toThrow(TypeError)
    }
    expect(requests).toEqual([])
  })

  test('without a response body resolves to undefined', async () => {
    answers = [(response) => response.writeHead(204).end()]
    expect(await tenant()).toBeUndefined()
  })

  test('rejects with the problem, its members, and how long to wait', async () => {
    answers = [problem(429, 'resend_too_soon', { 'retry-after': '7' })]
    expect(await refusalOf(tenant())).toMatchObject({
      name: 'RefusedCall',
      code: 'resend_too_soon',
      status: 429,
      message: 'No. Do this.',
      retryAfterSeconds: 7,
      facts: { wrongNumbersLeft: 1 },
      isTransient: false,
    })
  })

  test.each([
    ['86400000', 3600],
    ['Fri, 01 Jan 2999 00:00:00 GMT', 3600],
    ['Sat, 01 Jan 2000 00:00:00 GMT', 0],
    ['soon', null],
  ])('reads Retry-After %s as %s', async (header, seconds) => {
    answers = [problem(503, 'unavailable', { 'retry-after': header })]
    const { retryAfterSeconds, isTransient } = await refusalOf(tenant())
    expect([retryAfterSeconds, isTransient]).toEqual([seconds, true])
  })

  test.each<readonly [string, Answer, number]>([
    ['a proxy’s error page', page(502), 502],
    ['a proxy’s page instead of an answer', page(200), 200],
    ['a problem that is not JSON', page(400, { 'content-type': 'application/problem+json' }), 400],
    ['a problem that is a list', json(400, []), 400],
    ['a problem without a code', json(400, { code: 7 }), 400],
  ])('distinguishes %s from a response of the service', async (_, answer, status) => {
    answers = [answer]
    expect(await refusalOf(tenant())).toMatchObject({ code: 'unexpected_response', status })
  })

  test('says in its message which members were wrong', async () => {
    const errors = [{ path: '/user', message: 'must not be blank' }, { message: 'is odd' }, null]
    answers = [json(400, { code: 'invalid_request', title: 'No.', detail: 'Do this.', errors })]
    const { message } = await refusalOf(tenant())
    expect(message).toBe('No. Do this. /user: must not be blank. body: is odd.')
  })

  test('follows no redirection: no other host gets the key', async () => {
    answers = [page(307, { location: '/elsewhere' }), json(200, {})]
    expect(await refusalOf(tenant())).toMatchObject({ code: 'unexpected_response', status: 307 })
    expect(requests).toHaveLength(1)
  })

  test('reports no response and a timeout apart, also in the middle of a response', async () => {
    answers = [hangUp]
    expect(await refusalOf(tenant())).toMatchObject({ code: 'unreachable', status: 0 })
    const half: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"id":')
    }
    for (const answer of [silence, half]) {
      answers = [answer]
      const refusal = await refusalOf(client.call('GET', '/v1/tenant', { timeoutMs: 50 }))
      expect(refusal).toMatchObject({ code: 'timed_out', status: 0, isTransient: true })
    }
  })

  test('rejects with the reason of the signal, before the start and in the middle', async () => {
    answers = [silence]
    const reason = new Error('enough')
    const early = client.call('GET', '/v1/tenant', { signal: AbortSignal.abort(reason) })
    await expect(early).rejects.toBe(reason)
    expect(requests).toEqual([])
    const controller = new AbortController()
    answers = [() => controller.abort(reason)]
    const late = client.call('GET', '/v1/tenant', { signal: controller.signal })
    await expect(late).rejects.toBe(reason)
  })
})

test('an invalid origin is rejected when the client is created', () => {
  for (const origin of [
    '',
    'countersign.example',
    'ftp://a.example',
    'https://a.example/v1',
    'https://a:b@c.example',
  ]) {
    expect(() => new CountersignClient({ origin, apiKey: 'k' }), origin).toThrow(TypeError)
  }
})

test('the key is not in the printed form of the client', async () => {
  const { inspect } = await import('node:util')
  expect(inspect(client, { depth: 9, showHidden: true })).not.toContain('cs_a_b')
})

describe('creating a challenge', () => {
  const creationReply = json(201, { id: 'chl_1' })

  test('is retried with the same key while it may succeed', async () => {
    const wait = { 'retry-after': '0' }
    answers = [
      hangUp,
      problem(503, 'unavailable', wait),
      problem(409, 'conflict', wait),
      page(502),
      creationReply,
    ]
    expect(await client.createChallenge({ user: 'a' })).toEqual({ id: 'chl_1' })
    expect(requests).toHaveLength(5)
    const keys = new Set(requests.map(({ headers }) => headers['idempotency-key']))
    expect([...keys]).toEqual([expect.stringMatching(/^[\w-]{36}$/)])
    await client.createChallenge({ user: 'a' })
    expect(keys).not.toContain(requests.at(-1)?.headers['idempotency-key'])
  })

  test('is not retried sooner than the service asked for', async () => {
    const times: number[] = []
    const noting =
      (answer: Answer): Answer =>
      (...exchange) => {
        times.push(performance.now())
        answer(...exchange)
      }
    answers = [noting(problem(503, 'unavailable', { 'retry-after': '1' })), noting(creationReply)]
    await client.createChallenge({ user: 'a' })
    const [first = 0, second = 0] = times
    // Node's timers may fire a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(999)
  })

  test('is not retried after a refusal, nor beyond the time limit', async () => {
    const refusals = [
      problem(429, 'too_many_pending', { 'retry-after': '1' }),
      problem(422, 'no_capable_device'),
      problem(503, 'unavailable', { 'retry-after': '3000' }),
    ]
    for (const refusal of refusals) {
      requests = []
      answers = [refusal, creationReply]
      await refusalOf(client.createChallenge({ user: 'a' }))
      expect(requests).toHaveLength(1)
    }
  })

  test('can be aborted between two attempts', async () => {
    answers = [problem(503, 'unavailable', { 'retry-after': '10' })]
    const controller = new AbortController()
    const reason = new Error('enough')
    const call = client.createChallenge({ user: 'a' }, { signal: controller.signal })
    answers = [
      (response, request) => {
        response.on('close', () => setImmediate(() => controller.abort(reason)))
        problem(503, 'unavailable', { 'retry-after': '10' })(response, request)
      },
    ]
    await expect(call).rejects.toBe(reason)
  })
})

describe('waiting for a decision', () => {
  const now = new Date()
  const at = (seconds: number) => new Date(now.getTime() + seconds * 1000).toISOString()
  const reading = (status: string, more: object = {}): Answer =>
    json(200, { id: 'chl_1', status, result: null, createdAt: at(0), expiresAt: at(120), ...more })
  const approvedReply = reading('approved', { result: 'a.b.c' })

  test('continues through all temporary faults, and polls for half a minute each time', async () => {
    answers = [hangUp, page(504), reading('pending'), problem(503, 'unavailable'), approvedReply]
    expect(await client.waitForDecision('chl_1')).toMatchObject({ status: 'approved' })
    expect(requests.map(({ url }) => url)).toEqual(Array(5).fill('/v1/challenges/chl_1?wait=30'))
  })

  test('ends with the refusal when Retry-After is beyond the end of the challenge', async () => {
    answers = [reading('pending'), problem(503, 'unavailable', { 'retry-after': '140' })]
    expect(await refusalOf(client.waitForDecision('chl_1'))).toMatchObject({ code: 'unavailable' })
    expect(requests).toHaveLength(2)
  })

  test('goes by the lifetime of the challenge, not by this machine’s clock', async () => {
    const old = { createdAt: '2001-01-01T00:00:00.000Z', expiresAt: '2001-01-01T00:02:00.000Z' }
    answers = [reading('pending', old), hangUp, approvedReply]
    expect(await client.waitForDecision('chl_1')).toMatchObject({ status: 'approved' })
  })

  test('continues when too many requests wait already: nothing was done', async () => {
    answers = [
      reading('pending'),
      problem(429, 'too_many_requests', { 'retry-after': '0' }),
      approvedReply,
    ]
    expect(await client.waitForDecision('chl_1')).toMatchObject({ status: 'approved' })
  })

  test('ends for a challenge whose key was revoked meanwhile', async () => {
    answers = [reading('pending'), problem(401, 'api_key_invalid')]
    expect(await refusalOf(client.waitForDecision('chl_1'))).toMatchObject({ status: 401 })
  })

  test('rejects an end without a result, and an invalid time', async () => {
    for (const odd of [
      reading('approved'),
      reading('pending', { expiresAt: 'never' }),
      json(200, {}),
    ]) {
      answers = [odd]
      const refusal = await refusalOf(client.waitForDecision('chl_1'))
      expect(refusal).toMatchObject({ code: 'unexpected_response' })
    }
  })
})

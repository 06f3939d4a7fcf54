import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { FaultEffect } from '../../simulator/faults.ts'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import { ApnsClient, rightHeaders } from './wire-clients.ts'

let simulator: Simulator
let token: string
let right: Record<string, string>

beforeAll(async () => {
  simulator = await startSimulator()
  token = simulator.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID }).token
  right = await rightHeaders(simulator, token)
})
beforeEach(() => {
  simulator.faults.clear()
  simulator.log.clear()
})
afterAll(() => simulator.close())

const refusals: [string, Extract<FaultEffect, { kind: 'reason' }>, number, object][] = [
  ['Apple’s own status', { kind: 'reason', reason: 'TooManyRequests' }, 429, {}],
  ['a chosen status', { kind: 'reason', reason: 'Shutdown', status: 500 }, 500, {}],
  [
    'a key that is not for this environment',
    { kind: 'reason', reason: 'BadEnvironmentKeyInToken' },
    403,
    {},
  ],
  [
    'the time of death',
    { kind: 'reason', reason: 'ExpiredToken', timestamp: 5 },
    410,
    { timestamp: 5 },
  ],
]

test.each(refusals)('a reason comes with %s', async (_what, fault, status, extra) => {
  simulator.faults.add({ provider: 'apns', ...fault })
  await using client = new ApnsClient(simulator)
  const answer = await client.request(right)
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text)).toEqual({ reason: fault.reason, ...extra })
  expect(simulator.log.acceptedPushes()).toEqual([])
})

test('a reason may carry Retry-After', async () => {
  simulator.faults.add({
    provider: 'apns',
    kind: 'reason',
    reason: 'ServiceUnavailable',
    retryAfterSeconds: 3,
  })
  await using client = new ApnsClient(simulator)
  const answer = await client.request(right)
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '3'])
})

test('a garbage fault is not JSON, an empty-body fault has no body', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'garbage' })
  simulator.faults.add({ provider: 'apns', kind: 'empty_body', status: 503 })
  await using client = new ApnsClient(simulator)
  const garbage = await client.request(right)
  const empty = await client.request(right)
  expect(garbage.status).toBe(502)
  expect(garbage.text).toMatch(/^<html>/)
  expect(empty).toMatchObject({ status: 503, text: '' })
})

test.each([
  [undefined, 'NGHTTP2_INTERNAL_ERROR'],
  [7, 'NGHTTP2_REFUSED_STREAM'],
])('a reset with code %s ends the stream only', async (code, name) => {
  simulator.faults.add({ provider: 'apns', kind: 'reset', ...(code === undefined ? {} : { code }) })
  await using client = new ApnsClient(simulator)
  await expect(client.request(right)).rejects.toThrow(name)
  expect(await client.request(right)).toMatchObject({ status: 200 })
})

test('a closed socket ends the connection without an answer', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'close_socket' })
  await using client = new ApnsClient(simulator)
  await expect(client.request(right)).rejects.toThrow()
  await until('the session is gone', () => client.session.destroyed)
  expect(simulator.log.exchanges()).toMatchObject([{ status: 0, fault: 'close_socket' }])
})

test.each(['reset', 'close_socket', 'stall'] as const)(
  'a %s after acceptance leaves a push without an acknowledgement to its sender',
  async (kind) => {
    simulator.faults.add({ provider: 'apns', kind, processed: true })
    await using client = new ApnsClient(simulator)
    client.request(right).catch(() => undefined)
    await until('it was accepted', () => simulator.log.acceptedPushes(token).length === 1)
    expect(simulator.log.exchanges({ status: 200 })).toEqual([])
  },
)

test('a stall leaves one request unanswered and does not affect others', async () => {
  await using client = new ApnsClient(simulator)
  await client.request(right)
  simulator.faults.add({ provider: 'apns', kind: 'stall' })
  const stalledRequest = client.request(right)
  stalledRequest.catch(() => undefined)
  await until('it stalls', () => simulator.faults.empty)
  expect(await client.request(right)).toMatchObject({ status: 200 })
  expect(await Promise.race([stalledRequest, 'pending'])).toBe('pending')
})

test('a stalled connection answers nothing more; a new one is fine', async () => {
  await using client = new ApnsClient(simulator)
  await client.request(right)
  simulator.faults.add({ provider: 'apns', kind: 'stall_connection' })
  const requests = [client.request(right)]
  await until('it stalls', () => simulator.faults.empty)
  requests.push(client.request(right), client.request(right))
  await using other = new ApnsClient(simulator)
  expect(await other.request(right)).toMatchObject({ status: 200 })
  for (const stalledRequest of requests) {
    stalledRequest.catch(() => undefined)
    expect(await Promise.race([stalledRequest, 'pending'])).toBe('pending')
  }
})

test('a GOAWAY fault warns the client and still answers', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'goaway', phases: 1, reason: 'IdleTimeout' })
  await using client = new ApnsClient(simulator)
  expect(await client.request(right)).toMatchObject({ status: 200 })
  expect(client.goaways[0]?.text).toBe('{"reason":"IdleTimeout"}')
})

test('a refused and a silent connection affect only the next connection', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'refuse_connection' })
  simulator.faults.add({ provider: 'apns', kind: 'silent_connection' })
  await using refusedClient = new ApnsClient(simulator)
  await expect(refusedClient.request(right)).rejects.toThrow()
  await using silent = new ApnsClient(simulator)
  await until('it was accepted in silence', () => simulator.faults.empty)
  await using fine = new ApnsClient(simulator)
  expect(await fine.request(right)).toMatchObject({ status: 200 })
  expect(silent.session.connecting).toBe(true)
})

test('a fault affects only the requests of its filter, as often as configured', async () => {
  const fault = { provider: 'apns', kind: 'empty_body', status: 500 } as const
  const byToken = simulator.faults.add({ ...fault, token: 'someone else' })
  const byCollapseId = simulator.faults.add({ ...fault, collapseId: 'a' })
  const byMatch = simulator.faults.add({
    ...fault,
    times: 2,
    match: ({ body }) => JSON.stringify(body).includes('"wanted"'),
  })
  await using client = new ApnsClient(simulator)
  const statuses: number[] = []
  for (const [id, body] of [
    ['b', '{}'],
    ['a', '{}'],
    ['a', '{}'],
    ['b', '{"x":"wanted"}'],
    ['b', '{"x":"wanted"}'],
    ['b', '{"x":"wanted"}'],
  ] as const) {
    statuses.push((await client.request({ ...right, 'apns-collapse-id': id }, body)).status)
  }
  expect(statuses).toEqual([200, 500, 200, 500, 500, 200])
  expect([byToken, byCollapseId, byMatch].map((handle) => handle.remaining())).toEqual([1, 0, 0])
})

test('a permanent fault stays until it is removed', async () => {
  const reason = 'InternalServerError'
  const handle = simulator.faults.add({ provider: 'apns', kind: 'reason', reason, times: 'always' })
  await using client = new ApnsClient(simulator)
  for (let count = 0; count < 3; count += 1) {
    expect(await client.request(right)).toMatchObject({ status: 500 })
  }
  handle.remove()
  expect(await client.request(right)).toMatchObject({ status: 200 })
  expect(simulator.log.counts().apns.answered).toEqual({ [reason]: 3, ok: 1 })
})

test('an invalid request uses up no fault', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'stall' })
  await using client = new ApnsClient(simulator)
  expect(await client.request({ ...right, 'apns-priority': '7' })).toMatchObject({ status: 400 })
  expect(simulator.faults.empty).toBe(false)
})

test.each([0, -1, 1.5, Number.NaN])('a fault with %s times is rejected', (times) => {
  expect(() => simulator.faults.add({ provider: 'apns', kind: 'stall', times })).toThrow('times')
})

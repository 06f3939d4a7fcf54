import { describe, expect, test } from 'vitest'
import { readApnsFailure } from '../../src/push/apns/apns-replies.ts'
import { withBreaker } from '../../src/push/breaker.adapter.ts'
import { readFcmFailure } from '../../src/push/fcm/fcm-replies.ts'
import type { PushResult } from '../../src/push/push.store.ts'
import { aProvider } from './provider.ts'
import { aPush, recordingLog } from './push-gateway.ts'

const acceptance: PushResult = { kind: 'accepted', providerMessageId: '1' }
const down: PushResult = { kind: 'retry', reason: 'no reply: ECONNREFUSED', down: true }
const busy: PushResult = { kind: 'retry', reason: '429 TooManyRequests' }

/** A service that answers as the test says, behind a breaker whose time passes as the test says. */
function aService(answer: PushResult | Promise<PushResult>) {
  const state = { answer, now: 0 }
  const { push: provider, sentPushes } = aProvider(() => state.answer)
  const log = recordingLog()
  const push = withBreaker(provider, { log, nowMs: () => state.now })
  const send = () => push.send(aPush())
  const fail = async (times = 10) => {
    for (let time = 0; time < times; time++) await send()
  }
  return { state, sentPushes, log, send, fail }
}

describe('a service that has failed ten times in a row', () => {
  test('is skipped for a second, and its pushes get that time as their retry delay', async () => {
    const { state, sentPushes, send, fail } = aService(down)
    await fail()
    expect(sentPushes).toHaveLength(10)
    state.now = 400
    expect(await send()).toEqual({
      kind: 'retry',
      reason: 'the push service does not answer',
      afterMs: 600,
    })
    expect(sentPushes).toHaveLength(10)
  })

  test('is tried by one send after that, and by no other meanwhile', async () => {
    const { state, sentPushes, send, fail } = aService(down)
    await fail()
    state.now = 1_000
    let answer: (result: PushResult) => void = () => undefined
    state.answer = new Promise((resolve) => (answer = resolve))
    const trial = send()
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 1_000 })
    expect(sentPushes).toHaveLength(11)
    answer(acceptance)
    expect(await trial).toEqual(acceptance)
    state.answer = acceptance
    expect(await send()).toEqual(acceptance)
  })

  test('is skipped twice as long each time, up to fifteen seconds', async () => {
    const { state, send, fail } = aService(down)
    await fail()
    const waits: unknown[] = []
    for (let trial = 0; trial < 6; trial++) {
      const result = await send()
      if (result.kind === 'retry') waits.push(result.afterMs)
      state.now += result.kind === 'retry' ? (result.afterMs ?? 0) : 0
      expect(await send()).toEqual(down)
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  })

  test('is skipped as long as it asks, up to a minute', async () => {
    const { state, send, fail } = aService({ ...down, afterMs: 40_000 })
    await fail()
    expect(await send()).toMatchObject({ afterMs: 40_000 })
    state.answer = { ...down, afterMs: 3_600_000 }
    state.now = 40_000
    await send()
    expect(await send()).toMatchObject({ afterMs: 60_000 })
  })

  test('is logged once when it is skipped, and once when it answers again', async () => {
    const { state, log, send, fail } = aService(down)
    await fail(30)
    state.now = 1_000
    await send()
    state.now = 5_000
    state.answer = acceptance
    await send()
    await send()
    expect(log.lines.map(({ message }) => message)).toEqual([
      'push service does not answer',
      'push service answers again',
    ])
  })
})

describe('a service whose addresses are chosen by devices', () => {
  test('is tried for a device that did not fail while others fail, one at a time', async () => {
    let answer: (result: PushResult) => void = () => undefined
    const { push: provider, sentPushes } = aProvider(({ languages }) =>
      languages.length > 0 ? new Promise<PushResult>((resolve) => (answer = resolve)) : down,
    )
    const push = withBreaker(provider, { log: recordingLog(), triesOthers: true, nowMs: () => 0 })
    const hostilePush = aPush()
    for (let time = 0; time < 12; time++) await push.send(hostilePush)
    expect(sentPushes).toHaveLength(10)

    const other = push.send(aPush({ languages: ['nl'] }))
    expect(await push.send(aPush())).toMatchObject({ kind: 'retry', afterMs: 1_000 })
    expect(sentPushes).toHaveLength(11)
    answer(acceptance)
    expect(await other).toEqual(acceptance)
    // It answers: everybody is sent to again.
    expect(await push.send(hostilePush)).toEqual(down)
    expect(sentPushes).toHaveLength(12)
  })

  test('is tried for a device that failed before it last answered', async () => {
    const { push: provider, sentPushes } = aProvider(({ languages }) =>
      languages.length > 0 ? acceptance : down,
    )
    const push = withBreaker(provider, { log: recordingLog(), triesOthers: true, nowMs: () => 0 })
    const [early, hostile] = [aPush(), aPush()]
    await push.send(early)
    await push.send(aPush({ languages: ['nl'] }))
    for (let time = 0; time < 10; time++) await push.send(hostile)
    await push.send(early)
    expect(sentPushes).toHaveLength(13)
  })

  test('is tried once for each device, so that an outage costs it no more', async () => {
    const { push: provider, sentPushes } = aProvider(() => down)
    const push = withBreaker(provider, { log: recordingLog(), triesOthers: true, nowMs: () => 0 })
    const pushes = Array.from({ length: 20 }, () => aPush())
    for (const one of [...pushes, ...pushes]) await push.send(one)
    expect(sentPushes).toHaveLength(20)
  })

  test('is tried again for the oldest of more than a thousand that failed', async () => {
    const { push: provider, sentPushes } = aProvider(() => down)
    const push = withBreaker(provider, { log: recordingLog(), triesOthers: true, nowMs: () => 0 })
    const first = aPush()
    await push.send(first)
    for (let time = 0; time < 1_000; time++) await push.send(aPush())
    await push.send(first)
    expect(sentPushes).toHaveLength(1_002)
  })
})

describe('a service', () => {
  test.each<[string, PushResult]>([
    ['asks for a delay of one message', busy],
    ['rejects', { kind: 'rejected', reason: 'PayloadTooLarge' }],
    ['calls tokens dead', { kind: 'token_gone', reason: 'Unregistered' }],
    ['refuses our credentials', { kind: 'misconfigured', reason: 'InvalidProviderToken' }],
  ])('that %s is called on and on', async (_, result) => {
    const { sentPushes, fail } = aService(result)
    await fail(50)
    expect(sentPushes).toHaveLength(50)
  })

  test('that answers now and then is called on and on', async () => {
    const { state, sentPushes, fail } = aService(down)
    for (let round = 0; round < 10; round++) {
      state.answer = down
      await fail(9)
      state.answer = acceptance
      await fail(1)
    }
    expect(sentPushes).toHaveLength(100)
  })
})

describe('whether a failure is of the whole service', () => {
  const apns = (status: number | undefined, reason: string) =>
    readApnsFailure({ ...(status && { status }), response: { reason } }, true)
  const fcm = (status: number | undefined, code: string) =>
    readFcmFailure({ code, isFcmReply: true, ...(status && { status }) })

  test.each([
    ['APNs that does not answer', apns(undefined, 'x'), true],
    ['a 503 of APNs', apns(503, 'ServiceUnavailable'), true],
    ['a 429 of APNs, which is about one device', apns(429, 'TooManyRequests'), undefined],
    ['a broken connection to FCM', fcm(undefined, 'ECONNRESET'), true],
    ['a 500 of FCM', fcm(500, 'messaging/internal-error'), true],
    ['a 429 of FCM, which says itself how long to wait', fcm(429, 'messaging/x'), undefined],
  ])('%s', (_, result, down) => {
    expect(result.kind === 'retry' && result.down).toBe(down)
  })
})

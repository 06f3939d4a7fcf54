import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deviceStatuses } from '../../src/domain/device.ts'
import type { DeliveryId } from '../../src/domain/ids.ts'
import { deliveryStatuses, pushFailures, pushKinds } from '../../src/domain/push.ts'
import {
  advisePushes,
  clockNotableSeconds,
  type PushFacts,
  type PushRecord,
  providerFailureSeconds,
  pushAdvices,
  pushDelayMs,
  reasonForNotSending,
  receiptWaitSeconds,
  tokenFreshDays,
} from '../../src/domain/push-advice.ts'

const now = new Date('2026-06-01T12:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
const days = 24 * 3600

const sentPush: PushRecord = {
  id: 'dlv_1' as DeliveryId,
  kind: 'challenge_opened',
  status: 'sent',
  failure: null,
  reason: null,
  attempts: 1,
  queuedAt: ago(600),
  sentAt: ago(599),
  receivedAt: ago(598),
  answeredAt: null,
}
const lostPush: PushRecord = { ...sentPush, receivedAt: null }
const failedPush = (
  failure: PushRecord['failure'],
  more: Partial<PushRecord> = {},
): PushRecord => ({
  ...lostPush,
  status: 'failed',
  failure,
  sentAt: null,
  ...more,
})
const healthy: PushFacts = {
  status: 'active',
  hasPushToken: true,
  tokenSetAt: ago(days),
  now,
  pushes: [sentPush],
  clockSkewMs: 0,
}
const advise = (facts: Partial<PushFacts>) => advisePushes({ ...healthy, ...facts })

test('a device that receives its pushes needs no advice', () => {
  expect(advise({})).toEqual([])
  expect(advise({ pushes: [] })).toEqual([])
})

describe('enable_notifications is advised', () => {
  test('while the app has registered no token', () => {
    expect(advise({ hasPushToken: false })).toEqual(['enable_notifications'])
    expect(advise({ hasPushToken: false, pushes: [] })).toEqual(['enable_notifications'])
    expect(advise({ hasPushToken: false, tokenSetAt: null })).toEqual(['enable_notifications'])
  })

  test('when the app removed the token after the provider had called one dead', () => {
    const pushes = [failedPush('token_gone')]
    expect(advise({ hasPushToken: false, tokenSetAt: ago(599), pushes })).toEqual([
      'enable_notifications',
    ])
  })

  test('when a push was taken since the token that was dead', () => {
    const pushes = [sentPush, failedPush('token_gone', { queuedAt: ago(700) })]
    expect(advise({ hasPushToken: false, pushes })).toEqual(['enable_notifications'])
  })
})

describe('token_stale is advised', () => {
  test('when a provider called the token dead and the app registered none since', () => {
    const pushes = [failedPush('token_gone')]
    for (const tokenSetAt of [ago(days), ago(600), null]) {
      expect(advise({ hasPushToken: false, tokenSetAt, pushes })).toEqual(['token_stale'])
    }
  })

  test('also where pushes were suppressed since, for want of a token', () => {
    const suppressed = {
      ...failedPush(null),
      status: 'suppressed',
      reason: 'no_push_token',
    } as const
    const pushes = [suppressed, failedPush('token_gone')]
    expect(advise({ hasPushToken: false, pushes })).toEqual(['token_stale'])
  })

  test('when a token of thirty days brought the last prompt nowhere', () => {
    const old = { tokenSetAt: ago(tokenFreshDays * days) }
    expect(advise({ ...old, pushes: [lostPush, sentPush] })).toEqual(['token_stale'])
    expect(advise({ ...old, pushes: [sentPush, lostPush] })).toEqual([])
    const younger = { tokenSetAt: ago(tokenFreshDays * days - 1) }
    expect(advise({ ...younger, pushes: [lostPush, sentPush] })).toEqual([])
    expect(advise({ tokenSetAt: null, pushes: [lostPush, sentPush] })).toEqual([])
  })

  test('not before the last prompt has had a minute to arrive', () => {
    const old = { tokenSetAt: ago(tokenFreshDays * days) }
    const sentAgo = (seconds: number) => ({ ...lostPush, sentAt: ago(seconds) })
    expect(advise({ ...old, pushes: [sentAgo(receiptWaitSeconds)] })).toEqual(['token_stale'])
    expect(advise({ ...old, pushes: [sentAgo(receiptWaitSeconds - 1)] })).toEqual([])
  })
})

describe('provider_down is advised', () => {
  const down = failedPush('provider_unavailable')

  test('when two pushes in a row were not taken for a reason that is not the device’s', () => {
    expect(advise({ pushes: [down, failedPush('provider_misconfigured'), sentPush] })).toEqual([
      'provider_down',
    ])
    expect(advise({ pushes: [down] })).toEqual([])
    expect(advise({ pushes: [down, sentPush, down] })).toEqual([])
    expect(advise({ pushes: [down, failedPush('push_rejected')] })).toEqual([])
  })

  test('also while they wait to be sent again, and although others wait for their first attempt', () => {
    const waiting = { ...failedPush(null), status: 'queued' } as const
    const retriedPush = { ...down, status: 'queued' } as const
    expect(advise({ pushes: [waiting, retriedPush, retriedPush] })).toEqual(['provider_down'])
  })

  test('not of a push that was taken after a retry', () => {
    expect(advise({ pushes: [{ ...sentPush, attempts: 2 }, down, down] })).toEqual([])
  })

  test('for an hour', () => {
    const at = (seconds: number) => [{ ...down, queuedAt: ago(seconds) }, down]
    expect(advise({ pushes: at(providerFailureSeconds) })).toEqual(['provider_down'])
    expect(advise({ pushes: at(providerFailureSeconds + 1) })).toEqual([])
  })
})

describe('never_received is advised', () => {
  test('when three prompts were taken by the provider and none was confirmed', () => {
    expect(advise({ pushes: [lostPush, lostPush, lostPush] })).toEqual(['never_received'])
    expect(advise({ pushes: [lostPush, lostPush] })).toEqual([])
    expect(advise({ pushes: [lostPush, lostPush, lostPush, sentPush] })).toEqual([])
  })

  test('counting only prompts, which alone are confirmed, and only after a minute', () => {
    const test = { ...lostPush, kind: 'test' } as const
    expect(advise({ pushes: [lostPush, lostPush, test, test] })).toEqual([])
    const fresh = { ...lostPush, sentAt: ago(receiptWaitSeconds - 1) }
    expect(advise({ pushes: [fresh, lostPush, lostPush] })).toEqual([])
    expect(advise({ pushes: [failedPush('push_rejected'), lostPush, lostPush] })).toEqual([])
  })
})

describe('clock_off is advised', () => {
  const { ahead, behind } = clockNotableSeconds

  test('from half of what a proof tolerates, in each direction', () => {
    expect([ahead, behind]).toEqual([5, 30])
    expect(advise({ clockSkewMs: ahead * 1000 })).toEqual(['clock_off'])
    expect(advise({ clockSkewMs: ahead * 1000 - 1 })).toEqual([])
    expect(advise({ clockSkewMs: -behind * 1000 })).toEqual(['clock_off'])
    expect(advise({ clockSkewMs: 1 - behind * 1000 })).toEqual([])
  })

  test('never where no device has just signed', () => {
    expect(advise({ clockSkewMs: null })).toEqual([])
  })
})

test('several faults get several advices, in a fixed order', () => {
  const facts = { tokenSetAt: ago(tokenFreshDays * days), clockSkewMs: -40_000 }
  expect(advise({ ...facts, pushes: [lostPush, lostPush, lostPush] })).toEqual([
    'token_stale',
    'never_received',
    'clock_off',
  ])
})

const anyDate = fc.integer({ min: -100 * days, max: 0 }).map((seconds) => ago(-seconds))
const anyPush: fc.Arbitrary<PushRecord> = fc.record({
  id: fc.constant(sentPush.id),
  kind: fc.constantFrom(...pushKinds),
  status: fc.constantFrom(...deliveryStatuses),
  failure: fc.option(fc.constantFrom(...pushFailures)),
  reason: fc.constant(null),
  attempts: fc.nat(5),
  queuedAt: anyDate,
  sentAt: fc.option(anyDate),
  receivedAt: fc.option(anyDate),
  answeredAt: fc.option(anyDate),
})
const anyFacts: fc.Arbitrary<PushFacts> = fc.record({
  status: fc.constantFrom(...deviceStatuses),
  hasPushToken: fc.boolean(),
  tokenSetAt: fc.option(anyDate),
  now: fc.constant(now),
  pushes: fc.array(anyPush, { maxLength: 10 }),
  clockSkewMs: fc.option(fc.integer({ min: -60_000, max: 10_000 })),
})

test('advice about a token is never doubled, and none but the clock concerns a device without pushes', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const advice = advisePushes(facts)
      expect(pushAdvices.filter((one) => advice.includes(one))).toEqual(advice)
      expect(advice.includes('enable_notifications') && advice.includes('token_stale')).toBe(false)
      if (facts.hasPushToken) expect(advice).not.toContain('enable_notifications')
      if (facts.status !== 'active') {
        expect(advice.filter((one) => one !== 'clock_off')).toEqual([])
      }
    }),
  )
})

describe('a push says', () => {
  test('why it was not sentPush, and nothing once it was', () => {
    expect(reasonForNotSending(failedPush('push_rejected'))).toBe('push_rejected')
    expect(reasonForNotSending(sentPush)).toBeNull()
    const suppressed = { ...failedPush(null), status: 'suppressed', reason: 'expired' } as const
    expect(reasonForNotSending(suppressed)).toBe('expired')
    expect(reasonForNotSending({ ...suppressed, failure: 'provider_unavailable' })).toBe('expired')
  })

  test('how long it was on its way, never less than nothing', () => {
    expect(pushDelayMs(sentPush)).toBe(2_000)
    expect(pushDelayMs(lostPush)).toBeNull()
    expect(pushDelayMs({ ...sentPush, receivedAt: ago(601) })).toBe(0)
  })
})

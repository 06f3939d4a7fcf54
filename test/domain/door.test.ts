import { expect, test } from 'vitest'
import {
  endOfChallenge,
  endOfRefusal,
  holdMsOf,
  unfinishedAnswersMax,
} from '../../src/domain/door.ts'
import { refuse } from '../../src/domain/refusal.ts'

test.each([
  ['user_not_found', 'user_unknown'],
  ['no_capable_device', 'no_device'],
  ['user_suspended', 'locked'],
  ['push_locked', 'locked'],
  ['initiator_blocked', 'locked'],
  ['too_many_pending', 'suppressed'],
  ['push_suppressed', 'suppressed'],
  ['conflict', 'unavailable'],
  ['number_none_not_allowed', 'not_allowed'],
  ['number_too_short', 'not_allowed'],
  ['integration_paused', 'not_allowed'],
  ['not_found', 'not_allowed'],
] as const)('the refusal %s ends a request as %s', (code, outcome) => {
  expect(endOfRefusal(refuse(code))).toEqual({ outcome, why: code })
})

test('a temporary refusal says when to retry', () => {
  expect(endOfRefusal(refuse('push_locked', { retryAfterSeconds: 5 })).retryAfterSeconds).toBe(5)
})

test.each([
  ['approved', null, 'approved'],
  ['expired', null, 'expired'],
  ['cancelled', null, 'cancelled'],
  ['denied', 'user_denied', 'denied'],
  ['denied', 'number_mismatch', 'denied'],
  ['denied', 'user_reported', 'reported'],
  ['denied', 'no_device_left', 'no_device'],
] as const)('a challenge that is %s (%s) ends a request as %s', (status, reason, outcome) => {
  expect(endOfChallenge({ status, reason })).toEqual({ outcome, why: reason })
})

test('a pending challenge is no end', () => {
  expect(endOfChallenge({ status: 'pending', reason: null })).toBeUndefined()
})

test('held responses leave no client with twenty unfinished ones, and none waits for long', () => {
  for (const lifetimeMs of [15_000, 15_001, 120_000, 600_000]) {
    expect(lifetimeMs / holdMsOf(lifetimeMs)).toBeLessThanOrEqual(10)
    expect(lifetimeMs / holdMsOf(lifetimeMs)).toBeGreaterThan(9.9)
  }
  expect(unfinishedAnswersMax).toBeLessThan(15)
})

test('a refusal at a door carries the time to retry, and the user’s other factors', () => {
  const facts = { otherFactors: ['passcode'] }
  expect(endOfRefusal(refuse('push_locked', { retryAfterSeconds: 60, facts }))).toEqual({
    outcome: 'locked',
    why: 'push_locked',
    retryAfterSeconds: 60,
    otherFactors: ['passcode'],
  })
})

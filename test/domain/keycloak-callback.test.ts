import { describe, expect, test } from 'vitest'
import {
  afterCallback,
  callbackDelayMs,
  callbackStatus,
} from '../../src/domain/keycloak-callback.ts'

const first = new Date('2026-01-31T12:00:00Z')
const later = (ms: number) => new Date(first.getTime() + ms)

test.each([
  ['approved', null, true, 'SUCCEED'],
  ['approved', null, false, 'CANCELLED'],
  ['denied', 'user_denied', true, 'UNAUTHORIZED'],
  ['denied', 'user_reported', true, 'UNAUTHORIZED'],
  ['denied', 'number_mismatch', true, 'UNAUTHORIZED'],
  ['denied', 'no_device_left', true, 'CANCELLED'],
  ['expired', null, true, 'CANCELLED'],
  ['cancelled', null, true, 'CANCELLED'],
] as const)(
  '%s (%s), still allowed: %s, is reported as %s',
  (status, reason, isAllowed, callback) => {
    expect(callbackStatus({ status, reason }, isAllowed)).toBe(callback)
  },
)

describe('after an attempt', () => {
  test('that was accepted, nothing more is done', () => {
    expect(afterCallback({ kind: 'taken' }, first, first)).toEqual({
      kind: 'settled',
      reason: null,
    })
  })

  test('that may have been processed, there is no retry', () => {
    const result = { kind: 'failed', reason: 'no_answer' } as const
    expect(afterCallback(result, first, first)).toEqual({ kind: 'settled', reason: 'no_answer' })
  })

  test('that was refused, it is retried for three seconds and no longer', () => {
    const result = { kind: 'unknown_yet' } as const
    expect(afterCallback(result, first, later(2_999))).toEqual({ kind: 'again', afterMs: 300 })
    expect(afterCallback(result, first, later(3_000))).toEqual({
      kind: 'settled',
      reason: 'request_unknown',
    })
  })
})

test('the first callback waits for half a second, in which the realm stores its request', () => {
  expect(callbackDelayMs).toBe(500)
})

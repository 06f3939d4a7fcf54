import { describe, expect, test } from 'vitest'
import type { Protection } from '../../src/domain/protection.ts'
import { checkTestPush } from '../../src/domain/test-push.ts'

const now = new Date('2026-01-01T00:00:00Z')
const soon = new Date('2026-01-01T00:01:00Z')
const past = new Date('2025-12-31T23:59:59Z')
const free: Protection = {
  wrongNumbersInRow: 0,
  wrongNumbersSinceSuccess: 0,
  lockedUntil: null,
  hardLockedAt: null,
  reportedUntil: null,
  pausedUntil: null,
  suspendedAt: null,
  pushSignIn: null,
  revision: 0,
}
const device = { status: 'active', hasPushToken: true } as const
const check = (protection: Partial<Protection>) =>
  checkTestPush(device, { ...free, ...protection }, now)

describe('a test push', () => {
  test('goes to an active device whose user may be pushed', () => {
    expect(check({})).toBeUndefined()
    expect(check({ pausedUntil: past, reportedUntil: past, lockedUntil: past })).toBeUndefined()
  })

  test.each([
    ['unregistered', 'device_unregistered'],
    ['suspended', 'device_suspended'],
    ['unconfirmed', 'device_not_active'],
  ] as const)('goes to no device that is %s', (status, code) => {
    expect(checkTestPush({ ...device, status }, free, now)).toEqual({ refused: code })
  })

  test('goes to no device without a push token', () => {
    expect(checkTestPush({ ...device, hasPushToken: false }, free, now)).toEqual({
      refused: 'no_push_token',
    })
  })

  test('waits while the user has paused pushes', () => {
    expect(check({ pausedUntil: soon })).toEqual({
      refused: 'pushes_paused',
      retryAfterSeconds: 60,
    })
  })

  test('waits while a report or wrong numbers lock push sign-in', () => {
    expect(check({ reportedUntil: soon })).toMatchObject({
      refused: 'push_locked',
      retryAfterSeconds: 60,
      facts: { lock: 'reported' },
    })
    expect(check({ lockedUntil: soon })).toMatchObject({
      refused: 'push_locked',
      retryAfterSeconds: 60,
    })
  })

  test('is refused without a time to wait where only a person can end the stop', () => {
    expect(check({ suspendedAt: past })).toEqual({ refused: 'user_suspended' })
    expect(check({ hardLockedAt: past })?.retryAfterSeconds).toBeUndefined()
  })
})

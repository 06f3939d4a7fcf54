import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultPolicy } from '../../src/domain/policy.ts'
import {
  afterApproval,
  afterReport,
  afterUnlock,
  afterWrongNumber,
  checkPause,
  checkProtection,
  isAhead,
  isLocked,
  type Protection,
} from '../../src/domain/protection.ts'
import { later, now } from './examples.ts'

const noProtection: Protection = {
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
const guess = (protection: Protection, at = now) => afterWrongNumber(protection, defaultPolicy, at)
const guesses = (count: number) =>
  Array.from({ length: count }).reduce<Protection>((one) => guess(one).next, noProtection)

test('a lock whose end is not a valid time holds', () => {
  expect(isLocked({ ...noProtection, lockedUntil: new Date(Number.NaN) }, now)).toBe(true)
})

describe('wrong numbers', () => {
  test('lock push for an hour at the tenth in a row', () => {
    const ninth = guesses(9)
    expect(checkProtection(ninth, now)).toBeUndefined()
    const tenth = guess(ninth)
    expect(tenth.lock).toBe('wrong_numbers')
    expect(checkProtection(tenth.next, later(3599))).toEqual({
      refused: 'push_locked',
      retryAfterSeconds: 1,
      facts: { lock: 'wrong_numbers' },
    })
    expect(checkProtection(tenth.next, later(3600))).toBeUndefined()
  })

  test('lock again at the very next one after a lock ran out: time resets no count', () => {
    const eleventh = guess(guesses(10), later(3600))
    expect(eleventh.lock).toBe('wrong_numbers')
    expect(isLocked(eleventh.next, later(7199))).toBe(true)
  })

  test('lock hard at the hundredth since the last success, and time does not end that', () => {
    const hundredth = guess(guesses(99))
    expect(hundredth.lock).toBe('wrong_numbers_hard')
    expect(checkProtection(hundredth.next, later(10 * 365 * 86_400))).toEqual({
      refused: 'push_locked',
      facts: { lock: 'wrong_numbers_hard' },
    })
  })

  test('are forgotten by an approval, which changes nothing where there is nothing to forget', () => {
    expect(afterApproval(guesses(4))).toEqual(noProtection)
    expect(afterApproval(noProtection)).toBe(noProtection)
  })
})

describe('an unlock', () => {
  test('lifts every lock and count, and leaves pause and suspension', () => {
    const before = { ...guesses(100), pausedUntil: later(60), suspendedAt: now }
    const after = afterReport(before, defaultPolicy, now)
    expect(isLocked(after, now)).toBe(true)
    expect(afterUnlock(after)).toEqual({
      ...noProtection,
      pausedUntil: later(60),
      suspendedAt: now,
    })
  })
})

test.each([
  ['a hard lock', { hardLockedAt: now }, true],
  ['a lock that ends later', { lockedUntil: later(1) }, true],
  ['a lock that ends now', { lockedUntil: now }, false],
  ['a report that ends later', { reportedUntil: later(1) }, true],
  ['a report that ends now', { reportedUntil: now }, false],
  ['a pause and a suspension', { pausedUntil: later(1), suspendedAt: now }, false],
])('%s: something to unlock? %j', (_, changes, isUnlockable) => {
  expect(isLocked({ ...noProtection, ...changes }, now)).toBe(isUnlockable)
})

test('a report locks for an hour, and never shortens a longer lock', () => {
  expect(afterReport(noProtection, defaultPolicy, now).reportedUntil).toEqual(later(3600))
  const longer = { ...noProtection, reportedUntil: later(9999) }
  expect(afterReport(longer, defaultPolicy, now).reportedUntil).toEqual(later(9999))
})

test('a pause lasts to its last second, and is over with its end', () => {
  const end = later(60)
  expect(isAhead(end, new Date(end.getTime() - 1))).toBe(true)
  expect(isAhead(end, end)).toBe(false)
  expect(isAhead(null, now)).toBe(false)
})

test('a pause begins at once, and lasts thirty days at most, to the second', () => {
  const longest = 30 * 24 * 60 * 60
  for (const until of [null, later(0.001), later(1), later(longest)]) {
    expect(checkPause(until, now)).toBeUndefined()
  }
  for (const until of [now, later(-1), later(longest + 0.001), new Date(Number.NaN)]) {
    expect(checkPause(until, now)).toMatchObject({ refused: 'invalid_request' })
  }
})

test('a suspended user is refused before any lock is checked', () => {
  const suspendedUser = { ...guesses(100), suspendedAt: now }
  expect(checkProtection(suspendedUser, now)).toEqual({ refused: 'user_suspended' })
})

test('between two successes at most a hundred guesses are ever checked, however long the waits', () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 10_000 }) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 150, maxLength: 400 }), (steps) => {
      let protection = noProtection
      let at = now
      let checks = 0
      for (const { wait } of steps) {
        at = new Date(at.getTime() + wait * 1000)
        if (checkProtection(protection, at)) continue
        checks++
        protection = guess(protection, at).next
      }
      expect(checks).toBeLessThanOrEqual(defaultPolicy.wrongNumbersHardMax)
    }),
    { numRuns: 200 },
  )
})

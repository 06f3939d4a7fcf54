import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attemptsMax, retryDelayMs } from '../../src/worker/retry-schedule.ts'

test.each([
  [1, 500],
  [2, 1_000],
  [3, 2_000],
  [4, 5_000],
  [5, 10_000],
  [6, null],
  [7, null],
])('after try %i the next waits %s ms', (attempts, delayMs) => {
  expect(retryDelayMs(attempts, undefined)).toBe(delayMs)
})

test.each([
  ['longer than ours', 1, 30_000, 30_000],
  ['shorter than ours', 4, 100, 5_000],
  ['an hour, which is treated as a minute', 1, 3_600_000, 60_000],
  ['in the past', 1, -5_000, 500],
  ['after the last try', attemptsMax, 30_000, null],
])('a provider’s wish that is %s is honoured so far', (_, attempts, afterMs, delayMs) => {
  expect(retryDelayMs(attempts, afterMs)).toBe(delayMs)
})

test('whatever a provider wishes, a try waits between half a second and a minute, and tries end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      (attempts, afterMs) => {
        const delayMs = retryDelayMs(attempts, afterMs)
        if (attempts >= attemptsMax) expect(delayMs).toBeNull()
        else {
          expect(delayMs).toBeGreaterThanOrEqual(500)
          expect(delayMs).toBeLessThanOrEqual(60_000)
        }
      },
    ),
  )
})

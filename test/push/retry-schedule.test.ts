import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PushKind } from '../../src/domain/push.ts'
import { type FailedAttempt, retryDelayMs } from '../../src/push/retry-schedule.ts'

const hour = 3_600_000

function afterTry(attempts: number, more: Partial<FailedAttempt> = {}): number | null {
  return retryDelayMs({ kind: 'challenge_opened', attempts, chance: 0, leftMs: hour, ...more })
}

test.each([
  [1, 500],
  [2, 1_000],
  [3, 2_000],
  [4, 5_000],
  [5, 10_000],
  [6, 15_000],
  [7, 15_000],
  [40, 15_000],
])(
  'after attempt %i of a push that a client waits for, the next waits %s ms',
  (attempts, delayMs) => {
    expect(afterTry(attempts)).toBe(delayMs)
    expect(afterTry(attempts, { kind: 'test' })).toBe(delayMs)
  },
)

test.each([
  [5, 10_000],
  [6, 20_000],
  [8, 80_000],
  [9, 160_000],
  [10, 300_000],
  [1_000, 300_000],
])('after attempt %i of news the next waits %s ms', (attempts, delayMs) => {
  expect(afterTry(attempts, { kind: 'activity_recorded' })).toBe(delayMs)
  expect(afterTry(attempts, { kind: 'challenge_closed' })).toBe(delayMs)
})

test('waits have a random jitter of up to a fifth, so that failures are not retried together', () => {
  expect(afterTry(5, { chance: 0.5 })).toBe(11_000)
  expect(afterTry(5, { chance: 0.999999 })).toBe(12_000)
})

test('nothing is retried after the end of its subject', () => {
  expect(afterTry(5, { leftMs: 10_001 })).toBe(10_000)
  expect(afterTry(5, { leftMs: 10_000 })).toBeNull()
  expect(afterTry(1, { leftMs: -1 })).toBeNull()
})

test.each([
  ['longer than ours', 1, 30_000, 30_000],
  ['shorter than ours', 4, 100, 5_000],
  ['in the past', 1, -5_000, 500],
  ['beyond the end', 1, hour, null],
])(
  'a provider’s requested wait that is %s is honored within limits',
  (_, attempts, afterMs, delayMs) => {
    expect(afterTry(attempts, { afterMs })).toBe(delayMs)
  },
)

test('for any requested wait, retries continue at least half a second apart, and only until the end', () => {
  const kinds: PushKind[] = ['challenge_opened', 'challenge_closed', 'activity_recorded', 'test']
  let ends = 0
  let requests = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.integer({ min: 15_000, max: hour }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      fc.option(fc.integer({ min: -1_000, max: 120_000 }), { nil: undefined }),
      (kind, lifetimeMs, chance, afterMs) => {
        let passedMs = 0
        for (let attempts = 1; ; attempts++) {
          const leftMs = lifetimeMs - passedMs
          const delayMs = retryDelayMs({ kind, attempts, chance, afterMs, leftMs })
          if (delayMs === null) {
            // Given up only because the next would have come too late.
            const most = kind === 'challenge_opened' || kind === 'test' ? 15_000 : 300_000
            expect(leftMs).toBeLessThanOrEqual(Math.max(most, afterMs ?? 0) + most / 5)
            ends++
            return
          }
          if ((afterMs ?? 0) > 500) requests++
          expect(delayMs).toBeGreaterThanOrEqual(Math.max(500, afterMs ?? 0))
          passedMs += delayMs
          expect(passedMs).toBeLessThan(lifetimeMs)
        }
      },
    ),
  )
  expect(Math.min(ends, requests)).toBeGreaterThan(20)
})

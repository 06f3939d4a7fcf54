import { expect, test } from 'vitest'
import { faultsOf } from './verdict.ts'

const historyOf = (acknowledgments: string[], reads: string[] = []) => ({
  id: 'chl_1',
  acknowledgments,
  reads,
  idempotencyKey: 'k',
})

test.each([
  [historyOf(['approved'], ['approved']), 'approved'],
  [historyOf([], ['pending']), 'denied'],
  [historyOf([]), 'expired'],
])('the responses and the stored status agree: %j, %s', (history, storedStatus) => {
  expect(faultsOf(history, storedStatus)).toEqual([])
})

test.each([
  ['a lost challenge', historyOf([]), undefined, /is gone/],
  [
    'a lost decision',
    historyOf(['approved']),
    'pending',
    /acknowledged as approved and is kept as pending/,
  ],
  ['a turned decision', historyOf(['denied']), 'approved', /acknowledged as denied/],
  ['two winners', historyOf(['approved', 'denied']), 'approved', /approved and denied/],
  ['an end that was read and changed', historyOf([], ['expired']), 'approved', /read expired/],
] as const)('%s is a violation', (_, history, storedStatus, words) => {
  expect(faultsOf(history, storedStatus).join('\n')).toMatch(words)
})

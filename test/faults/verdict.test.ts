import { expect, test } from 'vitest'
import { faultsOf } from './verdict.ts'

const told = (acknowledged: string[], reads: string[] = []) => ({
  id: 'chl_1',
  acknowledged,
  reads,
  idempotencyKey: 'k',
})

test.each([
  [told(['approved'], ['approved']), 'approved'],
  [told([], ['pending']), 'denied'],
  [told([]), 'expired'],
])('what was told and what is kept agree: %j, %s', (history, kept) => {
  expect(faultsOf(history, kept)).toEqual([])
})

test.each([
  ['a lost challenge', told([]), undefined, /is gone/],
  [
    'a lost decision',
    told(['approved']),
    'pending',
    /acknowledged as approved and is kept as pending/,
  ],
  ['a turned decision', told(['denied']), 'approved', /acknowledged as denied/],
  ['two winners', told(['approved', 'denied']), 'approved', /approved and denied/],
  ['an end that was read and changed', told([], ['expired']), 'approved', /read expired/],
] as const)('%s is a violation', (_, history, kept, words) => {
  expect(faultsOf(history, kept).join('\n')).toMatch(words)
})

import { expect, test } from 'vitest'
import { isRefusal, refuse } from '../../src/domain/refusal.ts'

test('a refusal carries its code and the given facts, nothing else', () => {
  expect(refuse('not_found')).toEqual({ refused: 'not_found' })
  expect(refuse('resend_too_soon', { retryAfterSeconds: 3, hint: 'Wait.' })).toEqual({
    refused: 'resend_too_soon',
    retryAfterSeconds: 3,
    hint: 'Wait.',
  })
})

test.each<[unknown, boolean]>([
  [refuse('conflict'), true],
  [{ status: 'approved' }, false],
  [[], false],
  ['refused', false],
  [null, false],
  [undefined, false],
])('%j is a refusal: %s', (value, is) => {
  expect(isRefusal(value)).toBe(is)
})

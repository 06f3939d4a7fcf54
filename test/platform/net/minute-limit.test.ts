import { expect, test } from 'vitest'
import { buildMinuteLimit } from '../../../src/platform/net/minute-limit.ts'

test('each key has its share of a minute, and a new one in the next', () => {
  let now = 30_000
  const limit = buildMinuteLimit(2, () => now)
  const takes = (key: string) => [limit.take(key), limit.take(key), limit.take(key)]
  expect(takes('one')).toEqual([true, true, false])
  expect(takes('other')).toEqual([true, true, false])
  now = 59_999
  expect(limit.take('one')).toBe(false)
  now = 60_000
  expect(takes('one')).toEqual([true, true, false])
})

import { expect, test } from 'vitest'
import { parseRetryAfterMs } from '../../src/push/retry-after.ts'

const nowMs = Date.parse('2027-01-01T00:00:00Z')

test.each([
  ['7', 7_000],
  ['0', 0],
  ['Fri, 01 Jan 2027 00:00:30 GMT', 30_000],
  ['Thu, 31 Dec 2026 23:59:00 GMT', 0],
  ['999999999', 3_600_000],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
  [['1', '2'], undefined],
])('Retry-After %j means %j ms', (header, waitMs) => {
  expect(parseRetryAfterMs(header, nowMs)).toBe(waitMs)
})

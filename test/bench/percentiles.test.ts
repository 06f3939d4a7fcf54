import { expect, test } from 'vitest'
import { percentilesOf } from '../../bench/percentiles.ts'

test('percentiles are measured values, by nearest rank', () => {
  const oneToHundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(percentilesOf(oneToHundred)).toEqual({ p50: 50, p95: 95, p99: 99 })
  expect(percentilesOf([3, 1, 2])).toEqual({ p50: 2, p95: 3, p99: 3 })
  expect(percentilesOf([7])).toEqual({ p50: 7, p95: 7, p99: 7 })
})

test('an empty list has no percentiles', () => {
  expect(percentilesOf([])).toBeNull()
})

import { describe, expect, test } from 'vitest'
import { compare, isAlike, medianOf, welchT } from './welch.ts'

/** The same series at each run, between 0 and 1 (mulberry32). */
function aSeries(seed: number, length: number): number[] {
  let state = seed
  return Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  })
}

describe('the t of Welch', () => {
  test('is what another program computes', () => {
    // By Python's statistics module: (mean - mean) / sqrt(variance / n + variance / n).
    const [one, other] = [
      [27.5, 21, 19, 23.6, 17, 17.9],
      [27.1, 22, 20.8, 23.4, 23.4, 23.5, 25.8],
    ]
    expect(welchT(one, other)).toBeCloseTo(-1.4998214, 6)
    expect(welchT(other, one)).toBeCloseTo(1.4998214, 6)
  })

  test('is small for times of one kind, and large where one kind is a twentieth slower', () => {
    const times = aSeries(1, 1000)
    const other = aSeries(2, 1000)
    expect(isAlike(compare(times, other))).toBe(true)
    expect(
      isAlike(
        compare(
          times.map((time) => time + 0.1),
          other,
        ),
      ),
    ).toBe(false)
  })

  test('finds a difference that slow outliers hide', () => {
    const slow = (times: readonly number[]) => [...times, ...aSeries(5, 40).map((one) => one * 900)]
    const { t, tOfFast } = compare(
      slow(aSeries(3, 1000).map((time) => time + 0.2)),
      slow(aSeries(4, 1000)),
    )
    expect(Math.abs(t)).toBeLessThan(4.5)
    expect(tOfFast).toBeGreaterThan(4.5)
  })

  test('of nothing is no proof', () => {
    expect(isAlike(compare([], []))).toBe(false)
    expect(isAlike(compare([1], [1]))).toBe(false)
  })
})

test('the median is a measured value', () => {
  expect(medianOf([3, 1, 2])).toBe(2)
  expect(medianOf([4, 1, 2, 3])).toBe(2)
})

import { expect, test } from 'vitest'
import { loopsPerSecond, ratiosOf, serviceMsPerLoop } from '../../bench/ratio.ts'

/** A part of one second. */
const part = (
  loops: number,
  serviceMs: number,
  databaseMs: number,
  decisions: readonly number[] = [1],
) => ({
  loops,
  errors: 0,
  ms: 1000,
  serviceMs,
  databaseMs,
  betweenMs: 0,
  decisions,
})

test('a ratio covers all turns together, with median, minimum and maximum of single turns', () => {
  // 6, 4 and 10 ms per loop against 2 ms per loop: 3, 2 and 5 times as much.
  const one = [part(100, 400, 200), part(100, 300, 100), part(50, 300, 200)]
  const other = [part(200, 300, 100), part(100, 100, 100), part(100, 100, 100)]
  const margin = expect.any(Number)
  expect(ratiosOf(one, other)).toMatchObject({
    processorTime: { overall: expect.closeTo(3), margin, median: 3, min: 2, max: 5 },
    loops: { overall: expect.closeTo(0.625), margin, median: 0.5, min: 0.5, max: 1 },
  })
})

test('where turns are alike in size, the margin is twice the standard error of the mean', () => {
  const one = [part(100, 100, 0), part(100, 200, 0), part(100, 300, 0)]
  const other = [part(100, 100, 0), part(100, 100, 0), part(100, 100, 0)]
  const { overall, margin } = ratiosOf(one, other)?.processorTime ?? {}
  expect(overall).toBeCloseTo(2)
  // The standard deviation is 1.
  expect(margin).toBeCloseTo(2 / Math.sqrt(3))
  expect(ratiosOf(one.slice(1, 2), other.slice(1, 2))?.processorTime.margin).toBeNull()
})

test('for an even number of turns the median is between the two middle ones', () => {
  const one = [part(100, 100, 0), part(100, 200, 0)]
  const other = [part(100, 100, 0), part(100, 100, 0)]
  expect(ratiosOf(one, other)?.processorTime).toMatchObject({ median: 1.5, min: 1, max: 2 })
})

test('percentiles of the decision are those of all loops, whatever turn they were in', () => {
  const quick = Array.from({ length: 99 }, () => 2)
  const one = [part(100, 1, 1, [...quick, 30]), part(100, 1, 1, [...quick, 40])]
  const other = [part(100, 1, 1, [...quick, 10]), part(100, 1, 1, [...quick, 10])]
  // The 198th of 200 is a quick one; in a turn of 100 so is the 99th.
  expect(ratiosOf(one, other)).toMatchObject({
    decisionP50: { overall: 1 },
    decisionP99: { overall: 1 },
  })
  const slow = [part(3, 1, 1, [2, 30, 30]), part(1, 1, 1, [2])]
  expect(ratiosOf(slow, other)).toMatchObject({
    decisionP50: { overall: 1, min: 1, max: 15 },
    decisionP99: { overall: 15, min: 1, max: 15 },
  })
})

test('a long part is weighted by its loops and time, not as one turn among many', () => {
  const parts = [part(100, 100, 0), { ...part(900, 1800, 0), ms: 3000 }]
  expect(serviceMsPerLoop(parts)).toBe(1.9)
  expect(loopsPerSecond(parts)).toBe(250)
})

test.each([
  ['no turn', [], []],
  ['a turn in which the one did nothing', [part(0, 5, 5)], [part(10, 20, 20)]],
  ['a turn in which the other did nothing', [part(10, 20, 20)], [part(0, 5, 5)]],
])('%s gives no ratio', (_, one, other) => {
  expect(ratiosOf(one, other)).toBeNull()
})

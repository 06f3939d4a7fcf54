import { expect, test } from 'vitest'
import { buildPasses } from '../../../src/platform/work/passes.ts'

/** Passes that end as the test says. */
function somePasses(restMs?: number) {
  const runs: (() => void)[] = []
  const passes = buildPasses(() => new Promise<void>((resolve) => runs.push(resolve)), restMs)
  return { passes, runs }
}
const settleDown = () => new Promise((resolve) => setImmediate(resolve))

test('calls during a run share one more run, which begins after it', async () => {
  const { passes, runs } = somePasses()
  const first = passes.run()
  await settleDown()
  const more = [passes.run(), passes.run()]
  await settleDown()
  expect(runs).toHaveLength(1)
  runs[0]?.()
  await first
  await settleDown()
  expect(runs).toHaveLength(2)
  runs[1]?.()
  await Promise.all(more)
  await passes.settled()
  expect(runs).toHaveLength(2)
})

test('the first call is not delayed; those right after a run are done together after a rest', async () => {
  const { passes, runs } = somePasses(50)
  const first = passes.run()
  await settleDown()
  runs[0]?.()
  await first
  const endedAt = performance.now()
  const more = [passes.run(), passes.run()]
  await settleDown()
  more.push(passes.run())
  expect(runs).toHaveLength(1)
  while (runs.length < 2) await settleDown()
  // Timers of Node may fire somewhat early.
  expect(performance.now() - endedAt).toBeGreaterThan(40)
  runs[1]?.()
  await Promise.all(more)
  expect(runs).toHaveLength(2)
})

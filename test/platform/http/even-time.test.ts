import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inEvenTime } from '../../../src/platform/http/even-time.ts'

const stepMs = 100

async function stepsOf(work: () => Promise<unknown>): Promise<boolean> {
  const startedAt = performance.now()
  await inEvenTime(stepMs, work).catch(() => undefined)
  // A timer may fire within the millisecond before.
  return performance.now() - startedAt >= stepMs - 1
}

test('work takes one step whether it does nothing, does something, or fails', async () => {
  const works = [
    async () => undefined,
    () => setTimeout(20),
    () => Promise.reject(new Error('broken')),
  ]
  expect(await Promise.all(works.map(stepsOf))).toEqual([true, true, true])
  await expect(inEvenTime(stepMs, works[2] ?? (async () => undefined))).rejects.toThrow('broken')
})

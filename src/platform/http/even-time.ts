// Answers whose time says nothing about the work behind them.

import { setTimeout } from 'node:timers/promises'

/**
 * The outcome of the work, at the next multiple of `stepMs` after its begin: what takes less than
 * one step takes one, whatever was done. It holds no turn of a queue while it waits.
 */
export async function inEvenTime<T>(stepMs: number, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  try {
    return await work()
  } finally {
    // Timers drop fractions of a millisecond.
    await setTimeout(Math.ceil(stepMs - ((performance.now() - startedAt) % stepMs)))
  }
}

import { setTimeout } from 'node:timers/promises'

/**
 * Runs `pass` for each call, one run at a time. Calls before a run has begun share it, so each call
 * is followed by a run that began later. A run begins at once, or `restMs` after the end of the
 * last: what comes in quick succession is done together. `pass` never rejects.
 */
export function buildPasses(pass: () => Promise<void>, restMs = 0) {
  let passes: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  let readyAt = 0

  async function begin(): Promise<void> {
    const waitMs = readyAt - performance.now()
    if (waitMs > 0) await setTimeout(waitMs)
    next = undefined
    await pass()
    readyAt = performance.now() + restMs
  }

  return {
    run(): Promise<void> {
      if (!next) {
        next = passes.then(begin)
        passes = next
      }
      return next
    },
    /** Resolves when the runs requested so far have ended. */
    settled: () => passes,
  }
}

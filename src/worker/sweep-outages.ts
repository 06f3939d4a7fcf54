import type { Log } from './dispatcher.ts'

/** Told after each turn of a sweep how many of its turns have failed in a row; 0 when it works. */
export type ObserveSweep = (sweep: string, failures: number) => void

/** Turns in a row, and the time since the first, after which a failing sweep is an alarm and no hiccup. */
const alarm = { failures: 3, afterMs: 30_000 }

type Outage = { failures: number; readonly since: number; told: boolean }

const codeOf = (error: unknown) => (error as { readonly code?: unknown } | null)?.code
const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/**
 * Says of each sweep when it begins to fail (a warning, with message and code), when it fails again and again (an error), and
 * when it works again: once an outage each, however often it is tried.
 */
export function createSweepOutages(log: Log, observe: ObserveSweep, nowMs: () => number) {
  const outages = new Map<string, Outage>()
  return {
    failed(sweep: string, error: unknown): void {
      const outage = outages.get(sweep) ?? { failures: 0, since: nowMs(), told: false }
      outages.set(sweep, outage)
      outage.failures += 1
      observe(sweep, outage.failures)
      const { failures, since } = outage
      const facts = { sweep, failures, code: codeOf(error), reason: wordsOf(error) }
      if (failures === 1) log.warn(facts, 'sweep failed; it will be tried again')
      if (outage.told || failures < alarm.failures || nowMs() - since < alarm.afterMs) return
      outage.told = true
      log.error(facts, 'sweep fails again and again: what it does is not done')
    },
    worked(sweep: string): void {
      const outage = outages.get(sweep)
      outages.delete(sweep)
      observe(sweep, 0)
      if (outage) log.warn({ sweep, failures: outage.failures }, 'sweep works again')
    },
  }
}

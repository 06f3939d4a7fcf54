import type { Log } from '../push/push-dispatcher.ts'

/**
 * Called after each run of a sweep with the number of its consecutive failures; 0 when it works.
 */
export type ObserveSweep = (sweep: string, failures: number) => void

/**
 * Consecutive failures, and the time since the first, after which a failing sweep is an alarm and
 * no transient failure.
 */
const alarm = { failures: 3, afterMs: 30_000 }

type Outage = { failures: number; readonly since: number; isAlarmed: boolean }

const codeOf = (error: unknown) => (error as { readonly code?: unknown } | null)?.code
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/**
 * Logs for each sweep when it begins to fail (a warning, with message and code), when it fails
 * repeatedly (an error), and when it works again: once an outage each, however often it is retried.
 */
export function buildSweepOutages(log: Log, observe: ObserveSweep, nowMs: () => number) {
  const outages = new Map<string, Outage>()
  return {
    recordFailure(sweep: string, error: unknown): void {
      const outage = outages.get(sweep) ?? { failures: 0, since: nowMs(), isAlarmed: false }
      outages.set(sweep, outage)
      outage.failures += 1
      observe(sweep, outage.failures)
      const { failures, since } = outage
      const facts = { sweep, failures, code: codeOf(error), reason: messageOf(error) }
      if (failures === 1) log.warn(facts, 'sweep failed; it will be tried again')
      if (outage.isAlarmed || failures < alarm.failures || nowMs() - since < alarm.afterMs) return
      outage.isAlarmed = true
      log.error(facts, 'sweep fails again and again: what it does is not done')
    },
    recordSuccess(sweep: string): void {
      const outage = outages.get(sweep)
      outages.delete(sweep)
      observe(sweep, 0)
      if (outage) log.warn({ sweep, failures: outage.failures }, 'sweep works again')
    },
  }
}

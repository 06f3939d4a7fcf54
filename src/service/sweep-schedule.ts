import type { Outages } from '../platform/work/outages.ts'
// When sweeps run: when work is due, and not before.

import type { DueWork, DueWorkStore } from '../platform/work/due-work.store.ts'

export type Sweep = {
  readonly name: string
  /** The least time between two runs. */
  readonly everyMs: number
  /**
   * In how many milliseconds work is due; null: none in sight. Without it the sweep runs by the
   * time alone.
   */
  readonly due?: (dueWork: DueWork) => number | null
  /**
   * For a sweep without `due`: the time between two runs when nothing has been written for a while.
   */
  readonly quietMs?: number
  /** Processes one batch; true when there may be more immediately. */
  readonly run: () => Promise<boolean>
}

export type SweepScheduleOptions = {
  readonly sweeps: readonly Sweep[]
  readonly dueWork: DueWorkStore
  readonly outages: Outages
  /** The longest time between two scans for due work: the delay that a lost signal causes. */
  readonly scanEveryMs?: number
  readonly lingerMs?: number
}

export type SweepSchedule = {
  /**
   * Something was written, here or in another process: scans for due work, immediately unless it
   * has just done so. Never throws.
   */
  wake(): void
  /** Starts no more runs, and waits for those in progress. */
  stop(): Promise<void>
}

/**
 * Less than the shortest lifetime of a challenge, so that none expires unnoticed between two scans.
 */
const scanEveryMsDefault = 5_000
const scanGapMs = 250
const scanAfterFailureMs = 1_000
/**
 * For this long after the last write the sweeps without `due` keep their pace: heads of the audit
 * chain are signed a minute after the last.
 */
const lingerMsDefault = 70_000
/** The longest timer that Node accepts; a longer one would fire immediately. */
const timerMaxMs = 2 ** 31 - 1

/** Runs each sweep repeatedly until stopped; one that fails is retried at its next run. */
export function startSchedule(options: SweepScheduleOptions): SweepSchedule {
  const { sweeps, dueWork: dueWorkStore, outages } = options
  const { scanEveryMs = scanEveryMsDefault, lingerMs = lingerMsDefault } = options
  const sweepTimers = sweeps.map((sweep) => buildSweepTimer(sweep, outages, afterRun))
  let isStopped = false
  let scanning: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let scannedAt = Number.NEGATIVE_INFINITY
  let wokenAt = performance.now()
  let isScanPending = false
  let isFailing = false

  async function scan(): Promise<void> {
    isScanPending = false
    try {
      const dueWork = await dueWorkStore.read()
      isFailing = false
      outages.recordSuccess('due_work')
      for (const { sweep, runIn: turnIn } of sweepTimers) {
        const dueMs = sweep.due?.(dueWork)
        if (dueMs !== undefined) turnIn(dueMs)
      }
    } catch (error) {
      isFailing = true
      outages.recordFailure('due_work', error)
    }
    scannedAt = performance.now()
  }

  function scanIn(ms: number): void {
    clearTimeout(timer)
    if (isStopped) return
    timer = setTimeout(() => {
      scanning = scan().finally(() => {
        scanning = undefined
        scanIn(isScanPending ? scanGapMs : isFailing ? scanAfterFailureMs : scanEveryMs)
      })
    }, ms)
  }

  function requestScan(): void {
    if (isScanPending || isStopped) return
    isScanPending = true
    // A scan in progress may have read before: it is followed by another.
    if (!scanning) scanIn(Math.max(0, scannedAt + scanGapMs - performance.now()))
  }

  function afterRun({ sweep, runIn: turnIn }: SweepTimer): void {
    const isQuiet = performance.now() - wokenAt > lingerMs
    if (sweep.due) requestScan()
    else turnIn(isQuiet ? (sweep.quietMs ?? 0) : 0)
  }

  for (const { sweep, runIn: turnIn } of sweepTimers) if (!sweep.due) turnIn(0)
  scanIn(0)
  return {
    wake() {
      const wasQuiet = performance.now() - wokenAt > lingerMs
      wokenAt = performance.now()
      if (wasQuiet) for (const { sweep, runIn: turnIn } of sweepTimers) if (sweep.quietMs) turnIn(0)
      requestScan()
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await scanning
      await Promise.all(sweepTimers.map(({ stop }) => stop()))
    },
  }
}

type SweepTimer = {
  readonly sweep: Sweep
  /**
   * Schedules a run in this many milliseconds, but not before its time; null: none. Replaces the
   * former schedule.
   */
  runIn(ms: number | null): void
  stop(): Promise<void>
}

/** One sweep with its timer. */
function buildSweepTimer(
  sweep: Sweep,
  outages: Outages,
  afterRun: (turning: SweepTimer) => void,
): SweepTimer {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  // The first run waits, too: a process that has just started has other work to do.
  let ranAt = performance.now()
  let isStopped = false

  async function runAll(): Promise<void> {
    try {
      while (!isStopped && (await sweep.run()));
      outages.recordSuccess(sweep.name)
    } catch (error) {
      outages.recordFailure(sweep.name, error)
    }
    ranAt = performance.now()
  }

  const self: SweepTimer = {
    sweep,
    runIn(ms) {
      // A run in progress is followed by a scan, or by a run of its own.
      if (running || isStopped) return
      clearTimeout(timer)
      if (ms === null) return
      const restMs = ranAt + sweep.everyMs - performance.now()
      timer = setTimeout(
        () => {
          running = runAll().finally(() => {
            running = undefined
            if (!isStopped) afterRun(self)
          })
        },
        Math.min(timerMaxMs, Math.max(0, restMs, ms)),
      )
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
  return self
}

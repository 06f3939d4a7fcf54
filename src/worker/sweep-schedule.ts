// When sweeps turn: when something is due, and not before.

import type { Agenda, AgendaStore } from '../ports/agenda-store.ts'

export type Sweep = {
  readonly name: string
  /** The least time between two turns. */
  readonly everyMs: number
  /** In how many milliseconds there is something to do; null: nothing in sight. Without it the sweep turns by the time alone. */
  readonly due?: (agenda: Agenda) => number | null
  /** For a sweep without `due`: the time between two turns when nothing has been written for a while. */
  readonly quietMs?: number
  /** Works off one batch; true when there may be more at once. */
  readonly run: () => Promise<boolean>
}

/** Who is told how the turns went; the agenda counts as a sweep of its own. */
export type Outages = {
  failed(sweep: string, error: unknown): void
  worked(sweep: string): void
}

export type SweepScheduleOptions = {
  readonly sweeps: readonly Sweep[]
  readonly agenda: AgendaStore
  readonly outages: Outages
  /** The longest time between two looks at what is owed: what a lost signal costs. */
  readonly lookEveryMs?: number
  readonly lingerMs?: number
}

export type SweepSchedule = {
  /** Something was written, here or in another process: looks at what is owed, at once unless it has just done so. Never throws. */
  stir(): void
  /** Turns no more, and waits for the turns that are running. */
  stop(): Promise<void>
}

/** Less than the shortest lifetime of a challenge, so that none expires unseen between two looks. */
const lookEveryMsDefault = 5_000
const lookGapMs = 250
const lookAfterFailureMs = 1_000
/** So long after the last write the sweeps without `due` keep their pace: heads of the audit chain are signed a minute after the last. */
const lingerMsDefault = 70_000
/** What a timer of Node takes at most; beyond it would fire at once. */
const timerMax = 2 ** 31 - 1

/** Runs each sweep again and again until stopped; one that fails is tried again at its next turn. */
export function startSchedule(options: SweepScheduleOptions): SweepSchedule {
  const { sweeps, agenda, outages } = options
  const { lookEveryMs = lookEveryMsDefault, lingerMs = lingerMsDefault } = options
  const turning = sweeps.map((sweep) => createTurning(sweep, outages, afterTurn))
  let stopped = false
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let stirredAt = performance.now()
  let wanted = false
  let failing = false

  async function look(): Promise<void> {
    wanted = false
    try {
      const seen = await agenda.look()
      failing = false
      outages.worked('agenda')
      for (const { sweep, turnIn } of turning) {
        const dueMs = sweep.due?.(seen)
        if (dueMs !== undefined) turnIn(dueMs)
      }
    } catch (error) {
      failing = true
      outages.failed('agenda', error)
    }
    lookedAt = performance.now()
  }

  function lookIn(ms: number): void {
    clearTimeout(timer)
    if (stopped) return
    timer = setTimeout(() => {
      looking = look().finally(() => {
        looking = undefined
        lookIn(wanted ? lookGapMs : failing ? lookAfterFailureMs : lookEveryMs)
      })
    }, ms)
  }

  function want(): void {
    if (wanted || stopped) return
    wanted = true
    // One that runs may have read before: it is followed by another.
    if (!looking) lookIn(Math.max(0, lookedAt + lookGapMs - performance.now()))
  }

  function afterTurn({ sweep, turnIn }: Turning): void {
    const isQuiet = performance.now() - stirredAt > lingerMs
    if (sweep.due) want()
    else turnIn(isQuiet ? (sweep.quietMs ?? 0) : 0)
  }

  for (const { sweep, turnIn } of turning) if (!sweep.due) turnIn(0)
  lookIn(0)
  return {
    stir() {
      const wasQuiet = performance.now() - stirredAt > lingerMs
      stirredAt = performance.now()
      if (wasQuiet) for (const { sweep, turnIn } of turning) if (sweep.quietMs) turnIn(0)
      want()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
      await Promise.all(turning.map(({ stop }) => stop()))
    },
  }
}

type Turning = {
  readonly sweep: Sweep
  /** Lets it turn so many milliseconds from now, but not before its time; null: not at all. Replaces what was said before. */
  turnIn(ms: number | null): void
  stop(): Promise<void>
}

/** One sweep with its timer. */
function createTurning(
  sweep: Sweep,
  outages: Outages,
  afterTurn: (turning: Turning) => void,
): Turning {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  // The first turn waits its time, too: a process that has just started has other things to do.
  let turnedAt = performance.now()
  let stopped = false

  async function turn(): Promise<void> {
    try {
      while (!stopped && (await sweep.run()));
      outages.worked(sweep.name)
    } catch (error) {
      outages.failed(sweep.name, error)
    }
    turnedAt = performance.now()
  }

  const self: Turning = {
    sweep,
    turnIn(ms) {
      // Whoever runs is followed by a look, or by a turn of its own.
      if (running || stopped) return
      clearTimeout(timer)
      if (ms === null) return
      const restMs = turnedAt + sweep.everyMs - performance.now()
      timer = setTimeout(
        () => {
          running = turn().finally(() => {
            running = undefined
            if (!stopped) afterTurn(self)
          })
        },
        Math.min(timerMax, Math.max(0, restMs, ms)),
      )
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
  return self
}

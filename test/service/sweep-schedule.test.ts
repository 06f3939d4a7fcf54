import { afterEach, describe, expect, test } from 'vitest'
import type { DueWork } from '../../src/platform/work/due-work.store.ts'
import { type Sweep, type SweepSchedule, startSchedule } from '../../src/service/sweep-schedule.ts'
import { buildWorkSignal, workSignal } from '../../src/service/work-signal.ts'
import { until } from '../support/until.ts'

const empty: DueWork = {
  pushes: null,
  queuedPushes: null,
  callbacks: null,
  callbacksUnderWay: null,
  expiry: null,
  notices: null,
  waitingNotices: null,
  webhooks: null,
  staleWebhooks: null,
  erasures: null,
}

let schedule: SweepSchedule | undefined
afterEach(() => schedule?.stop())

function someOutages() {
  const messages: string[] = []
  return {
    messages,
    recordFailure: (sweep: string) => void messages.push(`${sweep} failed`),
    recordSuccess: (sweep: string) => void messages.push(`${sweep} worked`),
  }
}

/**
 * A schedule whose due work is what the test says; it scans by itself once an hour unless set
 * otherwise.
 */
function aSchedule(sweeps: readonly Sweep[], scanEveryMs = 3_600_000, lingerMs = 70_000) {
  const state = { dueWork: empty, polls: 0, away: false }
  const dueWork = {
    async read() {
      state.polls++
      if (state.away) throw new Error('away')
      return state.dueWork
    },
  }
  const outages = someOutages()
  schedule = startSchedule({
    sweeps,
    dueWork,
    outages,
    scanEveryMs,
    lingerMs,
  })
  return { state, outages, schedule }
}

function pushes(everyMs = 0, more: Partial<Sweep> = {}) {
  const runs: number[] = []
  const sweep: Sweep = {
    name: 'pushes',
    everyMs,
    due: ({ pushes: due }) => due,
    run: async () => {
      runs.push(performance.now())
      return false
    },
    ...more,
  }
  return { sweep, runs }
}

describe('a sweep', () => {
  test('does not run while nothing is due', async () => {
    const { sweep, runs } = pushes()
    const { state, schedule } = aSchedule([sweep])
    await until('it has scanned', () => state.polls === 1)
    schedule.wake()
    await until('it has scanned again', () => state.polls === 2)
    expect(runs).toEqual([])
  })

  test('runs when something is due, and not before', async () => {
    const { sweep, runs } = pushes()
    const { state, schedule } = aSchedule([sweep])
    await until('it has scanned', () => state.polls === 1)
    state.dueWork = { ...empty, pushes: 120 }
    const stirredAt = performance.now()
    schedule.wake()
    await until('it runs', () => runs.length > 0)
    expect((runs[0] ?? 0) - stirredAt).toBeGreaterThanOrEqual(115)
  })

  test('runs when the next is due although nothing was signaled since', async () => {
    const { sweep, runs } = pushes(0, {
      run: async () => {
        runs.push(performance.now())
        state.dueWork = runs.length < 3 ? { ...empty, pushes: 20 } : empty
        return false
      },
    })
    const { state, schedule } = aSchedule([sweep])
    state.dueWork = { ...empty, pushes: 0 }
    schedule.wake()
    await until('all three are done', () => runs.length === 3)
  })

  test('runs no oftener than its interval, however much is due', async () => {
    const { sweep, runs } = pushes(300)
    const { state } = aSchedule([sweep])
    state.dueWork = { ...empty, pushes: -5_000 }
    await until('it has run three times', () => runs.length === 3)
    const gaps = runs.slice(1).map((at, index) => at - (runs[index] ?? 0))
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(290)
  })

  test('of a far day waits for it, and does not run immediately', async () => {
    const { sweep, runs } = pushes()
    const { state, schedule } = aSchedule([sweep])
    state.dueWork = { ...empty, pushes: 90 * 86_400_000 }
    await until('it has scanned', () => state.polls === 1)
    schedule.wake()
    await until('it has scanned again', () => state.polls === 2)
    expect(runs).toEqual([])
  })

  test('without a date runs at its interval while rows are written, and rests when none were for long', async () => {
    const { sweep, runs } = pushes(5)
    const { due: _, ...byTime } = sweep
    const other = pushes(5)
    const { due: __, ...always } = other.sweep
    const resting = { ...byTime, quietMs: 3_600_000 }
    const { schedule } = aSchedule([resting, always], 3_600_000, 100)
    await until('it runs repeatedly', () => runs.length > 3)
    let before = -1
    await until('it rests', () => {
      const rests = runs.length === before && other.runs.length > 20
      if (!rests) other.runs.length = other.runs.length > 20 ? 0 : other.runs.length
      before = runs.length
      return rests
    })
    schedule.wake()
    await until('it continues', () => runs.length > before + 3)
  })
})

describe('the due work', () => {
  test('is read after each write, also one that came during a read', async () => {
    const { sweep, runs } = pushes()
    const reads: number[] = []
    let release: () => void = () => undefined
    let workDue = empty
    const dueWork = {
      async read() {
        const read = workDue
        reads.push(reads.length)
        if (reads.length === 1) await new Promise<void>((resolve) => (release = resolve))
        return read
      },
    }
    const parts = { sweeps: [sweep], dueWork, outages: someOutages() }
    schedule = startSchedule({ ...parts, scanEveryMs: 3_600_000 })
    await until('it is read', () => reads.length === 1)
    workDue = { ...empty, pushes: 0 }
    schedule.wake()
    release()
    await until('written work is done', () => runs.length > 0)
  })

  test('is read few times, however much is written', async () => {
    const { state, schedule } = aSchedule([pushes().sweep])
    await until('it was read', () => state.polls === 1)
    for (let write = 0; write < 1_000; write++) {
      schedule.wake()
      if (write % 100 === 0) await new Promise(setImmediate)
    }
    await until('it was read after the last', () => state.polls > 1)
    expect(state.polls).toBe(2)
  })

  test('is read from time to time although no write is signaled', async () => {
    const { sweep, runs } = pushes()
    const { state } = aSchedule([sweep], 10)
    await until('it was read', () => state.polls > 2)
    state.dueWork = { ...empty, pushes: 0 }
    await until('unsignaled work is done', () => runs.length > 0)
  })

  test('that cannot be read counts as a sweep that fails, and is read again soon', async () => {
    const { sweep, runs } = pushes()
    const { state, outages } = aSchedule([sweep])
    state.away = true
    await until('it was tried again', () => state.polls === 3)
    expect(outages.messages.slice(0, 2)).toEqual(['due_work failed', 'due_work failed'])
    state.away = false
    state.dueWork = { ...empty, pushes: 0 }
    await until('it continues', () => runs.length > 0)
    expect(outages.messages).toContain('due_work worked')
  })
})

describe('a process without sweeps', () => {
  test('signals workers immediately on the first write, and once for the many after it', async () => {
    const signals: string[] = []
    const signal = buildWorkSignal({ publish: (key) => void signals.push(key) })
    signal.onWrite()
    expect(signals).toEqual([workSignal])
    for (let write = 0; write < 1_000; write++) signal.onWrite()
    expect(signals).toHaveLength(1)
    await until('the others are signaled, too', () => signals.length === 2)
    signal.onWrite()
    signal.stop()
    expect(signals).toHaveLength(3)
  })
})

import { afterEach, describe, expect, test } from 'vitest'
import type { DueWork } from '../../src/ports/due-work-store.ts'
import { type Sweep, type SweepSchedule, startSchedule } from '../../src/worker/sweep-schedule.ts'
import { buildWorkSignal, workSignal } from '../../src/worker/work-signal.ts'
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
  const told: string[] = []
  return {
    told,
    recordFailure: (sweep: string) => void told.push(`${sweep} failed`),
    recordSuccess: (sweep: string) => void told.push(`${sweep} worked`),
  }
}

/** A schedule whose agenda is what the test says; it looks by itself once an hour unless told otherwise. */
function aSchedule(sweeps: readonly Sweep[], lookEveryMs = 3_600_000, lingerMs = 70_000) {
  const state = { agenda: empty, looks: 0, away: false }
  const agenda = {
    async read() {
      state.looks++
      if (state.away) throw new Error('away')
      return state.agenda
    },
  }
  const outages = someOutages()
  schedule = startSchedule({ sweeps, dueWork: agenda, outages, scanEveryMs: lookEveryMs, lingerMs })
  return { state, outages, schedule }
}

function pushes(everyMs = 0, more: Partial<Sweep> = {}) {
  const turns: number[] = []
  const sweep: Sweep = {
    name: 'pushes',
    everyMs,
    due: ({ pushes: due }) => due,
    run: async () => {
      turns.push(performance.now())
      return false
    },
    ...more,
  }
  return { sweep, turns }
}

describe('a sweep', () => {
  test('does not turn while nothing is due', async () => {
    const { sweep, turns } = pushes()
    const { state, schedule } = aSchedule([sweep])
    await until('it has looked', () => state.looks === 1)
    schedule.wake()
    await until('it has looked again', () => state.looks === 2)
    expect(turns).toEqual([])
  })

  test('turns when something is due, and not before', async () => {
    const { sweep, turns } = pushes()
    const { state, schedule } = aSchedule([sweep])
    await until('it has looked', () => state.looks === 1)
    state.agenda = { ...empty, pushes: 120 }
    const stirredAt = performance.now()
    schedule.wake()
    await until('it turns', () => turns.length > 0)
    expect((turns[0] ?? 0) - stirredAt).toBeGreaterThanOrEqual(115)
  })

  test('turns when the next is due although nobody has stirred since', async () => {
    const { sweep, turns } = pushes(0, {
      run: async () => {
        turns.push(performance.now())
        state.agenda = turns.length < 3 ? { ...empty, pushes: 20 } : empty
        return false
      },
    })
    const { state, schedule } = aSchedule([sweep])
    state.agenda = { ...empty, pushes: 0 }
    schedule.wake()
    await until('all three are done', () => turns.length === 3)
  })

  test('turns no oftener than its pace, however much is due', async () => {
    const { sweep, turns } = pushes(300)
    const { state } = aSchedule([sweep])
    state.agenda = { ...empty, pushes: -5_000 }
    await until('it has turned thrice', () => turns.length === 3)
    const gaps = turns.slice(1).map((at, index) => at - (turns[index] ?? 0))
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(290)
  })

  test('of a far day waits for it, and does not turn at once', async () => {
    const { sweep, turns } = pushes()
    const { state, schedule } = aSchedule([sweep])
    state.agenda = { ...empty, pushes: 90 * 86_400_000 }
    await until('it has looked', () => state.looks === 1)
    schedule.wake()
    await until('it has looked again', () => state.looks === 2)
    expect(turns).toEqual([])
  })

  test('without a date turns at its pace while something is written, and rests when it has not been for long', async () => {
    const { sweep, turns } = pushes(5)
    const { due: _, ...byTime } = sweep
    const other = pushes(5)
    const { due: __, ...always } = other.sweep
    const resting = { ...byTime, quietMs: 3_600_000 }
    const { schedule } = aSchedule([resting, always], 3_600_000, 100)
    await until('it turns again and again', () => turns.length > 3)
    let before = -1
    await until('it rests', () => {
      const rests = turns.length === before && other.turns.length > 20
      if (!rests) other.turns.length = other.turns.length > 20 ? 0 : other.turns.length
      before = turns.length
      return rests
    })
    schedule.wake()
    await until('it goes on', () => turns.length > before + 3)
  })
})

describe('the agenda', () => {
  test('is read after what was written, also when it was being read then', async () => {
    const { sweep, turns } = pushes()
    const seen: number[] = []
    let release: () => void = () => undefined
    let owed = empty
    const agenda = {
      async read() {
        const read = owed
        seen.push(seen.length)
        if (seen.length === 1) await new Promise<void>((resolve) => (release = resolve))
        return read
      },
    }
    const parts = { sweeps: [sweep], dueWork: agenda, outages: someOutages() }
    schedule = startSchedule({ ...parts, scanEveryMs: 3_600_000 })
    await until('it is read', () => seen.length === 1)
    owed = { ...empty, pushes: 0 }
    schedule.wake()
    release()
    await until('what was written is done', () => turns.length > 0)
  })

  test('is read few times, however much is written', async () => {
    const { state, schedule } = aSchedule([pushes().sweep])
    await until('it was read', () => state.looks === 1)
    for (let write = 0; write < 1_000; write++) {
      schedule.wake()
      if (write % 100 === 0) await new Promise(setImmediate)
    }
    await until('it was read after the last', () => state.looks > 1)
    expect(state.looks).toBe(2)
  })

  test('is read from time to time although nobody says that anything was written', async () => {
    const { sweep, turns } = pushes()
    const { state } = aSchedule([sweep], 10)
    await until('it was read', () => state.looks > 2)
    state.agenda = { ...empty, pushes: 0 }
    await until('what nobody told of is done', () => turns.length > 0)
  })

  test('that cannot be read counts as a sweep that fails, and is read again soon', async () => {
    const { sweep, turns } = pushes()
    const { state, outages } = aSchedule([sweep])
    state.away = true
    await until('it was tried again', () => state.looks === 3)
    expect(outages.told.slice(0, 2)).toEqual(['agenda failed', 'agenda failed'])
    state.away = false
    state.agenda = { ...empty, pushes: 0 }
    await until('it goes on', () => turns.length > 0)
    expect(outages.told).toContain('agenda worked')
  })
})

describe('a process without sweeps', () => {
  test('tells workers at once of the first write, and once of the many after it', async () => {
    const told: string[] = []
    const signal = buildWorkSignal({ publish: (key) => void told.push(key) })
    signal.onWrite()
    expect(told).toEqual([workSignal])
    for (let write = 0; write < 1_000; write++) signal.onWrite()
    expect(told).toHaveLength(1)
    await until('the others are told, too', () => told.length === 2)
    signal.onWrite()
    signal.stop()
    expect(told).toHaveLength(3)
  })
})

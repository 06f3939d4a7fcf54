import { afterEach, describe, expect, test } from 'vitest'
import { buildDatabaseClock, type DatabaseClock } from '../../../src/platform/net/database-clock.ts'
import { aLog } from '../../push/provider.ts'
import { until } from '../../support/until.ts'

const minute = 60_000

/**
 * A machine and a database, each with a clock that the test sets; time passes only when the test
 * says so.
 */
function aMachine() {
  const state = {
    passed: 5_000,
    wall: 1_000_000_000,
    database: 1_000_000_000,
    away: false,
    questions: 0,
  }
  /** The round trip of each further question. */
  const roundTrips: number[] = []
  return {
    state,
    roundTrips,
    pass(ms: number) {
      state.passed += ms
      state.wall += ms
      state.database += ms
    },
    options: {
      wall: () => state.wall,
      monotonic: () => state.passed,
      everyMs: 3_600_000,
      async ask() {
        state.questions++
        if (state.away) throw new Error('away')
        const half = (roundTrips.shift() ?? 1) / 2
        // Congestion on one way only is the worst that a round trip can hide.
        state.passed += 2 * half
        state.wall += 2 * half
        state.database += 2 * half
        return state.database
      },
    },
  }
}

let clock: DatabaseClock | undefined
afterEach(() => clock?.close())

async function aClock(machine: ReturnType<typeof aMachine>) {
  const { log, lines } = aLog()
  clock = await buildDatabaseClock({ ...machine.options, log })
  return { clock, lines }
}

/** By how many milliseconds the clock is off from the database's. */
const errorOf = (databaseClock: DatabaseClock, { state }: ReturnType<typeof aMachine>) =>
  Math.abs(databaseClock.now().getTime() - state.database)

describe('the time', () => {
  test.each([-86_400_000, -300_000, 0, 300_000, 86_400_000])(
    'is the database’s where the clock of the machine is off by %i ms',
    async (offset) => {
      const machine = aMachine()
      machine.state.wall += offset
      const { clock } = await aClock(machine)
      machine.pass(minute)
      expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
      expect(Math.abs(clock.offsetMs() - offset)).toBeLessThanOrEqual(1)
    },
  )

  test('is taken from the fastest sample', async () => {
    const machine = aMachine()
    machine.roundTrips.push(900, 400, 6, 700, 800)
    const { clock } = await aClock(machine)
    expect(errorOf(clock, machine)).toBeLessThanOrEqual(3)
    expect(machine.state.questions).toBe(5)
  })

  test('stays what it was while the database answers slowly: a worse sample changes nothing', async () => {
    const machine = aMachine()
    const { clock } = await aClock(machine)
    machine.pass(10_000)
    machine.roundTrips.push(1_700, 1_700, 1_700, 1_700, 1_700)
    await clock.learn()
    expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
  })

  test('does not move when the clock of the machine jumps', async () => {
    const machine = aMachine()
    const { clock } = await aClock(machine)
    machine.pass(minute)
    machine.state.wall += 7_200_000
    expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
    machine.state.wall -= 14_400_000
    expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
  })

  test('follows the database when its clock jumps, forwards and back, at the next sample', async () => {
    const machine = aMachine()
    const { clock, lines } = await aClock(machine)
    for (const jump of [90_000, -400_000]) {
      machine.state.database += jump
      await clock.learn()
      expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
    }
    expect(lines.filter(({ message }) => /database has jumped/.test(message))).toHaveLength(2)
  })

  test('is sampled soon after a new connection, once however many there are', async () => {
    const machine = aMachine()
    const { clock } = await aClock(machine)
    machine.state.database += 300_000
    const { questions } = machine.state
    for (let connection = 0; connection < 50; connection++) clock.doubt()
    await until('the jump is seen', () => errorOf(clock, machine) <= 1)
    expect(machine.state.questions - questions).toBeLessThanOrEqual(2)
  })

  test('is sampled from time to time', async () => {
    const machine = aMachine()
    clock = await buildDatabaseClock({ ...machine.options, everyMs: 5, log: aLog().log })
    machine.state.database += 300_000
    const newClock = clock
    await until('the jump is seen', () => errorOf(newClock, machine) <= 1)
  })
})

describe('an offset', () => {
  test('is logged once, and again only after it was fixed', async () => {
    const machine = aMachine()
    machine.state.wall += 300_000
    const { clock, lines } = await aClock(machine)
    const countWarnings = () =>
      lines.filter(({ message }) => /clock of this machine/.test(message)).length
    await clock.learn()
    await clock.learn()
    expect(countWarnings()).toBe(1)
    expect(lines[0]?.facts).toEqual({ offsetSeconds: 300 })
    machine.state.wall -= 300_000
    await clock.learn()
    machine.state.wall -= 300_000
    await clock.learn()
    expect(countWarnings()).toBe(2)
    expect(clock.isKnown()).toBe(true)
  })

  test('of less than two seconds is not logged', async () => {
    const machine = aMachine()
    machine.state.wall += 1_900
    const { lines } = await aClock(machine)
    expect(lines).toEqual([])
  })
})

describe('a database that returns no time', () => {
  test('lets no process start', async () => {
    const machine = aMachine()
    machine.state.away = true
    await expect(aClock(machine)).rejects.toThrow('away')
    const silent = { ...machine.options, ask: async () => Number.NaN, log: aLog().log }
    await expect(buildDatabaseClock(silent)).rejects.toThrow('tells no time')
  })

  test('leaves the last offset in force, and is logged as unknown after a minute', async () => {
    const machine = aMachine()
    const { clock } = await aClock(machine)
    machine.state.away = true
    await expect(clock.learn()).rejects.toThrow('away')
    machine.pass(minute - 1_000)
    expect(clock.isKnown()).toBe(true)
    machine.pass(2_000)
    expect(clock.isKnown()).toBe(false)
    expect(errorOf(clock, machine)).toBeLessThanOrEqual(1)
    machine.state.away = false
    await clock.learn()
    expect(clock.isKnown()).toBe(true)
  })
})

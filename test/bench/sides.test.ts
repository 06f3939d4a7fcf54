// The comparison with sides that are given: their turns, and how they end.

import path from 'node:path'
import { expect, test } from 'vitest'
import { type Entry, measureSides, sidesOf } from '../../bench/beside.ts'
import { besideReportOf, besideTextOf } from '../../bench/beside-report.ts'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import { describeMachine } from '../../bench/report.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
/** Nobody's. */
const noProcess = -1
const plain = { against: null, aa: true, mixed: false }
const options = { ...plain, concurrency: 2, slices: 2, sliceSeconds: 0.01 }

/** Sides that note what becomes of them; a sign-in costs nothing. */
function givenSides(names: readonly string[], onSignIn: (name: string) => void = () => undefined) {
  const notes: string[] = []
  const turns: string[] = []
  const signIns = new Map<string, number>()
  const stopping = new AbortController()
  const entries = names.map((name): Entry => {
    let users = 0
    const enroll = async () => {
      const user = ++users
      return {
        signIn: async () => {
          signIns.set(name, (signIns.get(name) ?? 0) + 1)
          if (turns.at(-1) !== name) turns.push(name)
          onSignIn(name)
          return { decision: 1 }
        },
        close: () => void notes.push(`${name} ${user} closed`),
      }
    }
    const open = async () => {
      notes.push(`${name} runs`)
      return {
        name,
        processes: { service: process.pid, database: noProcess },
        enroll,
        [Symbol.asyncDispose]: async () => void notes.push(`${name} ended`),
      }
    }
    return { name, open }
  })
  return { entries, notes, turns, signIns, stopping }
}

const linuxTest = test.runIf(canTellProcessTimes())

linuxTest.each([
  ['bare', { against: 'bare' as const, aa: false }, ['service', 'bare']],
  ['itself', { against: null, aa: true }, ['service', 'same']],
  ['a checkout', { against: { checkout: project }, aa: false }, ['service', 'other', 'bare']],
  ['both', { against: { checkout: project }, aa: true }, ['service', 'other', 'bare', 'same']],
])('beside %s: the sides that are compared, this tree first', async (_, against, names) => {
  for (const isMixed of [false, true]) {
    expect((await sidesOf({ ...against, mixed: isMixed })).map(({ name }) => name)).toEqual(names)
  }
})

linuxTest('every other turn is in reverse order, and the first two do not count', async () => {
  const { entries, turns, signIns, stopping } = givenSides(['a', 'b', 'c'])
  const errors: unknown[] = []
  const measurements = await measureSides(entries, options, (e) => errors.push(e), stopping.signal)
  // Where a turn ends, its last side begins the next one: two that do not count, and two that do.
  expect(turns.join(' ')).toBe('a b c b a b c b a')
  expect(measurements.map(({ name, parts }) => [name, parts.length])).toEqual([
    ['a', 2],
    ['b', 2],
    ['c', 2],
  ])
  for (const { name, parts } of measurements) {
    const loopCount = parts.reduce((sum, { loops }) => sum + loops, 0)
    expect(loopCount).toBeGreaterThan(0)
    expect(loopCount).toBeLessThan(signIns.get(name) ?? 0)
  }
  expect(errors).toEqual([])
})

linuxTest('each side gets as many users as sign in at a time, and ends after them', async () => {
  const { entries, notes, stopping } = givenSides(['a', 'b'])
  await measureSides(entries, options, () => undefined, stopping.signal)
  expect(notes).toEqual([
    'a runs',
    'b runs',
    'b 1 closed',
    'b 2 closed',
    'b ended',
    'a 1 closed',
    'a 2 closed',
    'a ended',
  ])
})

linuxTest('a stop in a turn counts the turns before it, and ends every side', async () => {
  const { entries, notes, turns, stopping } = givenSides(['a', 'b', 'c'], () => {
    if (turns.length === 8) stopping.abort()
  })
  const measurements = await measureSides(
    entries,
    { ...options, slices: 1000 },
    () => undefined,
    stopping.signal,
  )
  expect(turns.join(' ')).toBe('a b c b a b c b')
  expect(measurements.map(({ parts }) => parts.length)).toEqual([1, 1, 1])
  expect(notes.filter((note) => note.endsWith('ended'))).toEqual(['c ended', 'b ended', 'a ended'])
})

linuxTest('a stop while a side starts leaves the next ones alone, and ends it', async () => {
  const { entries, notes, stopping } = givenSides(['a', 'b'])
  const [first, second] = entries as [Entry, Entry]
  const open: Entry['open'] = async (others) => {
    stopping.abort()
    return first.open(others)
  }
  const sides = [{ ...first, open }, second]
  expect(await measureSides(sides, options, () => undefined, stopping.signal)).toEqual([])
  expect(notes).toEqual(['a runs', 'a ended'])
})

linuxTest('a side that does not start ends those that run', async () => {
  const { entries, notes, stopping } = givenSides(['a', 'b'])
  const brokenSide = { name: 'c', open: () => Promise.reject(new Error('c did not start')) }
  const measuring = measureSides(
    [...entries, brokenSide],
    options,
    () => undefined,
    stopping.signal,
  )
  await expect(measuring).rejects.toThrow('c did not start')
  expect(notes.filter((note) => note.endsWith('ended'))).toEqual(['b ended', 'a ended'])
})

linuxTest.each([
  ['complete', 'is', false, ['checked', 'ended']],
  ['stopped', 'is not', true, ['ended']],
])('after %s turns a side %s checked', async (_, __, isStopped, notesOfSide) => {
  const { entries, stopping } = givenSides(['a'], () => isStopped && stopping.abort())
  const [entry] = entries as [Entry]
  const notes: string[] = []
  const open: Entry['open'] = async (others) => ({
    ...(await entry.open(others)),
    check: async () => {
      notes.push('checked')
      throw new Error('not all webhooks have arrived')
    },
    [Symbol.asyncDispose]: async () => void notes.push('ended'),
  })
  const measuring = measureSides([{ ...entry, open }], options, () => undefined, stopping.signal)
  if (isStopped) await measuring
  else await expect(measuring).rejects.toThrow('not all webhooks have arrived')
  expect(notes).toEqual(notesOfSide)
})

linuxTest('a sign-in that fails is counted as an error of its side, and is no loop', async () => {
  const { entries, stopping } = givenSides(['a', 'b'], (name) => {
    if (name === 'b') throw new Error('refused')
  })
  const errors: unknown[] = []
  const measurements = await measureSides(
    entries,
    // Longer than any delay of the machine, and shorter than the pause after an error.
    { ...options, slices: 1, sliceSeconds: 0.08 },
    (error) => errors.push(error),
    stopping.signal,
  )
  const report = besideReportOf(describeMachine(), options, measurements)
  expect(report.sides).toMatchObject([
    { side: 'a', loops: expect.any(Number), errors: 0 },
    { side: 'b', loops: 0, loopsPerSecond: 0, serviceMsPerLoop: null, errors: 2 },
  ])
  // Those of the turns that do not count were told as well.
  expect(errors).toHaveLength(6)
  expect(report.ratios).toEqual([{ side: 'a', to: 'b', ratios: null }])
})

test.each([
  ['same', true],
  ['other', false],
])('the report beside %s calls a deviation noise: %s', (name, isNoise) => {
  const part = {
    loops: 10,
    errors: 0,
    ms: 100,
    serviceMs: 20,
    databaseMs: 10,
    betweenMs: 0,
    decisions: [4],
  }
  const measurements = [
    { name: 'service', parts: [part] },
    { name, parts: [{ ...part, serviceMs: 5 }] },
  ]
  const machine = describeMachine()
  const text = besideTextOf(besideReportOf(machine, options, measurements))
  expect(text).toContain(`service to ${name}: processor time 2.00`)
  expect(text.includes('what differs from 1 is noise')).toBe(isNoise)
})

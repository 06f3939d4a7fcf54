import { afterEach, expect, test } from 'vitest'
import { type HolderWatch, watchHolders } from '../../../src/platform/work/holder-watch.ts'
import { until } from '../../support/until.ts'

let watch: HolderWatch | undefined
afterEach(() => watch?.stop())

/** Processes that live as the test says, and the leases freed of those that do not. */
function someProcesses(...names: string[]) {
  const state = {
    living: new Set(names),
    polls: 0,
    frees: 0,
    freedEach: 1,
    notifications: 0,
    away: false,
    nowMs: 0,
  }
  const messages: string[] = []
  const leases = {
    async holders() {
      state.polls++
      // Time passes by polling, so that nothing here depends on how fast the machine is.
      state.nowMs += 200
      if (state.away) throw new Error('away')
      return [...state.living]
    },
    async freeAbandoned() {
      state.frees++
      return state.freedEach
    },
  }
  const outages = {
    recordFailure: (sweep: string) => void messages.push(`${sweep} failed`),
    recordSuccess: (sweep: string) => void messages.push(`${sweep} worked`),
  }
  const onFreed = () => void state.notifications++
  watch = watchHolders({ leases, outages, onFreed, nowMs: () => state.nowMs })
  return { state, messages, watch }
}

const untilPolled = (state: { polls: number }, times: number) => {
  const from = state.polls
  return until('it has polled', () => state.polls >= from + times)
}

test('leases left by processes before this one are free soon after the start', async () => {
  const { state } = someProcesses('process:1')
  await until('it is free', () => state.notifications === 1)
  expect(state.frees).toBe(1)
})

test('the leases of a process that is gone are freed, once', async () => {
  const { state, watch } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  await untilPolled(state, 2)
  state.living.delete('process:2')
  await until('they are free', () => state.notifications === 2)
  state.living.add('process:3')
  watch.poke()
  await untilPolled(state, 3)
  expect(state.frees).toBe(2)
})

test('what a process that is gone left is looked for, even if it had leased nothing', async () => {
  const { state } = someProcesses('process:1', 'process:2')
  state.freedEach = 0
  await until('the start is over', () => state.frees === 1)
  expect(state.notifications).toBe(0)
  await untilPolled(state, 2)
  state.living.delete('process:2')
  await until('it is looked for', () => state.notifications === 1)
})

test('a process whose connection was lost for a moment is not considered gone', async () => {
  const { state } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  await untilPolled(state, 2)
  const before = state.polls
  state.living.delete('process:2')
  await until('it was missed once', () => state.polls === before + 1)
  state.living.add('process:2')
  await untilPolled(state, 3)
  expect(state.frees).toBe(1)
})

test('after an outage of the database nothing is freed until all had time to come back', async () => {
  const { state, messages } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  state.away = true
  await until('it has failed', () => messages.includes('lease holders failed'))
  const failedAt = state.nowMs
  state.living.delete('process:2')
  state.away = false
  await until('processes that did not return are gone', () => state.frees === 2)
  expect(state.nowMs - failedAt).toBeGreaterThanOrEqual(3_000)
})

test('a process that is alone polls seldom, until it is signaled', async () => {
  const { state, watch } = someProcesses('process:1')
  await until('the start is over', () => state.frees === 1)
  const before = state.polls
  watch.poke()
  await until('it has polled', () => state.polls === before + 1)
})

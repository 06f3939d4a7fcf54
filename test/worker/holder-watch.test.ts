import { afterEach, expect, test } from 'vitest'
import { type HolderWatch, watchHolders } from '../../src/worker/holder-watch.ts'
import { until } from '../support/until.ts'

let watch: HolderWatch | undefined
afterEach(() => watch?.stop())

/** Processes that live as the test says, and what was freed of those that do not. */
function someProcesses(...names: string[]) {
  const state = { living: new Set(names), looks: 0, frees: 0, told: 0, away: false, nowMs: 0 }
  const told: string[] = []
  const leases = {
    async holders() {
      state.looks++
      // Time passes by looking, so that nothing here depends on how fast the machine is.
      state.nowMs += 200
      if (state.away) throw new Error('away')
      return [...state.living]
    },
    async freeAbandoned() {
      return ++state.frees
    },
  }
  const outages = {
    recordFailure: (sweep: string) => void told.push(`${sweep} failed`),
    recordSuccess: (sweep: string) => void told.push(`${sweep} worked`),
  }
  const freed = () => void state.told++
  watch = watchHolders({ leases, outages, onFreed: freed, nowMs: () => state.nowMs })
  return { state, told, watch }
}

const looked = (state: { looks: number }, times: number) => {
  const from = state.looks
  return until('it has looked', () => state.looks >= from + times)
}

test('what processes before this one have left is free soon after the start', async () => {
  const { state } = someProcesses('process:1')
  await until('it is free', () => state.told === 1)
  expect(state.frees).toBe(1)
})

test('the leases of one that is gone are freed, once', async () => {
  const { state, watch } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  await looked(state, 2)
  state.living.delete('process:2')
  await until('they are free', () => state.told === 2)
  state.living.add('process:3')
  watch.poke()
  await looked(state, 3)
  expect(state.frees).toBe(2)
})

test('one whose connection was lost for a moment is not taken for gone', async () => {
  const { state } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  await looked(state, 2)
  const before = state.looks
  state.living.delete('process:2')
  await until('it was missed once', () => state.looks === before + 1)
  state.living.add('process:2')
  await looked(state, 3)
  expect(state.frees).toBe(1)
})

test('after an outage of the database nothing is freed until all had time to come back', async () => {
  const { state, told } = someProcesses('process:1', 'process:2')
  await until('the start is over', () => state.frees === 1)
  state.away = true
  await until('it has failed', () => told.includes('lease holders failed'))
  const failedAt = state.nowMs
  state.living.delete('process:2')
  state.away = false
  await until('those that did not come back are gone', () => state.frees === 2)
  expect(state.nowMs - failedAt).toBeGreaterThanOrEqual(3_000)
})

test('one that is alone looks seldom, until somebody says that something happened', async () => {
  const { state, watch } = someProcesses('process:1')
  await until('the start is over', () => state.frees === 1)
  const before = state.looks
  watch.poke()
  await until('it has looked', () => state.looks === before + 1)
})

// What a fair queue keeps: no more room, time or memory than its works take.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TenantId, UserId } from '../../../src/domain/ids.ts'
import { buildFairQueue, buildUserQueue } from '../../../src/platform/net/bounded-fair-queue.ts'
import { limits, outcomeNow, refusal, workshop } from './queue-workshop.ts'

/** Calls it under many long names, and returns how many bytes of the heap stay taken. */
async function bytesKept(each: (name: string) => Promise<unknown>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < nameCount; n++) await each(`${n}`.padEnd(nameBytes))
  collectGarbage()
  const keptBytes = process.memoryUsage().heapUsed - before
  // What it uses must live until here.
  await each('one more')
  return keptBytes
}
const [nameCount, nameBytes] = [400, 100_000]

const full = { ...limits, running: 0, waiting: 0 }
const turnedAway = { ...limits, running: 0, waitMs: 0 }
test.each([
  ['whose work is done', limits],
  ['that was refused', full],
  ['whose wait was too long', turnedAway],
])('no line, holder or user %s is remembered', async (_, its) => {
  const [queue, users] = [buildFairQueue(its), buildUserQueue(its)]
  const keptBytes = await bytesKept(async (name) => {
    await queue.run(name, async () => 'done', { holder: `holder of ${name}` })
    const user = { tenantId: 'tnt_1' as TenantId, userId: `user of ${name}` as UserId }
    await users.run(user, 'device:1', async () => 'done')
  })
  expect(keptBytes).toBeLessThan((nameCount * nameBytes) / 4)
})

describe('by a clock that the test moves', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  test('a refusal is delayed by exactly the configured time: by none where that is zero', async () => {
    const full = { ...limits, running: 0, waiting: 0, refusals: 1 }
    const atOnce = buildFairQueue({ ...full, refusalMs: 0 }).run('a', async () => 'done')
    expect(await outcomeNow(atOnce)).toEqual(refusal)
    const slowRefusal = buildFairQueue({ ...full, refusalMs: 1 }).run('a', async () => 'done')
    expect(await outcomeNow(slowRefusal)).toBe('none yet')
    vi.advanceTimersByTime(1)
    expect(await outcomeNow(slowRefusal)).toEqual(refusal)
  })

  test('the time of a work that has begun ends no wait of another', async () => {
    const { startOrder, work, finish } = workshop()
    const queue = buildFairQueue({ ...limits, waitMs: 10 })
    for (const name of ['a1', 'a2']) void queue.run('a', work(name))
    await finish('a1')
    vi.advanceTimersByTime(6)
    void queue.run('a', work('a3'))
    vi.advanceTimersByTime(6)
    await finish('a2')
    expect(startOrder).toEqual(['a1', 'a2', 'a3'])
  })

  test('the time of a work that was turned away ends no wait of another', async () => {
    const { startOrder, work, finish } = workshop()
    const queue = buildFairQueue({ ...limits, running: 1, waiting: 2, waitMs: 10 })
    const long = ['a1', 'a2', 'a3'].map((name) => queue.run('a', work(name)))
    void queue.run('b', work('b1'))
    expect(await outcomeNow(long[2])).toEqual(refusal)
    await finish('a1')
    vi.advanceTimersByTime(6)
    void queue.run('a', work('a4'))
    vi.advanceTimersByTime(6)
    expect(await outcomeNow(long[1])).toEqual(refusal)
    await finish('b1')
    expect(startOrder).toEqual(['a1', 'b1', 'a4'])
  })

  test('work that ended or was turned away leaves no more room than it had taken', async () => {
    const { work, finish } = workshop()
    const queue = buildFairQueue({ ...limits, running: 1, waiting: 1, waitMs: 10 })
    void queue.run('a', work('a1'))
    const late = queue.run('b', work('b1'))
    vi.advanceTimersByTime(10)
    expect(await late).toEqual(refusal)
    await finish('a1')
    void queue.run('c', work('c1'))
    for (const [name, ended] of [
      ['d', 'c1'],
      ['e', 'd1'],
    ] as const) {
      void queue.run(name, work(`${name}1`))
      expect(await outcomeNow(queue.run('x', work('x')))).toEqual(refusal)
      await finish(ended)
    }
  })

  test('a line that has begun its only waiting work leaves no more room than it had taken', async () => {
    const { work, finish } = workshop()
    const queue = buildFairQueue({ ...limits, runningInLine: 2, waiting: 1 })
    for (const name of ['a1', 'a2', 'b1']) void queue.run(name.charAt(0), work(name))
    for (const name of ['a1', 'a2']) await finish(name)
    for (const name of ['c1', 'd1']) void queue.run(name.charAt(0), work(name))
    expect(await outcomeNow(queue.run('e', work('e1')))).toEqual(refusal)
  })

  test('each refusal is delayed again once those before it have ended', async () => {
    const queue = buildFairQueue({ ...limits, running: 0, waiting: 0, refusalMs: 10, refusals: 1 })
    for (const name of ['a', 'b']) {
      const slowRefusal = queue.run(name, async () => 'done')
      expect(await outcomeNow(slowRefusal)).toBe('none yet')
      vi.advanceTimersByTime(10)
      expect(await outcomeNow(slowRefusal)).toEqual(refusal)
    }
  })
})

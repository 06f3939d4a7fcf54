import { describe, expect, test } from 'vitest'
import { buildSendWindow } from '../../src/push/send-window.ts'
import { until } from '../support/until.ts'

const LONG_MS = 60_000

/** Work that ends when the test says so. */
function job(name: string, startOrder: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const work = (): Promise<string> => {
    startOrder.push(name)
    return promise
  }
  return { work, finish: () => resolve(name), fail: reject }
}

describe('a send window', () => {
  test('no more than its capacity is under way, and waiting jobs are served in order', async () => {
    const window = buildSendWindow(2)
    const startOrder: string[] = []
    const jobs = ['a', 'b', 'c', 'd'].map((name) => job(name, startOrder))
    const outcomes = jobs.map(({ work }) => window.run(LONG_MS, work))
    expect(startOrder).toEqual(['a', 'b'])
    jobs[1]?.finish()
    await outcomes[1]
    await until('the third began', () => startOrder.length === 3)
    expect(startOrder).toEqual(['a', 'b', 'c'])
    for (const { finish } of jobs) finish()
    const results = ['a', 'b', 'c', 'd'].map((value) => ({ kind: 'done', value }))
    expect(await Promise.all(outcomes)).toEqual(results)
  })

  test('a job that waited too long never begins', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    const [first, second, third] = ['a', 'b', 'c'].map((name) => job(name, startOrder))
    if (!first || !second || !third) throw new Error('unreachable')
    const running = window.run(LONG_MS, first.work)
    expect(await window.run(10, second.work)).toEqual({ kind: 'late', began: false })
    first.finish()
    await running
    third.finish()
    await window.run(LONG_MS, third.work)
    expect(startOrder).toEqual(['a', 'c'])
  })

  test('a job that is late keeps its slot until it ends', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    const [slow, next] = [job('slow', startOrder), job('next', startOrder)]
    expect(await window.run(200, slow.work)).toEqual({ kind: 'late', began: true })
    const waiting = window.run(LONG_MS, next.work)
    expect(startOrder).toEqual(['slow'])
    slow.finish()
    next.finish()
    expect(await waiting).toEqual({ kind: 'done', value: 'next' })
  })

  test('a job that never ends still releases its slot', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    expect(await window.run(20, job('lost', startOrder).work)).toEqual({
      kind: 'late',
      began: true,
    })
    const next = job('next', startOrder)
    next.finish()
    expect(await window.run(LONG_MS, next.work)).toEqual({ kind: 'done', value: 'next' })
  })

  test('a late job that ends after its slot was released does not create a second slot', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    const lostJob = job('lost', startOrder)
    await window.run(20, lostJob.work)
    const [next, last] = [job('next', startOrder), job('last', startOrder)]
    const running = window.run(LONG_MS, next.work)
    await until('the slot was released', () => startOrder.includes('next'))
    lostJob.finish()
    await Promise.resolve()
    const waiting = window.run(LONG_MS, last.work)
    await new Promise((resolve) => setImmediate(resolve))
    expect(startOrder).toEqual(['lost', 'next'])
    next.finish()
    last.finish()
    await Promise.all([running, waiting])
  })

  test('a job that fails frees its slot', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    const bad = job('bad', startOrder)
    const running = window.run(LONG_MS, bad.work)
    bad.fail(new Error('broken'))
    await expect(running).rejects.toThrow('broken')
    const good = job('good', startOrder)
    good.finish()
    expect(await window.run(LONG_MS, good.work)).toEqual({ kind: 'done', value: 'good' })
  })

  test('draining refuses new jobs, and waits for those under way and those in the queue', async () => {
    const window = buildSendWindow(1)
    const startOrder: string[] = []
    const [runningJob, queuedJob] = [job('running', startOrder), job('queued', startOrder)]
    const outcomes = [runningJob, queuedJob].map(({ work }) => window.run(LONG_MS, work))
    let isDrained = false
    const draining = window.drain().then(() => {
      isDrained = true
    })
    expect(await window.run(LONG_MS, job('new', startOrder).work)).toEqual({ kind: 'closed' })
    runningJob.finish()
    await outcomes[0]
    expect(isDrained).toBe(false)
    queuedJob.finish()
    await draining
    expect(await outcomes[1]).toEqual({ kind: 'done', value: 'queued' })
    expect(startOrder).toEqual(['running', 'queued'])
  })
})

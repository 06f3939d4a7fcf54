import { describe, expect, test } from 'vitest'
import { buildSendWindow } from '../../src/outbound/send-window.ts'
import { until } from '../support/until.ts'

const LONG_MS = 60_000

/** Work that ends when the test says so. */
function job(name: string, begun: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const work = (): Promise<string> => {
    begun.push(name)
    return promise
  }
  return { work, finish: () => resolve(name), fail: reject }
}

describe('a send window', () => {
  test('no more than its capacity is under way, and who waits is served in order', async () => {
    const window = buildSendWindow(2)
    const begun: string[] = []
    const jobs = ['a', 'b', 'c', 'd'].map((name) => job(name, begun))
    const outcomes = jobs.map(({ work }) => window.run(LONG_MS, work))
    expect(begun).toEqual(['a', 'b'])
    jobs[1]?.finish()
    await outcomes[1]
    await until('the third began', () => begun.length === 3)
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const { finish } of jobs) finish()
    const done = ['a', 'b', 'c', 'd'].map((value) => ({ kind: 'done', value }))
    expect(await Promise.all(outcomes)).toEqual(done)
  })

  test('a job that waited too long never begins', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    const [first, second, third] = ['a', 'b', 'c'].map((name) => job(name, begun))
    if (!first || !second || !third) throw new Error('unreachable')
    const running = window.run(LONG_MS, first.work)
    expect(await window.run(10, second.work)).toEqual({ kind: 'late', began: false })
    first.finish()
    await running
    third.finish()
    await window.run(LONG_MS, third.work)
    expect(begun).toEqual(['a', 'c'])
  })

  test('a job that is late keeps its place until it ends', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    const [slow, next] = [job('slow', begun), job('next', begun)]
    expect(await window.run(200, slow.work)).toEqual({ kind: 'late', began: true })
    const waiting = window.run(LONG_MS, next.work)
    expect(begun).toEqual(['slow'])
    slow.finish()
    next.finish()
    expect(await waiting).toEqual({ kind: 'done', value: 'next' })
  })

  test('a job that never ends gives its place back all the same', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    expect(await window.run(20, job('lost', begun).work)).toEqual({ kind: 'late', began: true })
    const next = job('next', begun)
    next.finish()
    expect(await window.run(LONG_MS, next.work)).toEqual({ kind: 'done', value: 'next' })
  })

  test('a late job that ends after its place was given back does not make a second place', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    const lost = job('lost', begun)
    await window.run(20, lost.work)
    const [next, last] = [job('next', begun), job('last', begun)]
    const running = window.run(LONG_MS, next.work)
    await until('the place was given back', () => begun.includes('next'))
    lost.finish()
    await Promise.resolve()
    const waiting = window.run(LONG_MS, last.work)
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun).toEqual(['lost', 'next'])
    next.finish()
    last.finish()
    await Promise.all([running, waiting])
  })

  test('a job that fails frees its place', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    const bad = job('bad', begun)
    const running = window.run(LONG_MS, bad.work)
    bad.fail(new Error('broken'))
    await expect(running).rejects.toThrow('broken')
    const good = job('good', begun)
    good.finish()
    expect(await window.run(LONG_MS, good.work)).toEqual({ kind: 'done', value: 'good' })
  })

  test('draining refuses newcomers, and waits for those under way and those in the queue', async () => {
    const window = buildSendWindow(1)
    const begun: string[] = []
    const [running, queued] = [job('running', begun), job('queued', begun)]
    const outcomes = [running, queued].map(({ work }) => window.run(LONG_MS, work))
    let drained = false
    const draining = window.drain().then(() => {
      drained = true
    })
    expect(await window.run(LONG_MS, job('new', begun).work)).toEqual({ kind: 'closed' })
    running.finish()
    await outcomes[0]
    expect(drained).toBe(false)
    queued.finish()
    await draining
    expect(await outcomes[1]).toEqual({ kind: 'done', value: 'queued' })
    expect(begun).toEqual(['running', 'queued'])
  })
})

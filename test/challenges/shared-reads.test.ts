import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { readChallenge, waitForChallenge } from '../../src/challenges/read-challenge.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { buildSharedReads } from '../../src/platform/shared-reads.ts'
import { until } from '../support/until.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

/** Reads that go on until they are ended, in the order in which they began. */
function readsOnDemand() {
  const ends: ((value: number) => void)[] = []
  return {
    startedCount: () => ends.length,
    read: () =>
      new Promise<number>((resolve) => {
        ends.push(resolve)
      }),
    end: async (at: number) => {
      ends[at]?.(at)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

test('callers who ask while a read is under way share the next one, and wait for no further', async () => {
  const share = buildSharedReads()
  const { startedCount, read, end } = readsOnDemand()
  const first = share('a', read)
  const rest = Array.from({ length: 100 }, () => share('a', read))
  expect(startedCount()).toBe(1)
  await end(0)
  expect(startedCount()).toBe(2)
  const later = share('a', read)
  await end(1)
  await end(2)
  expect(await first).toBe(0)
  expect(new Set(await Promise.all(rest))).toEqual(new Set([1]))
  expect(await later).toBe(2)
  void share('a', read)
  expect(startedCount()).toBe(4)
})

test('a read that throws before it began fails for its callers, and the next one is read', async () => {
  const share = buildSharedReads()
  const failingRead = (): Promise<number> => {
    throw new Error('broken')
  }
  const { read, end, startedCount } = readsOnDemand()
  const first = share('a', read)
  const second = expect(share('a', failingRead)).rejects.toThrow('broken')
  await end(0)
  expect(await first).toBe(0)
  await second
  await expect(share('a', failingRead)).rejects.toThrow('broken')
  const later = share('a', read)
  expect(startedCount()).toBe(2)
  await end(1)
  expect(await later).toBe(1)
})

test('no caller gets a read that began before the call: data committed before the call is read', async () => {
  const share = buildSharedReads()
  let version = 0
  const read = async () => {
    const versionRead = version
    await new Promise((resolve) => setTimeout(resolve, 1))
    return versionRead
  }
  await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      await new Promise((resolve) => setTimeout(resolve, at % 13))
      version++
      const before = version
      expect(await share('a', read)).toBeGreaterThanOrEqual(before)
    }),
  )
})

test('names share nothing, and a read that fails fails only for its own callers', async () => {
  const share = buildSharedReads()
  const failure = share('a', () => Promise.reject(new Error('broken')))
  const next = share('a', async () => 'read')
  const other = share('b', async () => 'other')
  await expect(failure).rejects.toThrow('broken')
  expect(await next).toBe('read')
  expect(await other).toBe('other')
  expect(await share('a', async () => 'again')).toBe('again')
})

/** A world that counts the reads of one kind. */
function counting<Name extends 'challenges' | 'enrollments'>(name: Name) {
  let reads = 0
  const store = world[name]
  const find = (...args: unknown[]) => {
    reads++
    return (store.find as (...args: unknown[]) => Promise<unknown>)(...args)
  }
  return {
    reads: () => reads,
    dependencies: {
      ...world,
      sharedReads: buildSharedReads(),
      [name]: { ...store, find },
    } as World,
  }
}

test('500 clients waiting for one challenge learn of its end by a few reads and one signature', async () => {
  const principal = await aPrincipal(world)
  const phone = await aPhone(world, principal)
  const { id } = (await granted(ask(world, principal))).challenge
  const { dependencies, reads } = counting('challenges')
  const waiting = Array.from({ length: 500 }, () =>
    granted(waitForChallenge(dependencies, principal, id, 20_000)),
  )
  await until('all have read once', () => reads() >= 2)
  const before = reads()
  const answer = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'deny' }))
  await granted(answerChallenge(world, await aProof(world, phone), { challengeId: id, answer }))
  const readings = await Promise.all(waiting)
  expect(new Set(readings.map(({ challenge }) => challenge.status))).toEqual(new Set(['denied']))
  expect(new Set(readings.map(({ result }) => result)).size).toBeLessThanOrEqual(2)
  // A tick may come in between, and callers whom a read under way could not serve share the next.
  expect(reads() - before).toBeLessThanOrEqual(6)
})

test('500 concurrent reads of one challenge are answered by two queries', async () => {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const { id } = (await granted(ask(world, principal))).challenge
  const { dependencies, reads } = counting('challenges')
  await Promise.all(
    Array.from({ length: 500 }, () => granted(readChallenge(dependencies, principal, id))),
  )
  expect(reads()).toBe(2)
})

test('a relying party shares no read with another', async () => {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const { id } = (await granted(ask(world, principal))).challenge
  const other = await aPrincipal(world, ['other'], principal.tenantId)
  const [own, foreign] = await Promise.all([
    readChallenge(world, principal, id),
    readChallenge(world, other, id),
  ])
  expect(own).toMatchObject({ challenge: { id } })
  expect(foreign).toEqual({ refused: 'not_found' })
})

test('500 clients waiting for one enrollment share its reads', async () => {
  const principal = await aPrincipal(world)
  const user = { user: 'alice', displayName: 'Alice' }
  const { enrollment } = await granted(openEnrollment(world, principal, user))
  const { dependencies, reads } = counting('enrollments')
  const { id } = enrollment
  await Promise.all(
    Array.from({ length: 500 }, () =>
      granted(waitForEnrollment(dependencies, principal, id, { waitMs: 30 })),
    ),
  )
  expect(reads()).toBeLessThanOrEqual(12)
})

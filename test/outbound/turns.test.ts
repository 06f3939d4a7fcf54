import { expect, test } from 'vitest'
import type { TenantId, UserId } from '../../src/domain/ids.ts'
import {
  buildFairQueue,
  buildUserQueue,
  type FairQueueLimits,
} from '../../src/outbound/fair-queue.ts'

const limits: FairQueueLimits = {
  running: 2,
  runningInLine: 1,
  waiting: 6,
  waitingInLine: 4,
  waitMs: 60_000,
  refusalMs: 0,
  refusals: 0,
}
const refused = { refused: 'too_many_requests', retryAfterSeconds: 1 }

/** Work that goes on until it is finished, and says in which order it began. */
function workshop() {
  const begun: string[] = []
  const finish = new Map<string, () => void>()
  return {
    begun,
    work: (name: string) => () =>
      new Promise<string>((resolve) => {
        begun.push(name)
        finish.set(name, () => resolve(name))
      }),
    async finish(name: string) {
      finish.get(name)?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

test('no more is under way than may be, of all lines and of one', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue(limits)
  for (const name of ['a1', 'a2', 'b1', 'c1']) void turns.run(name.charAt(0), work(name))
  expect(begun).toEqual(['a1', 'b1'])
  await finish('b1')
  expect(begun).toEqual(['a1', 'b1', 'c1'])
  await finish('a1')
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2'])
})

test('lines take turns: who waits alone is not behind all of a long line', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue({ ...limits, running: 1, waiting: 100, waitingInLine: 100 })
  for (let count = 0; count < 50; count++) void turns.run('flood', work(`flood${count}`))
  void turns.run('alone', work('alone'))
  await finish('flood0')
  await finish('alone')
  expect(begun).toEqual(['flood0', 'alone', 'flood1'])
})

test('beyond what may wait in a line it is refused at once, and never begun', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue(limits)
  const taken = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'].map((name) => turns.run('a', work(name)))
  expect(await taken[5]).toEqual(refused)
  for (const name of ['a0', 'a1', 'a2', 'a3', 'a4']) await finish(name)
  expect(await Promise.all(taken.slice(0, 5))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'])
  expect(begun).not.toContain('a5')
})

test('when all places are taken, whoever is alone gets that of the last of the longest line', async () => {
  const { work, finish } = workshop()
  const turns = buildFairQueue({ ...limits, running: 1 })
  const long = ['a0', 'a1', 'a2', 'a3', 'a4'].map((name) => turns.run('a', work(name)))
  const other = [turns.run('b', work('b1')), turns.run('b', work('b2'))]
  const alone = turns.run('c', work('c1'))
  expect(await long[4]).toEqual(refused)
  expect(await turns.run('b', work('b3'))).toEqual(refused)
  for (const name of ['a0', 'b1', 'c1', 'a1', 'b2']) await finish(name)
  expect(await alone).toBe('c1')
  expect(await Promise.all(other)).toEqual(['b1', 'b2'])
})

test('nobody waits for longer than is allowed', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue({ ...limits, waitMs: 5, refusalMs: 0, refusals: 0 })
  const first = turns.run('a', work('a1'))
  expect(await turns.run('a', work('a2'))).toEqual(refused)
  await finish('a1')
  expect(await first).toBe('a1')
  expect(begun).toEqual(['a1'])
})

test('a refusal takes its time, of so many at once, and makes room for no more', async () => {
  const { begun, work } = workshop()
  const full = {
    ...limits,
    running: 1,
    waiting: 0,
    waitingInLine: 0,
    refusalMs: 5_000,
    refusals: 2,
  }
  const turns = buildFairQueue(full)
  void turns.run('a', work('a1'))
  const slow = ['a2', 'a3'].map((name) => turns.run('a', work(name)))
  expect(await turns.run('a', work('a4'))).toEqual(refused)
  const first = await Promise.race([...slow, Promise.resolve('still refusing')])
  expect(first).toBe('still refusing')
  expect(begun).toEqual(['a1'])
})

test('whoever has many lines leaves a place for others, however many works of theirs never end', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue({ ...limits, running: 8 })
  const many = (line: number) => turns.run(`many${line}`, work(`many${line}`), { holder: 'many' })
  for (let line = 0; line < 9; line++) void many(line)
  expect(begun).toEqual(['many0', 'many1', 'many2', 'many3'])
  const few = turns.run('few1', work('few1'), { holder: 'few' })
  expect(begun.at(-1)).toBe('few1')
  // Only what one of their own leaves is for them.
  await finish('few1')
  expect(await few).toBe('few1')
  expect(begun).toHaveLength(5)
  await finish('many0')
  expect(begun.at(-1)).toBe('many4')
})

test('nor do lines of one holder fill all places to wait: the last of them gives its own', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildFairQueue({ ...limits, running: 1 })
  const works = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((line) =>
    turns.run(line, work(line), { holder: 'a' }),
  )
  const other = turns.run('b', work('b'), { holder: 'b' })
  const refusals = await Promise.race(works.slice(1))
  expect(refusals).toEqual(refused)
  for (let n = 0; n < 7; n++) await finish(begun.at(-1) ?? '')
  expect(await other).toBe('b')
})

test('work that fails says so to whoever asked for it, and gives its place on', async () => {
  const turns = buildFairQueue(limits)
  const failing = turns.run('a', () => Promise.reject(new Error('broken')))
  const next = turns.run('a', async () => 'done')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('done')
})

test('whatever comes and goes, each work is done once or refused, and all places are free in the end', async () => {
  const turns = buildFairQueue({ ...limits, waiting: 20 })
  let underWay = 0
  let most = 0
  let done = 0
  const works = Array.from({ length: 500 }, async (_, at) => {
    await new Promise((resolve) => setTimeout(resolve, at % 17))
    return turns.run(`line${at % 7}`, async () => {
      underWay++
      most = Math.max(most, underWay)
      await new Promise((resolve) => setTimeout(resolve, at % 3))
      underWay--
      done++
      if (at % 11 === 0) throw new Error('broken')
      return 'done'
    })
  })
  const outcomes = await Promise.allSettled(works)
  const turnedAway = outcomes.filter(
    (one) => one.status === 'fulfilled' && typeof one.value !== 'string',
  )
  expect(most).toBe(2)
  expect(done + turnedAway.length).toBe(500)
  expect(turnedAway.length).toBeGreaterThan(0)
  const { begun, work, finish } = workshop()
  const again = [turns.run('x', work('x')), turns.run('y', work('y'))]
  expect(begun).toEqual(['x', 'y'])
  await finish('x')
  await finish('y')
  expect(await Promise.all(again)).toEqual(['x', 'y'])
})

test('one thing is done for one user at a time, in turns of who asks, and users do not wait for each other', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildUserQueue({ ...limits, running: 1 })
  const [ada, bob] = ['usr_ada', 'usr_bob'].map((userId) => ({
    tenantId: 'tnt_1' as TenantId,
    userId: userId as UserId,
  })) as [{ tenantId: TenantId; userId: UserId }, { tenantId: TenantId; userId: UserId }]
  for (const name of ['code1', 'code2', 'code3']) void turns.run(ada, 'codes', work(name))
  void turns.run(ada, 'device', work('answer'))
  void turns.run(bob, 'codes', work('bob'))
  expect(begun).toEqual(['code1', 'bob'])
  await finish('code1')
  expect(begun).toEqual(['code1', 'bob', 'answer'])
  await finish('answer')
  expect(begun).toEqual(['code1', 'bob', 'answer', 'code2'])
})

test('orders of an API key go before all that wait, and find room whatever waits', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildUserQueue({ ...limits, running: 1 })
  const ada = { tenantId: 'tnt_1' as TenantId, userId: 'usr_ada' as UserId }
  const waiting = Array.from({ length: limits.waiting + 1 }, (_, n) =>
    turns.run(ada, `device:${n}`, work(`answer${n}`)),
  )
  const orders = ['suspend', 'revoke'].map((name) => turns.run(ada, 'api_key:1', work(name)))
  expect(await Promise.all(waiting.slice(1, 3))).toEqual([refused, refused])
  // Nor does what comes later take the place of an order.
  expect(await turns.run(ada, 'device:0', work('late'))).toEqual(refused)
  await finish('answer0')
  await finish('suspend')
  await finish('revoke')
  expect(begun).toEqual(['answer0', 'suspend', 'revoke', 'answer3'])
  expect(await Promise.all(orders)).toEqual(['suspend', 'revoke'])
})

test('strangers under ever new names take no place from the devices and sessions of the user', async () => {
  const { begun, work, finish } = workshop()
  const turns = buildUserQueue({ ...limits, running: 1 })
  const ada = { tenantId: 'tnt_1' as TenantId, userId: 'usr_ada' as UserId }
  const strangers = Array.from({ length: limits.waiting + 2 }, (_, n) =>
    turns.run(ada, `codes:${n}`, work(`code${n}`)),
  )
  expect(await strangers[limits.waiting + 1]).toEqual(refused)
  const own = ['device:1', 'device:2', 'portal:1'].map((line) => turns.run(ada, line, work(line)))
  for (let n = 0; n < 7; n++) await finish(begun.at(-1) ?? '')
  expect(await Promise.all(own)).toEqual(['device:1', 'device:2', 'portal:1'])
})

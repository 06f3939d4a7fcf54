import { expect, test } from 'vitest'
import type { TenantId, UserId } from '../../../src/domain/ids.ts'
import { buildFairQueue, buildUserQueue } from '../../../src/platform/net/bounded-fair-queue.ts'
import { limits, outcomeNow, refusal, workshop } from './queue-workshop.ts'

test('no more work runs than allowed, over all lines and in one', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue(limits)
  for (const name of ['a1', 'a2', 'b1', 'c1']) void queue.run(name.charAt(0), work(name))
  expect(startOrder).toEqual(['a1', 'b1'])
  await finish('b1')
  expect(startOrder).toEqual(['a1', 'b1', 'c1'])
  await finish('a1')
  expect(startOrder).toEqual(['a1', 'b1', 'c1', 'a2'])
})

test('lines are served round robin: a single waiting work is not behind all of a long line', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 1, waiting: 100, waitingInLine: 100 })
  for (let count = 0; count < 50; count++) void queue.run('flood', work(`flood${count}`))
  void queue.run('alone', work('alone'))
  await finish('flood0')
  await finish('alone')
  expect(startOrder).toEqual(['flood0', 'alone', 'flood1'])
})

test('beyond the limit of waiting works in a line it is refused immediately, and never begun', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue(limits)
  const results = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'].map((name) => queue.run('a', work(name)))
  expect(await results[5]).toEqual(refusal)
  for (const name of ['a0', 'a1', 'a2', 'a3', 'a4']) await finish(name)
  expect(await Promise.all(results.slice(0, 5))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'])
  expect(startOrder).not.toContain('a5')
})

test('when all slots are taken, a single work gets that of the last of the longest line', async () => {
  const { work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 1 })
  const long = ['a0', 'a1', 'a2', 'a3', 'a4'].map((name) => queue.run('a', work(name)))
  const other = [queue.run('b', work('b1')), queue.run('b', work('b2'))]
  const alone = queue.run('c', work('c1'))
  expect(await long[4]).toEqual(refusal)
  expect(await queue.run('b', work('b3'))).toEqual(refusal)
  for (const name of ['a0', 'b1', 'c1', 'a1', 'b2']) await finish(name)
  expect(await alone).toBe('c1')
  expect(await Promise.all(other)).toEqual(['b1', 'b2'])
})

test('no work waits longer than allowed', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, waitMs: 5, refusalMs: 0, refusals: 0 })
  const first = queue.run('a', work('a1'))
  expect(await queue.run('a', work('a2'))).toEqual(refusal)
  await finish('a1')
  expect(await first).toBe('a1')
  expect(startOrder).toEqual(['a1'])
})

test('only so many concurrent refusals are delayed, and none of them makes room for more work', async () => {
  const { startOrder, work } = workshop()
  const full = {
    ...limits,
    running: 1,
    waiting: 0,
    waitingInLine: 0,
    refusalMs: 5_000,
    refusals: 2,
  }
  const queue = buildFairQueue(full)
  void queue.run('a', work('a1'))
  const slow = ['a2', 'a3'].map((name) => queue.run('a', work(name)))
  expect(await queue.run('a', work('a4'))).toEqual(refusal)
  const first = await Promise.race([...slow, Promise.resolve('still refusing')])
  expect(first).toBe('still refusing')
  expect(startOrder).toEqual(['a1'])
})

test('a holder of many lines leaves a slot for others, however many of its works never end', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 8 })
  const many = (line: number) => queue.run(`many${line}`, work(`many${line}`), { holder: 'many' })
  for (let line = 0; line < 9; line++) void many(line)
  expect(startOrder).toEqual(['many0', 'many1', 'many2', 'many3'])
  const few = queue.run('few1', work('few1'), { holder: 'few' })
  expect(startOrder.at(-1)).toBe('few1')
  // Only a slot that one of their own frees is for them.
  await finish('few1')
  expect(await few).toBe('few1')
  expect(startOrder).toHaveLength(5)
  await finish('many0')
  expect(startOrder.at(-1)).toBe('many4')
})

test('the lines of one holder do not fill all waiting slots: the last one gives up its own', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 1 })
  const works = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map((line) =>
    queue.run(line, work(line), { holder: 'a' }),
  )
  const other = queue.run('b', work('b'), { holder: 'b' })
  const refusals = await Promise.race(works.slice(1))
  expect(refusals).toEqual(refusal)
  for (let n = 0; n < 7; n++) await finish(startOrder.at(-1) ?? '')
  expect(await other).toBe('b')
})

test('work that fails rejects for its caller, and passes on its slot', async () => {
  const queue = buildFairQueue(limits)
  const failing = queue.run('a', () => Promise.reject(new Error('broken')))
  const next = queue.run('a', async () => 'done')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('done')
})

test('in any sequence, each work is done once or refused, and all slots are free in the end', async () => {
  const queue = buildFairQueue({ ...limits, waiting: 20 })
  let underWay = 0
  let most = 0
  let doneCount = 0
  const works = Array.from({ length: 500 }, async (_, at) => {
    await new Promise((resolve) => setTimeout(resolve, at % 17))
    return queue.run(`line${at % 7}`, async () => {
      underWay++
      most = Math.max(most, underWay)
      await new Promise((resolve) => setTimeout(resolve, at % 3))
      underWay--
      doneCount++
      if (at % 11 === 0) throw new Error('broken')
      return 'done'
    })
  })
  const outcomes = await Promise.allSettled(works)
  const refusals = outcomes.filter(
    (one) => one.status === 'fulfilled' && typeof one.value !== 'string',
  )
  expect(most).toBe(2)
  expect(doneCount + refusals.length).toBe(500)
  expect(refusals.length).toBeGreaterThan(0)
  const { startOrder, work, finish } = workshop()
  const again = [queue.run('x', work('x')), queue.run('y', work('y'))]
  expect(startOrder).toEqual(['x', 'y'])
  await finish('x')
  await finish('y')
  expect(await Promise.all(again)).toEqual(['x', 'y'])
})

test('one operation per user at a time, round robin among callers; users do not wait for each other', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildUserQueue({ ...limits, running: 1 })
  const [ada, bob] = ['usr_ada', 'usr_bob'].map((userId) => ({
    tenantId: 'tnt_1' as TenantId,
    userId: userId as UserId,
  })) as [{ tenantId: TenantId; userId: UserId }, { tenantId: TenantId; userId: UserId }]
  for (const name of ['code1', 'code2', 'code3']) void queue.run(ada, 'codes', work(name))
  void queue.run(ada, 'device', work('answer'))
  void queue.run(bob, 'codes', work('bob'))
  expect(startOrder).toEqual(['code1', 'bob'])
  await finish('code1')
  expect(startOrder).toEqual(['code1', 'bob', 'answer'])
  await finish('answer')
  expect(startOrder).toEqual(['code1', 'bob', 'answer', 'code2'])
})

test('orders of an API key go before all that wait, and find room whatever waits', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildUserQueue({ ...limits, running: 1 })
  const ada = { tenantId: 'tnt_1' as TenantId, userId: 'usr_ada' as UserId }
  const waiting = Array.from({ length: limits.waiting + 1 }, (_, n) =>
    queue.run(ada, `device:${n}`, work(`answer${n}`)),
  )
  const orders = ['suspend', 'revoke'].map((name) => queue.run(ada, 'api_key:1', work(name)))
  expect(await Promise.all(waiting.slice(1, 3))).toEqual([refusal, refusal])
  // Nor does later work take the slot of an order.
  expect(await queue.run(ada, 'device:0', work('late'))).toEqual(refusal)
  await finish('answer0')
  await finish('suspend')
  await finish('revoke')
  expect(startOrder).toEqual(['answer0', 'suspend', 'revoke', 'answer3'])
  expect(await Promise.all(orders)).toEqual(['suspend', 'revoke'])
})

test('unknown initiators under ever new names take no slot from the user’s devices and sessions', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildUserQueue({ ...limits, running: 1 })
  const ada = { tenantId: 'tnt_1' as TenantId, userId: 'usr_ada' as UserId }
  const unknownInitiators = Array.from({ length: limits.waiting + 2 }, (_, n) =>
    queue.run(ada, `codes:${n}`, work(`code${n}`)),
  )
  expect(await unknownInitiators[limits.waiting + 1]).toEqual(refusal)
  const own = ['device:1', 'device:2', 'portal:1'].map((line) => queue.run(ada, line, work(line)))
  for (let n = 0; n < 7; n++) await finish(startOrder.at(-1) ?? '')
  expect(await Promise.all(own)).toEqual(['device:1', 'device:2', 'portal:1'])
})

test('a holder takes no more slots by lines that it opens after one of its works has ended', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 8 })
  const many = (line: string) => queue.run(line, work(line), { holder: 'many' })
  for (const line of ['a', 'b', 'c', 'd']) void many(line)
  await finish('a')
  for (const line of ['e', 'f']) void many(line)
  expect(startOrder).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a line gives up its last only to a line that is shorter afterwards, of the same holder too', async () => {
  const { work } = workshop()
  const queue = buildFairQueue({ ...limits, running: 0, waiting: 2 })
  const ofOne = (line: string, name: string) => queue.run(line, work(name), { holder: 'one' })
  const long = ['a1', 'a2'].map((name) => ofOne('a', name))
  const short = ofOne('b', 'b1')
  expect(await outcomeNow(long[1])).toEqual(refusal)
  expect(await outcomeNow(ofOne('c', 'c1'))).toEqual(refusal)
  expect(await outcomeNow(Promise.race([long[0], short]))).toBe('none yet')
})

test('the last of the longest line of the holder with most works gives way, wherever it stands', async () => {
  const { work } = workshop()
  const queue = buildFairQueue({ ...limits, running: 0, waiting: 9 })
  const wait = (line: string, holder: string) => queue.run(line, work(line), { holder })
  const few = ['a', 'a', 'a'].map((line) => wait(line, 'few'))
  const many = ['b', 'c', 'c', 'c'].map((line) => wait(line, 'many'))
  const others = ['d', 'e'].map((line) => wait(line, line))
  void wait('f', 'f')
  expect(await outcomeNow(many[3])).toEqual(refusal)
  const rest = Promise.race([...few, ...many.slice(0, 3), ...others])
  expect(await outcomeNow(rest)).toBe('none yet')
})

test('the turn of a line comes after those of lines that came while its work ran', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, running: 1 })
  for (const name of ['a1', 'a2', 'a3']) void queue.run('a', work(name))
  await finish('a1')
  void queue.run('b', work('b1'))
  await finish('a2')
  expect(startOrder).toEqual(['a1', 'a2', 'b1'])
})

test('a line that may run several begins the next as soon as any slot is free', async () => {
  const { startOrder, work, finish } = workshop()
  const queue = buildFairQueue({ ...limits, runningInLine: 2 })
  for (const name of ['a1', 'a2', 'b1', 'b2']) void queue.run(name.charAt(0), work(name))
  await finish('a1')
  await finish('a2')
  expect(startOrder).toEqual(['a1', 'a2', 'b1', 'b2'])
})

test('an order finds only as much room as other orders have left', async () => {
  const { work } = workshop()
  const queue = buildUserQueue({ ...limits, running: 1, waiting: 1 })
  const ada = { tenantId: 'tnt_1' as TenantId, userId: 'usr_ada' as UserId }
  void queue.run(ada, 'device:1', work('answer'))
  void queue.run(ada, 'api_key:1', work('suspend'))
  expect(await outcomeNow(queue.run(ada, 'api_key:2', work('revoke')))).toEqual(refusal)
})

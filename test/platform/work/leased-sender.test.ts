import { describe, expect, test } from 'vitest'
import {
  buildLeasedSender,
  type Claimed,
  type Load,
} from '../../../src/platform/work/leased-sender.ts'
import { until } from '../../support/until.ts'

type Lane = { readonly app: string }
type Item = Lane & { readonly id: number }
type Send = { readonly item: Item; finish(): void; fail(): void }
type Asked = {
  readonly limit: number
  readonly loads: readonly Load<Lane>[]
  answer(items: readonly Item[], isMore?: boolean): void
  fail(): void
}

const item = (id: number, app = 'a'): Item => ({ id, app })
const items = (count: number) => Array.from({ length: count }, (_, id) => item(id))
/** Passes everything that only waits for promises, and no timer. */
const settleDown = () => new Promise((resolve) => setImmediate(resolve))

/** A sender whose claims, sends and writes end as the test says. */
function aSender({ max = 3 }: { max?: number } = {}) {
  const claims: Asked[] = []
  const sends: Send[] = []
  const writes: { readonly ids: readonly number[]; finish(): void; fail(): void }[] = []
  const failures: unknown[][] = []
  const defer = <T>() => Promise.withResolvers<T>()
  const sender = buildLeasedSender({
    send(item: Item) {
      const { promise, resolve, reject } = defer<number>()
      sends.push({ item, finish: () => resolve(item.id), fail: () => reject(new Error('broken')) })
      return promise
    },
    laneOf: ({ app }): Lane => ({ app }),
    claims: {
      max,
      claim(limit, loads) {
        const { promise, resolve, reject } = defer<Claimed<Item>>()
        const answer = (items: readonly Item[], isMore = false) => resolve({ items, isMore })
        claims.push({ limit, loads, answer, fail: () => reject(new Error('away')) })
        return promise
      },
      onNotClaimed: () => failures.push(['not claimed']),
    },
    settlements: {
      everyMs: 0,
      write(ids) {
        const { promise, resolve, reject } = defer<void>()
        writes.push({ ids, finish: resolve, fail: () => reject(new Error('away')) })
        return promise
      },
      onNotWritten: (_, count) => failures.push(['not written', count]),
    },
    onNotSent: (_, { id }) => failures.push(['not sent', id]),
  })
  return { sender, claims, sends, writes, failures }
}
const idsOf = (sends: readonly Send[]) => sends.map((send) => send.item.id)

describe('claims', () => {
  test('nothing is sent before its claim is stored', async () => {
    const { sender, claims, sends } = aSender()
    const work = sender.work()
    await settleDown()
    expect(sends).toEqual([])
    claims[0]?.answer([item(1)])
    await work
    expect(idsOf(sends)).toEqual([1])
  })

  test('are for free slots only, and one that becomes free is offered at once to what is due', async () => {
    const { sender, claims, sends } = aSender({ max: 3 })
    void sender.work()
    await settleDown()
    expect(claims.map(({ limit }) => limit)).toEqual([3])
    claims[0]?.answer(items(3), true)
    await settleDown()
    await sender.work()
    expect(claims).toHaveLength(1)
    sends[1]?.finish()
    await settleDown()
    expect(claims.map(({ limit }) => limit)).toEqual([3, 1])
  })

  test('run one at a time, so that no slot is filled twice; calls meanwhile cause one more', async () => {
    const { sender, claims, sends } = aSender({ max: 3 })
    const calls = [sender.work(), sender.work()]
    await settleDown()
    calls.push(sender.work(), sender.work())
    await settleDown()
    expect(claims).toHaveLength(1)
    claims[0]?.answer(items(2))
    await settleDown()
    expect(claims.map(({ limit }) => limit)).toEqual([3, 1])
    claims[1]?.answer([])
    await Promise.all(calls)
    expect(claims).toHaveLength(2)
    expect(sends).toHaveLength(2)
  })

  test('know how many of each lane are being sent, so that they can be fair', async () => {
    const { sender, claims, sends } = aSender({ max: 9 })
    sender.take([item(1, 'a'), item(2, 'b'), item(3, 'a')])
    expect(sender.loads()).toEqual([
      { app: 'a', inFlight: 2 },
      { app: 'b', inFlight: 1 },
    ])
    sends[0]?.finish()
    sends[1]?.fail()
    await settleDown()
    void sender.work()
    await settleDown()
    expect(claims.at(-1)?.loads).toEqual([{ app: 'a', inFlight: 1 }])
  })

  test('that fail are reported, and repeated by the next call', async () => {
    const { sender, claims, failures, sends } = aSender()
    const work = sender.work()
    await settleDown()
    claims[0]?.fail()
    await work
    expect(failures).toEqual([['not claimed']])
    void sender.work()
    await settleDown()
    claims[1]?.answer([item(1)])
    await settleDown()
    expect(idsOf(sends)).toEqual([1])
  })

  test('do not keep a caller for as long as more is due', async () => {
    let claimCount = 0
    const sender = buildLeasedSender({
      send: settleDown,
      laneOf: ({ app }: Item): Lane => ({ app }),
      claims: {
        max: 2,
        async claim() {
          await settleDown()
          claimCount += 1
          return { items: [item(claimCount), item(-claimCount)], isMore: true }
        },
        onNotClaimed: () => undefined,
      },
      onNotSent: () => undefined,
    })
    await sender.work()
    const countAtReturn = claimCount
    await until('claims go on', () => claimCount > countAtReturn + 10)
    await sender.drain()
    expect(countAtReturn).toBe(1)
  })
})

describe('a slot that becomes free', () => {
  test('claims nothing when all that was due has been claimed', async () => {
    const { sender, claims, sends } = aSender()
    const work = sender.work()
    await settleDown()
    claims[0]?.answer([item(1)])
    await work
    sends[0]?.finish()
    sender.take([item(2)])
    sends[1]?.finish()
    await settleDown()
    expect(claims).toHaveLength(1)
    expect(sender.isMoreDue()).toBe(false)
  })

  test('during a claim is offered again, as the claim did not know of it', async () => {
    const { sender, claims, sends } = aSender()
    sender.take([item(1)])
    void sender.work()
    await settleDown()
    sends[0]?.finish()
    await settleDown()
    claims[0]?.answer([], true)
    await settleDown()
    expect(claims.map(({ limit }) => limit)).toEqual([2, 3])
  })

  test('is offered when there was none to claim for, or the claim failed', async () => {
    const { sender, claims, sends } = aSender({ max: 1 })
    sender.take([item(1)])
    await sender.work()
    expect(claims).toHaveLength(0)
    sends[0]?.finish()
    await settleDown()
    expect(claims).toHaveLength(1)
    sender.take([item(2)])
    claims[0]?.fail()
    await settleDown()
    sends[1]?.finish()
    await settleDown()
    expect(claims).toHaveLength(2)
  })
})

describe('items that are handed over', () => {
  test('are sent before the call returns, whatever is under way', () => {
    const { sender, claims, sends } = aSender({ max: 1 })
    sender.take(items(5))
    expect(idsOf(sends)).toEqual([0, 1, 2, 3, 4])
    expect(claims).toEqual([])
    expect(sender.inFlight()).toBe(5)
  })

  test('leave no slot to claims until they are sent', async () => {
    const { sender, claims } = aSender({ max: 3 })
    sender.take(items(3))
    await sender.work()
    expect(claims).toEqual([])
  })
})

describe('outcomes', () => {
  test('are stored in batches of at most 500, one after another', async () => {
    const { sender, sends, writes } = aSender()
    sender.take(items(1_200))
    for (const send of sends) send.finish()
    for (const [index, size] of [500, 500, 200].entries()) {
      await until('a batch is written', () => writes.length > index)
      await settleDown()
      expect(writes).toHaveLength(index + 1)
      expect(writes[index]?.ids).toHaveLength(size)
      writes[index]?.finish()
    }
    await until('all are stored', () => sender.inFlight() === 0)
    expect(new Set(writes.flatMap(({ ids }) => ids)).size).toBe(1_200)
  })

  test('are in flight until they are stored', async () => {
    const { sender, sends, writes } = aSender()
    sender.take([item(1)])
    sends[0]?.finish()
    await until('it is written', () => writes.length === 1)
    expect(sender.inFlight()).toBe(1)
    writes[0]?.finish()
    await settleDown()
    expect(sender.inFlight()).toBe(0)
  })

  test('that cannot be stored are left to their leases, and later ones are stored', async () => {
    const { sender, sends, writes, failures } = aSender()
    sender.take([item(1), item(2)])
    for (const send of sends) send.finish()
    await until('it is written', () => writes.length === 1)
    writes[0]?.fail()
    await settleDown()
    expect(failures).toEqual([['not written', 2]])
    expect(sender.inFlight()).toBe(0)
    sender.take([item(3)])
    sends[2]?.finish()
    await until('the next is written', () => writes.length === 2)
    expect(writes[1]?.ids).toEqual([3])
  })

  test('of a send that rejects are never stored: its lease runs out, its slot is free', async () => {
    const { sender, sends, writes, failures } = aSender()
    sender.take([item(1), item(2)])
    sends[0]?.fail()
    sends[1]?.finish()
    await until('the other is written', () => writes.length === 1)
    expect(writes[0]?.ids).toEqual([2])
    expect(failures).toEqual([['not sent', 1]])
    expect(sender.loads()).toEqual([])
  })
})

describe('a drain', () => {
  test('waits for what a running claim takes, for sends and for stored outcomes; claims no more', async () => {
    const { sender, claims, sends, writes } = aSender({ max: 3 })
    let isDrained = false
    void sender.work()
    await settleDown()
    void sender.work()
    const drain = sender.drain().then(() => {
      isDrained = true
    })
    claims[0]?.answer([item(1)])
    await settleDown()
    expect(idsOf(sends)).toEqual([1])
    sends[0]?.finish()
    await until('it is written', () => writes.length === 1)
    await sender.work()
    expect([claims.length, isDrained]).toEqual([1, false])
    writes[0]?.finish()
    await drain
    expect(sender.inFlight()).toBe(0)
  })

  test('waits for items that are handed over meanwhile', async () => {
    const { sender, sends, writes } = aSender()
    let isDrained = false
    sender.take([item(1)])
    const drain = sender.drain().then(() => {
      isDrained = true
    })
    await settleDown()
    sender.take([item(2)])
    for (const [index, send] of sends.entries()) {
      expect(isDrained).toBe(false)
      send.finish()
      await until('it is written', () => writes.length === index + 1)
      writes[index]?.finish()
      await settleDown()
    }
    await drain
    expect(writes.map(({ ids }) => ids)).toEqual([[1], [2]])
  })

  test('waits for outcomes of what was sent before', async () => {
    const { sender, sends, writes } = aSender()
    sender.take([item(1)])
    sends[0]?.finish()
    await settleDown()
    const drain = sender.drain().then(() => 'drained')
    expect(await Promise.race([drain, settleDown()])).toBeUndefined()
    await until('it is written', () => writes.length === 1)
    writes[0]?.finish()
    expect(await drain).toBe('drained')
  })

  test('of nothing ends immediately', async () => {
    await aSender().sender.drain()
  })
})

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { TenantId } from '../../../src/domain/ids.ts'
import { isDatabaseUnavailable } from '../../../src/platform/postgres/database-errors.ts'
import { buildLanes, laneLimits } from '../../../src/platform/postgres/lane.ts'
import {
  type BatchReport,
  type LaneLimits,
  lockMomentMs,
  skippedItem,
} from '../../../src/platform/postgres/lane-statements.ts'
import { until } from '../../support/until.ts'

type Item = {
  readonly tenantId: TenantId
  readonly name: string
  readonly rows?: number
  /** Its caller has disconnected. */
  readonly isGone?: boolean
}

/** A statement that a lane has sent; the test says when and how it ends. */
type Sent = {
  readonly how: 'single' | 'batch'
  readonly names: readonly string[]
  /** By default each item is answered with its name in capitals. */
  readonly end: (outcomes?: readonly (string | typeof skippedItem)[]) => Promise<void>
  readonly fail: (error: unknown) => Promise<void>
}

/** Lanes whose statements are recorded, and end when the test says so. */
function openLanes(changes: Partial<LaneLimits> = {}) {
  const sentStatements: Sent[] = []
  const reports: BatchReport[] = []
  const lanes = buildLanes({ ...laneLimits, ...changes })
  lanes.listen((report) => reports.push(report))
  const send = (how: Sent['how'], items: readonly Item[]) => {
    const names = items.map(({ name }) => name)
    const { promise, resolve, reject } =
      Promise.withResolvers<readonly (string | typeof skippedItem)[]>()
    const after = async (settle: () => void) => {
      settle()
      await turns()
    }
    sentStatements.push({
      how,
      names,
      end: (outcomes = names.map((name) => name.toUpperCase())) => after(() => resolve(outcomes)),
      fail: (error) => after(() => reject(error)),
    })
    return promise
  }
  const open = (name = 'create') => {
    const lane = lanes.open<Item, string>({
      name,
      lineOf: ({ tenantId }) => tenantId,
      weightOf: ({ rows = 1 }) => rows,
      single: async (item) => (await send('single', [item]))[0] as string,
      batch: (items) => send('batch', items),
    })
    /** Hands items over; the outcomes in their order. */
    return (...items: readonly Item[]) => {
      const outcomes = items.map((item) => lane(item, () => item.isGone === true))
      for (const outcome of outcomes) outcome.catch(() => undefined)
      return outcomes
    }
  }
  return { lanes, open, send, sent: sentStatements, reports }
}

/** A lane with one statement in flight, which a first item occupies. */
async function openBusyLane(changes: Partial<LaneLimits> = {}) {
  const lanes = openLanes({ inFlightMax: 1, ...changes })
  const hand = lanes.open()
  hand(of('first', 'first'))
  await turns()
  const [first] = lanes.sent
  if (!first) throw new Error('the first item was not sent')
  return { ...lanes, hand, first }
}

/** What is due now has happened. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await nextTurn()
}

const of = (tenant: string, name: string, rows = 1): Item => ({
  tenantId: `ten_${tenant}` as TenantId,
  name,
  rows,
})
const many = (tenant: string, count: number) =>
  Array.from({ length: count }, (_, n) => of(tenant, `${tenant}${n}`))
const namesOf = (statements: readonly Sent[]) => statements.map(({ names }) => names)
const databaseError = (code: string, severity = 'ERROR') =>
  Object.assign(new Error(`SQLSTATE ${code}`), { severity, code })

test('a lone request goes down the single statement, at once', async () => {
  const { open, sent, reports } = openLanes()
  const [outcome] = open()(of('a', 'one'))
  await nextTurn()
  expect(sent).toMatchObject([{ how: 'single', names: ['one'] }])
  await sent[0]?.end()
  expect(await outcome).toBe('ONE')
  expect(reports).toMatchObject([{ lane: 'create', items: 1, singles: 0, isUndone: false }])
})

test('requests that arrive while the lane is busy are the next batch, in their order', async () => {
  const { hand, sent, first, lanes } = await openBusyLane()
  const outcomes = [...hand(of('a', 'x')), ...hand(of('a', 'y')), ...hand(of('a', 'z'))]
  await turns()
  expect(sent).toHaveLength(1)
  expect(lanes.depths()).toEqual(new Map([['create', 3]]))
  await first.end()
  expect(sent.slice(1)).toMatchObject([{ how: 'batch', names: ['x', 'y', 'z'] }])
  expect(lanes.depths()).toEqual(new Map([['create', 0]]))
  await sent[1]?.end()
  expect(await Promise.all(outcomes)).toEqual(['X', 'Y', 'Z'])
})

test('a lane has two statements in flight, and a busy lane delays no other', async () => {
  const { open, sent } = openLanes({ itemsMax: 2 })
  open('create')(...many('a', 9))
  await turns()
  expect(namesOf(sent)).toEqual([
    ['a0', 'a1'],
    ['a2', 'a3'],
  ])
  open('answer')(of('a', 'other'))
  await turns()
  expect(namesOf(sent.slice(2))).toEqual([['other']])
  await sent[1]?.end()
  expect(namesOf(sent.slice(3))).toEqual([['a4', 'a5']])
})

test('a batch has at most so many items, and ends with the one that fills it with rows', async () => {
  const { hand, sent, first } = await openBusyLane({ itemsMax: 4, weightMax: 10 })
  hand(...many('a', 4), of('a', 'b', 9), of('a', 'c', 9), of('a', 'd'), of('a', 'e'))
  await first.end()
  await sent[1]?.end()
  await sent[2]?.end()
  await sent[3]?.end()
  expect(namesOf(sent.slice(1))).toEqual([
    ['a0', 'a1', 'a2', 'a3'],
    ['b', 'c'],
    ['d', 'e'],
  ])
})

test('tenants alternate: a crowd of one delays no other beyond the batch in flight', async () => {
  const { hand, sent, first } = await openBusyLane({ itemsMax: 4 })
  hand(...many('a', 1_000))
  hand(of('b', 'b0'), of('b', 'b1'), of('c', 'c0'))
  await first.end()
  expect(sent[1]?.names).toEqual(['a0', 'b0', 'c0', 'a1'])
  hand(of('d', 'd0'))
  await sent[1]?.end()
  expect(sent[2]?.names).toEqual(['b1', 'a2', 'd0', 'a3'])
})

describe('items that a batch skips', () => {
  test('go singly, and the others are answered without them', async () => {
    const { hand, sent, first, reports } = await openBusyLane()
    const [x, y, z] = hand(of('a', 'x'), of('a', 'y'), of('a', 'z'))
    await first.end()
    await sent[1]?.end(['X', skippedItem, 'Z'])
    expect([await x, await z]).toEqual(['X', 'Z'])
    expect(sent[2]).toMatchObject({ how: 'single', names: ['y'] })
    expect(reports.at(-1)).toMatchObject({ items: 3, singles: 1, isUndone: false })
    await sent[2]?.end()
    expect(await y).toBe('Y')
  })

  test('are two at a time in all lanes together, while batches go on', async () => {
    const { open, sent } = openLanes({ itemsMax: 3, inFlightMax: 1 })
    const [create, answer] = [open('create'), open('answer')]
    create(...many('a', 3))
    answer(...many('b', 3))
    await turns()
    await sent[0]?.end([skippedItem, skippedItem, skippedItem])
    await sent[1]?.end([skippedItem, 'B1', 'B2'])
    const singles = () => sent.filter(({ how }) => how === 'single')
    expect(namesOf(singles())).toEqual([['a0'], ['a1']])
    create(...many('c', 2))
    await turns()
    expect(sent.at(-1)).toMatchObject({ how: 'batch', names: ['c0', 'c1'] })
    await singles()[1]?.fail(new Error('refused'))
    expect(namesOf(singles())).toEqual([['a0'], ['a1'], ['a2']])
    await singles()[0]?.end()
    expect(namesOf(singles())).toEqual([['a0'], ['a1'], ['a2'], ['b0']])
  })
})

describe('a lone item whose statement waits for a lock', () => {
  test('holds the lane up for a moment only, however often, and counts again after it', async () => {
    const { hand, sent, first } = await openBusyLane({ slowMax: 2 })
    let slow: Sent | undefined = first
    for (const name of ['second', 'third', 'fourth']) {
      const count = sent.length
      const [outcome] = hand(of('a', name))
      await turns()
      expect(sent).toHaveLength(count)
      await until(`${name} is sent`, () => sent.length > count)
      await slow?.end()
      slow = sent.at(-1)
      expect(slow?.names).toEqual([name])
      hand(of('a', 'waits'))
      await turns()
      expect(sent).toHaveLength(count + 1)
      await slow?.end()
      expect(await outcome).toBe(name.toUpperCase())
      slow = sent.at(-1)
    }
  })

  test('is overtaken as long as few are, so that they never take all connections', async () => {
    const { hand, sent, first } = await openBusyLane({ slowMax: 2 })
    for (const name of ['second', 'third']) {
      hand(of('a', name))
      await until(`${name} is sent`, () => sent.at(-1)?.names.includes(name))
    }
    hand(of('a', 'fourth'))
    const since = performance.now()
    await until('the third has waited, too', () => performance.now() - since > 2 * lockMomentMs)
    expect(namesOf(sent)).toEqual([['first'], ['second'], ['third']])
    await first.end()
    await sent[2]?.end()
    expect(namesOf(sent)).toEqual([['first'], ['second'], ['third'], ['fourth']])
  })
})

describe('a batch that PostgreSQL has undone', () => {
  test.each([
    ['lock timeout', '55P03'],
    ['deadlock', '40P01'],
    ['a value that no column takes', '22P02'],
    ['a unique key', '23505'],
    ['a null that the statement wrote to be undone', '23502'],
  ])('goes singly after %s: only the item that fails by itself fails', async (_, code) => {
    const { hand, sent, first, reports } = await openBusyLane({ slowMax: 3 })
    const [x, y, z] = hand(of('a', 'x'), of('b', 'y'), of('c', 'z'))
    await first.end()
    await sent[1]?.fail(databaseError(code))
    expect(reports.at(-1)).toMatchObject({ items: 3, singles: 3, isUndone: true })
    const singles = sent.slice(2)
    expect(singles.map(({ how, names }) => [how, ...names])).toEqual([
      ['single', 'x'],
      ['single', 'y'],
      ['single', 'z'],
    ])
    await singles[0]?.end()
    await singles[1]?.fail(databaseError('22P02'))
    await singles[2]?.end()
    expect([await x, await z]).toEqual(['X', 'Z'])
    await expect(y).rejects.toMatchObject({ code: '22P02' })
  })

  test('leaves the lane as it was: the next batch is sent', async () => {
    const { hand, sent, first } = await openBusyLane()
    hand(...many('a', 2))
    await first.end()
    hand(...many('b', 2))
    await sent[1]?.fail(databaseError('40P01'))
    expect(sent.at(-1)).toMatchObject({ how: 'batch', names: ['b0', 'b1'] })
  })
})

describe('when nobody knows what was committed, nothing is sent again', () => {
  test.each([
    ['the connection is lost', Object.assign(new Error('gone'), { code: 'ECONNRESET' })],
    ['pg has closed it', new Error('Connection terminated unexpectedly')],
    ['the server shuts down', databaseError('57P01', 'FATAL')],
    ['the statement is too slow', databaseError('57014')],
    ['a reply cannot be read', new Error('unexpected token')],
  ])('%s', async (_, error) => {
    const { hand, sent, first } = await openBusyLane()
    const outcomes = hand(of('a', 'x'), of('b', 'y'))
    await first.end()
    await sent[1]?.fail(error)
    expect(await Promise.allSettled(outcomes)).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ])
    expect(sent).toHaveLength(2)
  })

  test('a single statement that fails is not sent again, and the lane goes on', async () => {
    const { hand, sent } = await openBusyLane()
    const [next] = hand(of('a', 'next'))
    await sent[0]?.fail(databaseError('40P01'))
    expect(namesOf(sent)).toEqual([['first'], ['next']])
    await sent[1]?.fail(new Error('refused'))
    await expect(next).rejects.toThrow('refused')
  })

  test('an item that has no outcome fails; those before it are answered', async () => {
    const { hand, sent, first } = await openBusyLane()
    const [x, y] = hand(of('a', 'x'), of('a', 'y'))
    await first.end()
    await sent[1]?.end(['X'])
    expect(await x).toBe('X')
    await expect(y).rejects.toThrow('create lost an item')
    expect(sent).toHaveLength(2)
  })
})

describe('an item that cannot be served in time is refused as by a busy database', () => {
  const refusalOf = async (outcome: Promise<string> | undefined) => {
    const error = await outcome?.then(
      () => 'served',
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ message: expect.stringContaining('lane create') })
    return isDatabaseUnavailable(error)
  }

  test('when too many wait, of one tenant or of all', async () => {
    const { hand, first, sent } = await openBusyLane({ waitingMax: 3, waitingInLineMax: 2 })
    expect(await refusalOf(hand(...many('a', 3))[2])).toBe(true)
    const [, last] = hand(of('b', 'b0'), of('b', 'b1'))
    expect(await refusalOf(last)).toBe(true)
    await first.end()
    expect(sent[1]?.names).toEqual(['a0', 'b0', 'a1'])
    hand(of('c', 'c1'))
    await sent[1]?.end()
    expect(sent[2]?.names).toEqual(['c1'])
  })

  test('when all places are taken and its tenant has most: another’s item takes its place', async () => {
    const { hand, first, sent } = await openBusyLane({ waitingMax: 3, waitingInLineMax: 3 })
    const [, , shed] = hand(...many('a', 3))
    hand(of('b', 'b0'))
    expect(await refusalOf(shed)).toBe(true)
    await first.end()
    expect(sent[1]?.names).toEqual(['a0', 'b0', 'a1'])
  })

  test('when others wait before it for their locks for too long', async () => {
    const { hand, sent, first } = await openBusyLane({ waitMs: 30, slowMax: 1 })
    const [one, other] = hand(of('a', 'one'), of('b', 'other'))
    await first.end()
    await sent[1]?.end([skippedItem, skippedItem])
    const since = performance.now()
    await until('the other has waited for too long', () => performance.now() - since > 35)
    await sent[2]?.end()
    expect(await one).toBe('ONE')
    expect(await refusalOf(other)).toBe(true)
    expect(namesOf(sent.slice(2))).toEqual([['one']])
  })

  test('when it has waited for too long; nothing is sent of it', async () => {
    const { hand, first, sent } = await openBusyLane({ waitMs: 20 })
    const late = hand(of('a', 'late'), of('b', 'later'))
    const since = performance.now()
    await until('they have waited for too long', () => performance.now() - since > 25)
    const [fresh] = hand(of('a', 'fresh'))
    await first.end()
    expect(await Promise.all(late.map(refusalOf))).toEqual([true, true])
    expect(namesOf(sent.slice(1))).toEqual([['fresh']])
    await sent[1]?.end()
    expect(await fresh).toBe('FRESH')
  })
})

describe('an item whose caller is gone', () => {
  const withoutCaller = (tenant: string, name: string) => ({ ...of(tenant, name), isGone: true })

  test('is dropped before its statement, and counted', async () => {
    const { hand, sent, first, lanes } = await openBusyLane()
    const [, dropped] = hand(of('a', 'x'), withoutCaller('a', 'nobody'), of('a', 'y'))
    await first.end()
    expect(namesOf(sent.slice(1))).toEqual([['x', 'y']])
    expect(isDatabaseUnavailable(await dropped?.catch((error) => error))).toBe(true)
    expect([lanes.drops(), lanes.depths()]).toEqual([
      new Map([['create', 1]]),
      new Map([['create', 0]]),
    ])
  })

  test('is dropped before it goes singly', async () => {
    const { hand, sent, first } = await openBusyLane()
    const leaving = { ...of('a', 'leaving'), isGone: false }
    hand(of('a', 'x'), leaving)
    await first.end()
    leaving.isGone = true
    await sent[1]?.end(['X', skippedItem])
    expect(namesOf(sent)).toEqual([['first'], ['x', 'leaving']])
  })

  test.each([{ waitingInLineMax: 2 }, { waitingMax: 2 }])(
    'gives its place to others where the lane is full: %o',
    async (limits) => {
      const { hand, sent, first } = await openBusyLane(limits)
      hand(withoutCaller('a', 'nobody'), withoutCaller('a', 'none'))
      hand(of('a', 'x'), of('a', 'y'))
      await first.end()
      expect(namesOf(sent.slice(1))).toEqual([['x', 'y']])
    },
  )
})

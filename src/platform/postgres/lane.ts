// Batches of equal statements: requests that wait for the same kind of statement share the next
// one. The cost of a small statement is its round trip, its commit and its start, not its rows.

import { BatchingLane } from './batching-lane.ts'
import type { BatchReport, LaneLimits, LaneStatements } from './lane-statements.ts'
import type { Queries } from './queries.ts'
import { byPlace, type ListParams, type RowList } from './row-list.ts'
import { run, type Statement } from './statement.ts'

/**
 * Runs an item and resolves after its commit, or rejects as the single statement would. One whose
 * caller is gone before its statement begins is dropped.
 */
export type Lane<Item, Outcome> = (item: Item, isGone?: () => boolean) => Promise<Outcome>

/** docs/limits.md lists the figures. */
export const laneLimits = {
  inFlightMax: 2,
  itemsMax: 32,
  weightMax: 256,
  waitingMax: 4_096,
  waitingInLineMax: 1_024,
  waitMs: 1_000,
  slowMax: 2,
} as const satisfies LaneLimits

/**
 * A kind of read: its statement for many serves one as well, and it is never skipped. It returns
 * rows as they are, null where there is none, so that one that cannot be read fails its own item
 * only.
 */
export type ReadLane<Item extends object, Row extends { readonly n: number }> = Pick<
  LaneStatements<Item, Row | null>,
  'name' | 'lineOf'
> & {
  readonly statement: Statement<ListParams<'item', Item>, Row>
  readonly items: RowList<'item', Item>
}

export type Lanes = {
  openReads<Item extends object, Row extends { readonly n: number }>(
    queries: Queries,
    reads: ReadLane<Item, Row>,
  ): Lane<Item, Row | null>
  open<Item, Outcome>(statements: LaneStatements<Item, Outcome>): Lane<Item, Outcome>
  /** Items that wait now, by lane. */
  readonly depths: () => ReadonlyMap<string, number>
  /** Items that were dropped since the start because their callers were gone, by lane. */
  readonly drops: () => ReadonlyMap<string, number>
  /** Calls the listener after each batch, and after each single statement of a lone item. */
  listen(listener: (report: BatchReport) => void): void
}

/** Runs at most `max` pieces of work concurrently, in their order. */
function buildGate(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/** The lanes of one process, which share the capacity for items that go singly. */
export function buildLanes(limits: LaneLimits): Lanes {
  const listeners: ((report: BatchReport) => void)[] = []
  const report = (one: BatchReport) => {
    for (const listener of listeners) listener(one)
  }
  const lanes = new Map<string, { readonly depth: number; readonly drops: number }>()
  const slowly = buildGate(limits.slowMax)
  function open<Item, Outcome>(statements: LaneStatements<Item, Outcome>): Lane<Item, Outcome> {
    const lane = new BatchingLane(statements, limits, slowly, report)
    lanes.set(statements.name, lane)
    return (item, isGone) => lane.run(item, isGone)
  }
  return {
    open,
    openReads<Item extends object, Row extends { readonly n: number }>(
      queries: Queries,
      { statement, items, ...reads }: ReadLane<Item, Row>,
    ) {
      const batch = async (list: readonly Item[]) =>
        byPlace(await run(queries, statement, items.params(list)), list.length)
      const single = async (item: Item) => {
        const [row = null] = await batch([item])
        if (row instanceof Error) throw row
        return row
      }
      return open<Item, Row | null>({ ...reads, single, batch })
    },
    depths: () => new Map([...lanes].map(([name, { depth }]) => [name, depth])),
    drops: () => new Map([...lanes].map(([name, { drops }]) => [name, drops])),
    listen: (listener) => listeners.push(listener),
  }
}

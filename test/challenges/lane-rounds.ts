// A round of items, once singly and once in a batch, with the same disturbances.

import { lockWaiters, type Stores } from '../support/stores.ts'
import { until } from '../support/until.ts'
import type { Chance } from './lane-chance.ts'
import { early, runsOutMs, undoing } from './lane-disturbances.ts'
import type { Item } from './lane-items.ts'
import { holdersMax, type Pair, type Side } from './lane-pair.ts'

/**
 * When the item is disturbed: before, between the snapshot of its batch and the locks, or by a
 * transaction that holds its rows and then commits or not.
 */
type Mode = 'before' | 'stalled' | 'commit' | 'rollback'

export type Plan = {
  /** Rows may be held that no batch can skip. */
  readonly mayUndo: boolean
  /** The batch stands at the gate. */
  readonly isStalled: boolean
  /** The share of items with a value that undoes the statement. */
  readonly impossible: number
}

/** What the nth round is like. */
export const planRound = (n: number): Plan => ({
  mayUndo: n % 8 === 0 || n % 8 === 7,
  isStalled: n % 2 === 0,
  impossible: n % 8 === 3 ? 0.4 : 0,
})

type TimedDisturbance = {
  readonly item: Item
  readonly mode: Mode
  readonly sql: string
  readonly kind: string
}

function disturb(chance: Chance, { mayUndo, isStalled }: Plan, items: readonly Item[]) {
  let heldCount = 0
  return items.flatMap((item): TimedDisturbance[] => {
    const { disturbance } = item
    if (!disturbance) return []
    const { kind } = disturbance
    const canWait = !early.has(kind) && (mayUndo || !undoing.has(kind))
    const mode = chance.pick<Mode>([
      'before',
      ...(isStalled && canWait ? (['stalled', 'stalled'] as const) : []),
      ...(heldCount < holdersMax && canWait ? (['commit', 'rollback'] as const) : []),
    ])
    if (mode === 'commit' || mode === 'rollback') heldCount++
    return [{ item, mode, ...disturbance }]
  })
}

const isHeld = ({ mode }: TimedDisturbance) => mode === 'commit' || mode === 'rollback'

/** Disturbs before and holds what is to be held; resolves to what lets go of it. */
async function begin({ plain, holders }: Side, disturbances: readonly TimedDisturbance[]) {
  for (const { mode, sql } of disturbances) if (mode === 'before') await plain.query(sql)
  const holding = disturbances.filter(isHeld).map((one, index) => {
    const holder = holders[index]
    if (!holder) throw new Error('there is no transaction left to hold rows')
    return { holder, ...one }
  })
  for (const { holder, sql } of holding) {
    await holder.query('begin')
    await holder.query(sql)
  }
  return async () => {
    for (const { holder, mode } of holding) await holder.query(mode)
  }
}

async function stall({ plain }: Side, disturbances: readonly TimedDisturbance[]): Promise<void> {
  for (const { mode, sql } of disturbances) if (mode === 'stalled') await plain.query(sql)
}

/** The time of those is over that were given a moment before `since`. */
async function runOut(since: number, disturbances: readonly TimedDisturbance[]): Promise<void> {
  if (!disturbances.some(({ kind }) => kind === 'runs out')) return
  await until('time is over', () => performance.now() > since + 1.2 * runsOutMs)
}

/** What the caller of a store gets, with what must be equal on both ways. */
async function outcomeOf(stores: Stores, { send }: Item): Promise<string> {
  try {
    const outcome = await send(stores)
    if (typeof outcome === 'string') return outcome
    const { kind, pushes = [] } = outcome as {
      readonly kind: string
      readonly pushes?: readonly { readonly deviceId: string; readonly kind: string }[]
    }
    return [kind, ...pushes.map((push) => `${push.kind} ${push.deviceId}`).toSorted()].join(', ')
  } catch (error) {
    return `error ${(error as { readonly code?: string }).code ?? String(error)}`
  }
}

async function sendSingly(
  { singly }: Pair,
  items: readonly Item[],
  disturbances: readonly TimedDisturbance[],
): Promise<string[]> {
  const { stores } = singly
  const letGo = await begin(singly, disturbances)
  const since = performance.now()
  await stall(singly, disturbances)
  await runOut(since, disturbances)
  let answerCount = 0
  const first = items.filter(({ isTwin }) => !isTwin)
  const outcomes = new Map<Item, string>()
  const running = first.map(async (item) => {
    outcomes.set(item, await outcomeOf(stores, item))
    answerCount++
  })
  if (disturbances.some(isHeld)) {
    await until('each is answered or waits for a row', async () => {
      const waiting = await lockWaiters(stores)
      return answerCount + waiting >= first.length
    })
  }
  await letGo()
  await Promise.all(running)
  for (const item of items) {
    if (item.isTwin) outcomes.set(item, await outcomeOf(stores, item))
  }
  return items.map((item) => outcomes.get(item) ?? 'not sent')
}

async function sendInBatch(
  { batched, gate, reports }: Pair,
  items: readonly Item[],
  disturbances: readonly TimedDisturbance[],
  { isStalled }: Plan,
): Promise<string[]> {
  const letGo = await begin(batched, disturbances)
  const since = performance.now()
  const before = reports.length
  if (isStalled) await gate.close()
  else await runOut(since, disturbances)
  const running = Promise.all(items.map((item) => outcomeOf(batched.stores, item)))
  if (isStalled) {
    await gate.reached()
    await stall(batched, disturbances)
    await runOut(since, disturbances)
    await gate.open()
  }
  await until('the batch has ended', () => reports.length > before)
  await letGo()
  return running
}

export type Result = {
  readonly item: Item
  /** When it was disturbed. */
  readonly mode: Mode | null
  readonly singly: string
  readonly batched: string
}

/** The outcome of each item on both ways. */
export async function sendBothWays(
  pair: Pair,
  chance: Chance,
  plan: Plan,
  items: readonly Item[],
): Promise<Result[]> {
  const disturbances = disturb(chance, plan, items)
  const singleOutcomes = await sendSingly(pair, items, disturbances)
  const batchOutcomes = await sendInBatch(pair, items, disturbances, plan)
  return items.map((item, index) => ({
    item,
    mode: disturbances.find((one) => one.item === item)?.mode ?? null,
    singly: singleOutcomes[index] ?? 'nothing',
    batched: batchOutcomes[index] ?? 'nothing',
  }))
}

// What pushes, webhooks and callbacks to realms have in common: rows that this process has leased
// are sent, a bounded number of them concurrently, and their outcomes are stored.

import { buildPasses } from './passes.ts'

/** What an item shares with others that are limited together: an app, an endpoint, a realm. */
export type Lane = Readonly<Record<string, string>>

/** How many items of a lane are being sent. */
export type Load<L extends Lane> = L & { readonly inFlight: number }

export type Claimed<Item> = {
  readonly items: readonly Item[]
  /** False when all that was due has been claimed: then a slot that becomes free claims nothing. */
  readonly isMore: boolean
}

export type Claims<Item, L extends Lane> = {
  /** Items being sent at most, unless more are handed over. */
  readonly max: number
  /**
   * Leases due items, at most `limit`, and returns them. `loads` has every lane of which items are
   * being sent, so that a claim can limit each and be fair among them.
   */
  claim(limit: number, loads: readonly Load<L>[]): Promise<Claimed<Item>>
  /** A claim failed; the next call of `work` repeats it. */
  onNotClaimed(error: unknown): void
}

export type Settlements<Outcome> = {
  /** How long the first outcome waits for others. */
  readonly everyMs: number
  /** Stores outcomes; each counts only while the lease is still held. */
  write(outcomes: readonly Outcome[]): Promise<void>
  /** So many outcomes were not stored: their leases run out, and the items are sent again. */
  onNotWritten(error: unknown, count: number): void
}

export type LeasedSenderOptions<Item, L extends Lane, Outcome> = {
  /** Sends one item, once. A rejection stores nothing: the lease runs out. */
  send(item: Item): Promise<Outcome>
  onNotSent(error: unknown, item: Item): void
  laneOf(item: Item): L
  /** Without it items are only handed over. */
  readonly claims?: Claims<Item, L>
  /** Without it `send` itself stores the outcome. */
  readonly settlements?: Settlements<Outcome>
}

export type LeasedSender<Item, L extends Lane> = {
  /**
   * Hands over items whose rows are committed and leased by this process. Each is sent immediately,
   * before this returns; never waits, takes no statement, and is not limited by `claims.max`.
   */
  take(items: readonly Item[]): void
  /**
   * Claims what is due as long as there are free slots; a call during a claim causes one more after
   * it. Resolves after a claim that began after the call, whether or not more is due by then.
   */
  work(): Promise<void>
  /** True while more may be due than was claimed. */
  isMoreDue(): boolean
  /** Items taken whose outcome is not stored yet. */
  inFlight(): number
  loads(): Load<L>[]
  /** Claims no more, and waits until everything taken is sent and its outcome stored. */
  drain(): Promise<void>
}

const batchMax = 500

/** Collects outcomes and stores them in batches, one batch at a time. */
function buildSettling<Outcome>({ everyMs, write, onNotWritten }: Settlements<Outcome>) {
  const waiting: Outcome[] = []
  let writingCount = 0
  let running: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, everyMs))
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchMax)
      writingCount = batch.length
      try {
        await write(batch)
      } catch (error) {
        onNotWritten(error, batch.length)
      }
      writingCount = 0
    }
    running = undefined
  }

  return {
    add(outcome: Outcome): void {
      waiting.push(outcome)
      running ??= writeAll()
    },
    count: () => waiting.length + writingCount,
    finish: async () => running,
  }
}

/** Counts items by their lane. */
function buildLoads<L extends Lane>() {
  const loads = new Map<string, { readonly lane: L; inFlight: number }>()
  return {
    /** Counts one more of the lane, until the returned function is called. */
    add(lane: L): () => void {
      const name = Object.values(lane).join(' ')
      const load = loads.get(name) ?? { lane, inFlight: 0 }
      loads.set(name, load)
      load.inFlight += 1
      return () => {
        load.inFlight -= 1
        if (load.inFlight === 0) loads.delete(name)
      }
    },
    list: (): Load<L>[] => [...loads.values()].map(({ lane, inFlight }) => ({ ...lane, inFlight })),
  }
}

/**
 * Guarantees, for each of its users:
 * - Nothing is sent that is not leased: items come from a claim, or are handed over as leased.
 * - One claim runs at a time and for free slots only, so claimed items never exceed `max`. A slot
 *   that becomes free is offered at once to what waits in the queue, if anything may.
 * - Every item is sent once. Its outcome is stored in a batch with others; a send that rejects, or
 *   a batch that cannot be stored, leaves the leases to run out. If the process dies, they are free
 *   immediately (src/platform/work/holder-watch.ts). Either way another process sends the items
 *   again.
 * - After `drain` nothing that was taken is left in memory.
 */
export function buildLeasedSender<Item, L extends Lane, Outcome>(
  options: LeasedSenderOptions<Item, L, Outcome>,
): LeasedSender<Item, L> {
  const { claims } = options
  const settling = options.settlements && buildSettling(options.settlements)
  const sending = new Set<Promise<void>>()
  const loads = buildLoads<L>()
  const passes = buildPasses(pass)
  let isMoreDue = false
  let isDraining = false

  async function send(item: Item): Promise<void> {
    try {
      const outcome = await options.send(item)
      settling?.add(outcome)
    } catch (error) {
      options.onNotSent(error, item)
    }
  }

  function take(items: readonly Item[]): void {
    for (const item of items) {
      const release = loads.add(options.laneOf(item))
      const running = send(item).finally(() => {
        sending.delete(running)
        release()
        if (isMoreDue) void work()
      })
      sending.add(running)
    }
  }

  async function pass(): Promise<void> {
    if (!claims || isDraining) return
    // Also while it runs: a slot that becomes free then is not in its loads.
    isMoreDue = true
    const limit = claims.max - sending.size
    if (limit <= 0) return
    try {
      const { items, isMore } = await claims.claim(limit, loads.list())
      isMoreDue = isMore
      take(items)
    } catch (error) {
      claims.onNotClaimed(error)
    }
  }

  /** Passes run one after another: two at once would claim for the same slots. */
  async function work(): Promise<void> {
    if (claims && !isDraining) await passes.run()
  }

  return {
    take,
    work,
    isMoreDue: () => isMoreDue,
    inFlight: () => sending.size + (settling?.count() ?? 0),
    loads: loads.list,
    async drain() {
      isDraining = true
      await passes.settled()
      while (sending.size > 0 || (settling && settling.count() > 0)) {
        await Promise.all(sending)
        await settling?.finish()
      }
    },
  }
}

import { isDatabaseUnavailable } from './database-errors.ts'
import {
  type BatchReport,
  type LaneLimits,
  type LaneStatements,
  lockMomentMs,
  skippedItem,
} from './lane-statements.ts'

/**
 * Too many wait for this kind of statement, or this has waited for too long: as when the database
 * has no capacity (SQLSTATE class 53), the same request is worth retrying.
 */
class LaneBusy extends Error {
  readonly code = '53000'

  constructor(lane: string) {
    super(`too many requests wait for the database (lane ${lane})`)
  }
}

/** The connection of the caller was closed while its item waited: nobody would read the outcome. */
class CallerGone extends Error {
  readonly code = '53000'

  constructor(lane: string) {
    super(`the caller is gone (lane ${lane})`)
  }
}

type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly isGone: (() => boolean) | undefined
  readonly at: number
  readonly resolve: (outcome: Outcome | Promise<Outcome>) => void
  readonly reject: (error: unknown) => void
}

/** Collects the items of one kind, and runs a statement for all that have arrived. */
export class BatchingLane<Item, Outcome> {
  readonly #statements: LaneStatements<Item, Outcome>
  readonly #limits: LaneLimits
  readonly #slowly: <T>(work: () => Promise<T>) => Promise<T>
  readonly #report: (report: BatchReport) => void
  /** By name, in the order in which they are served. */
  readonly #lines = new Map<string, Waiting<Item, Outcome>[]>()
  #waiting = 0
  #drops = 0
  #inFlight = 0
  /** Single statements that take longer than a moment. */
  #overtaken = 0
  #isScheduled = false

  constructor(
    statements: LaneStatements<Item, Outcome>,
    limits: LaneLimits,
    slowly: <T>(work: () => Promise<T>) => Promise<T>,
    report: (report: BatchReport) => void,
  ) {
    this.#statements = statements
    this.#limits = limits
    this.#slowly = slowly
    this.#report = report
  }

  get depth(): number {
    return this.#waiting
  }

  get drops(): number {
    return this.#drops
  }

  run(item: Item, isGone?: () => boolean): Promise<Outcome> {
    const name = this.#statements.lineOf(item)
    const line = this.#lines.get(name) ?? []
    if (!this.#makeRoom(line)) return Promise.reject(new LaneBusy(this.#statements.name))
    return new Promise((resolve, reject) => {
      line.push({ item, isGone, at: performance.now(), resolve, reject })
      this.#lines.set(name, line)
      this.#waiting++
      this.#schedule()
    })
  }

  /**
   * Who is gone gives its place to others, and a long line its last one to a shorter: it keeps
   * nobody out.
   */
  #makeRoom(line: Waiting<Item, Outcome>[]): boolean {
    const { waitingMax, waitingInLineMax } = this.#limits
    if (line.length >= waitingInLineMax) this.#dropGone(line)
    if (line.length >= waitingInLineMax) return false
    if (this.#waiting < waitingMax) return true
    let longest: Waiting<Item, Outcome>[] = []
    for (const other of this.#lines.values()) if (other.length > longest.length) longest = other
    this.#dropGone(longest)
    if (this.#waiting < waitingMax) return true
    if (longest.length <= line.length + 1) return false
    longest.pop()?.reject(new LaneBusy(this.#statements.name))
    this.#waiting--
    return true
  }

  /**
   * Not at once: the requests that the operating system has handed over together are still being
   * read, one after the other, and a batch of one is the dearest.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= this.#limits.inFlightMax) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#begin()
    })
  }

  #begin(): void {
    const entries = this.#take()
    if (entries.length === 0) return
    this.#inFlight++
    let isCounted = true
    const end = () => {
      if (isCounted) this.#inFlight--
      isCounted = false
      if (this.#waiting > 0) this.#schedule()
    }
    const overtake = entries.length === 1 ? this.#overtakeAfterMoment(end) : undefined
    const finish = () => {
      overtake?.[Symbol.dispose]()
      end()
    }
    this.#send(entries).then(finish, finish)
    if (this.#waiting > 0) this.#schedule()
  }

  /**
   * A single statement may wait for a locked row, and a lane must not wait with it: after a moment
   * it no longer counts, as long as few others do so.
   */
  #overtakeAfterMoment(end: () => void): Disposable {
    let isOvertaken = false
    const timer = setInterval(() => {
      if (this.#overtaken >= this.#limits.slowMax) return
      clearInterval(timer)
      isOvertaken = true
      this.#overtaken++
      end()
    }, lockMomentMs)
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer)
        if (isOvertaken) this.#overtaken--
      },
    }
  }

  /** The next batch: one item of each line, then the second of each, and so on. */
  #take(): Waiting<Item, Outcome>[] {
    const { itemsMax, weightMax, waitMs } = this.#limits
    const oldest = performance.now() - waitMs
    const entries: Waiting<Item, Outcome>[] = []
    let weight = 0
    while (this.#waiting > 0 && entries.length < itemsMax && weight < weightMax) {
      const [name, line] = this.#lines.entries().next().value as [string, Waiting<Item, Outcome>[]]
      this.#lines.delete(name)
      const entry = line.shift()
      if (!entry) continue
      if (line.length > 0) this.#lines.set(name, line)
      this.#waiting--
      if (this.#dropIfGone(entry)) continue
      if (entry.at < oldest) {
        entry.reject(new LaneBusy(this.#statements.name))
      } else {
        entries.push(entry)
        weight += this.#statements.weightOf?.(entry.item) ?? 1
      }
    }
    return entries
  }

  #dropGone(line: Waiting<Item, Outcome>[]): void {
    const stayingEntries = line.filter((entry) => !this.#dropIfGone(entry))
    this.#waiting -= line.length - stayingEntries.length
    line.splice(0, line.length, ...stayingEntries)
  }

  #dropIfGone({ isGone, reject }: Waiting<Item, Outcome>): boolean {
    if (isGone?.() !== true) return false
    this.#drops++
    reject(new CallerGone(this.#statements.name))
    return true
  }

  async #send(entries: readonly Waiting<Item, Outcome>[]): Promise<void> {
    const [first] = entries
    if (!first) return
    const startedAt = performance.now()
    const reportWith = (counts: Pick<BatchReport, 'singles' | 'isUndone'>) =>
      this.#report({
        lane: this.#statements.name,
        items: entries.length,
        ms: performance.now() - startedAt,
        waitedMs: startedAt - first.at,
        ...counts,
      })
    if (entries.length === 1) {
      await this.#statements.single(first.item).then(first.resolve, first.reject)
      return reportWith({ singles: 0, isUndone: false })
    }
    try {
      const outcomes = await this.#statements.batch(entries.map(({ item }) => item))
      let skips = 0
      for (const [index, entry] of entries.entries()) {
        const outcome = outcomes[index]
        if (outcome === skippedItem) {
          skips++
          this.#sendSlowly(entry)
        } else if (outcome === undefined) {
          entry.reject(new Error(`${this.#statements.name} lost an item`))
        } else if (outcome instanceof Error) {
          entry.reject(outcome)
        } else {
          entry.resolve(outcome)
        }
      }
      reportWith({ singles: skips, isUndone: false })
    } catch (error) {
      const isUndone = isUndoing(error)
      for (const entry of entries) {
        if (isUndone) this.#sendSlowly(entry)
        else entry.reject(error)
      }
      reportWith({ singles: isUndone ? entries.length : 0, isUndone })
    }
  }

  #sendSlowly(entry: Waiting<Item, Outcome>): void {
    const { item, resolve, reject } = entry
    const at = performance.now()
    this.#slowly(async () => {
      if (this.#dropIfGone(entry)) throw new CallerGone(this.#statements.name)
      // Those before it may have waited for their locks for as long as a statement may take.
      if (performance.now() - at > this.#limits.waitMs) throw new LaneBusy(this.#statements.name)
      return this.#statements.single(item)
    }).then(resolve, reject)
  }
}

// Lock timeout and deadlock.
const undoingCodes = new Set(['55P03', '40P01'])

/**
 * Whether PostgreSQL has undone a batch because of one of its items, so that each may be tried
 * singly. After any other fault nobody knows what was committed.
 */
function isUndoing(error: unknown): boolean {
  const { severity, code } = error as { readonly severity?: unknown; readonly code?: unknown }
  if (severity !== 'ERROR') return false
  return undoingCodes.has(String(code)) || !isDatabaseUnavailable(error)
}

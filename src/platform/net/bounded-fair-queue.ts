import { type Refusal, refuse } from '../../domain/refusal.ts'
import type { FairQueue, UserQueue } from '../fair-queue.ts'

export type FairQueueLimits = {
  /** Tasks that run concurrently, of all lines and of one. */
  readonly running: number
  readonly runningInLine: number
  /** Tasks that wait, of all lines and of one. */
  readonly waiting: number
  readonly waitingInLine: number
  /** The longest wait of a task. */
  readonly waitMs: number
  /**
   * A refusal is delayed by this time, for so many concurrently: clients that retry as soon as they
   * are refused would otherwise cause more load the less capacity there is.
   */
  readonly refusalMs: number
  readonly refusals: number
}

type Waiter = { readonly begin: () => void; readonly turnAway: () => void }

/** Who a line belongs to; `orders` go before all others. */
type Owner = 'others' | 'own' | 'orders'

type Ownership = { readonly owner?: Owner; readonly holder?: string | null }

/**
 * What the lines of one holder have running and waiting together; a line that is not shared is its
 * own holder.
 */
type Holder = { readonly name: string | null; running: number; waiting: number }

/**
 * The queue of one client. `running` counts its running tasks; a line without running or waiting
 * tasks is dropped.
 */
type Line = {
  readonly name: string
  readonly owner: Owner
  /** Who has this line, and perhaps others. */
  readonly holder: Holder
  readonly waiting: Waiter[]
  running: number
}

const retryAfterSeconds = 1

class BoundedFairQueue implements FairQueue {
  readonly #limits: FairQueueLimits
  readonly #lines = new Map<string, Line>()
  /** Those who have several lines. */
  readonly #holders = new Map<string, Holder>()
  /**
   * Lines that may start a task, the one first that has waited longest since its last (round
   * robin).
   */
  readonly #ready = new Set<Line>()
  #running = 0
  #waiting = 0
  #refusals = 0

  constructor(limits: FairQueueLimits) {
    this.#limits = limits
  }

  get isIdle(): boolean {
    return this.#lines.size === 0
  }

  /**
   * A line of the owner's own finds room regardless of the number of other lines, and orders
   * regardless of anything that waits.
   */
  run<T>(
    name: string,
    work: () => Promise<T>,
    { owner = 'others', holder = null }: Ownership = {},
  ): Promise<T | Refusal<'too_many_requests'>> {
    const line = this.#lines.get(name) ?? {
      name,
      owner,
      holder: this.#holderOf(holder),
      waiting: [],
      running: 0,
    }
    this.#lines.set(name, line)
    if (line.waiting.length === 0 && this.#isFree(line)) return this.#run(line, work)
    if (this.#makeRoom(line)) return this.#wait(line, work)
    this.#forgetIfEmpty(line)
    return this.#refuse()
  }

  #holderOf(name: string | null): Holder {
    const holder = (name === null ? undefined : this.#holders.get(name)) ?? {
      name,
      running: 0,
      waiting: 0,
    }
    if (name !== null) this.#holders.set(name, holder)
    return holder
  }

  /** A holder takes no more slots than are then left free, so that others always find one. */
  #isFree({ running, holder }: Line): boolean {
    const free = this.#limits.running - this.#running
    const isFair = holder.name === null || holder.running < free
    return free > 0 && running < this.#limits.runningInLine && isFair
  }

  /**
   * A task of a shorter line replaces the last one of the longest line of the holder with most
   * tasks waiting. When there are as many lines as slots, none is longer: a client that makes up a
   * name for each attempt would keep the owner out.
   */
  #makeRoom(line: Line): boolean {
    if (line.waiting.length >= this.#limits.waitingInLine) return false
    if (this.#waiting < this.#limits.waiting) return true
    let longest: Line | undefined
    for (const other of this.#lines.values()) {
      if (other.waiting.length > 0 && yields(other, line) && isLonger(other, longest))
        longest = other
    }
    if (longest === undefined) return false
    longest.waiting.at(-1)?.turnAway()
    return true
  }

  async #refuse(): Promise<Refusal<'too_many_requests'>> {
    const { refusalMs, refusals } = this.#limits
    if (refusalMs > 0 && this.#refusals < refusals) {
      this.#refusals++
      await new Promise((resolve) => setTimeout(resolve, refusalMs))
      this.#refusals--
    }
    return tooMany()
  }

  #wait<T>(line: Line, work: () => Promise<T>): Promise<T | Refusal<'too_many_requests'>> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.turnAway(), this.#limits.waitMs)
      const waiter: Waiter = {
        begin: () => {
          clearTimeout(timer)
          resolve(this.#run(line, work))
        },
        turnAway: () => {
          clearTimeout(timer)
          line.waiting.splice(line.waiting.indexOf(waiter), 1)
          this.#count(line, -1)
          if (line.waiting.length === 0) this.#ready.delete(line)
          this.#forgetIfEmpty(line)
          resolve(tooMany())
        },
      }
      line.waiting.push(waiter)
      this.#count(line, 1)
      if (line.running < this.#limits.runningInLine) this.#ready.add(line)
    })
  }

  #count({ holder }: Line, waiting: 1 | -1): void {
    this.#waiting += waiting
    holder.waiting += waiting
  }

  async #run<T>(line: Line, work: () => Promise<T>): Promise<T> {
    line.running++
    line.holder.running++
    this.#running++
    try {
      return await work()
    } finally {
      line.running--
      line.holder.running--
      this.#running--
      if (line.waiting.length > 0) this.#ready.add(line)
      this.#forgetIfEmpty(line)
      this.#beginNext()
    }
  }

  #beginNext(): void {
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      this.#ready.delete(line)
      const waiter = line.waiting.shift()
      this.#count(line, -1)
      waiter?.begin()
      // Behind all other waiting lines.
      if (line.waiting.length > 0 && line.running < this.#limits.runningInLine)
        this.#ready.add(line)
    }
  }

  #next(): Line | undefined {
    if (this.#running >= this.#limits.running) return undefined
    let first: Line | undefined
    for (const line of this.#ready) {
      if (!this.#isFree(line)) continue
      if (line.owner === 'orders') return line
      first ??= line
    }
    return first
  }

  #forgetIfEmpty(line: Line): void {
    if (line.waiting.length === 0 && line.running === 0) this.#lines.delete(line.name)
    const { name, waiting, running } = line.holder
    if (name !== null && waiting === 0 && running === 0) this.#holders.delete(name)
  }
}

/** Whether the last waiting task of a line gives its slot to another line. */
function yields(line: Line, to: Line): boolean {
  if (line.owner === 'orders' && to.owner !== 'orders') return false
  if (to.owner === 'orders' && line.owner !== 'orders') return true
  const lead = to.owner === 'own' && line.owner !== 'own' ? 0 : 1
  return line.holder === to.holder
    ? line.waiting.length > to.waiting.length + lead
    : line.holder.waiting > to.holder.waiting + lead
}

function isLonger(line: Line, than: Line | undefined): boolean {
  if (than === undefined) return true
  const more = line.holder.waiting - than.holder.waiting
  return more > 0 || (more === 0 && line.waiting.length > than.waiting.length)
}

const tooMany = () => refuse('too_many_requests', { retryAfterSeconds })

/** A fair queue within these limits. */
export function buildFairQueue(limits: FairQueueLimits): FairQueue {
  return new BoundedFairQueue(limits)
}

/**
 * Lines of the user's own devices and sessions; anyone who knows the user's name can open the
 * others.
 */
const ownLine = /^(?:device|portal):/
/** Lines of orders by an API key, which no page places for its visitors. */
const orderLine = /^api_key:/

function ownerOf(line: string): Owner {
  if (orderLine.test(line)) return 'orders'
  return ownLine.test(line) ? 'own' : 'others'
}

/** One fair queue per user within these limits; idle ones are dropped. */
export function buildUserQueue(limits: FairQueueLimits): UserQueue {
  const queues = new Map<string, BoundedFairQueue>()
  return {
    async run({ tenantId, userId }, line, work) {
      const user = `${tenantId} ${userId}`
      const queue = queues.get(user) ?? new BoundedFairQueue(limits)
      queues.set(user, queue)
      try {
        return await queue.run(line, work, { owner: ownerOf(line) })
      } finally {
        if (queue.isIdle && queues.get(user) === queue) queues.delete(user)
      }
    },
  }
}

import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Turns, UserTurns } from '../ports/turns.ts'

export type TurnLimits = {
  /** Works under way at once, of all lines and of one. */
  readonly running: number
  readonly runningInLine: number
  /** Works that wait, of all lines and of one. */
  readonly waiting: number
  readonly waitingInLine: number
  /** Longest time that one waits. */
  readonly waitMs: number
  /**
   * A refusal takes this time, of so many at once: whoever asks again as soon as they are refused would cost more the less
   * there is for them.
   */
  readonly refusalMs: number
  readonly refusals: number
}

type Waiter = { readonly begin: () => void; readonly turnAway: () => void }

/** Whose a line is; `orders` go before all others. */
type Owner = 'others' | 'own' | 'orders'

type Whose = { readonly owner?: Owner; readonly holder?: string | null }

/** What lines of one holder have under way and waiting together; a line that nobody shares holds itself. */
type Holder = { readonly name: string | null; running: number; waiting: number }

/** `running` counts what is under way; a line without either is forgotten. */
type Line = {
  readonly name: string
  readonly owner: Owner
  /** Who has this line, and perhaps others. */
  readonly holder: Holder
  readonly waiting: Waiter[]
  running: number
}

const retryAfterSeconds = 1

class BoundedTurns implements Turns {
  readonly #limits: TurnLimits
  readonly #lines = new Map<string, Line>()
  /** Those who have several lines. */
  readonly #holders = new Map<string, Holder>()
  /** Lines that may begin something, the one first that has not had a turn for the longest time. */
  readonly #ready = new Set<Line>()
  #running = 0
  #waiting = 0
  #refusals = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  get isIdle(): boolean {
    return this.#lines.size === 0
  }

  /** What is the owner's own finds room however many lines of others there are, and orders whatever else waits. */
  take<T>(
    name: string,
    work: () => Promise<T>,
    { owner = 'others', holder = null }: Whose = {},
  ): Promise<T | Refusal> {
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

  /** Whoever has several lines takes no more places than are then left free, so that there is always one for others. */
  #isFree({ running, holder }: Line): boolean {
    const free = this.#limits.running - this.#running
    const isFair = holder.name === null || holder.running < free
    return free > 0 && running < this.#limits.runningInLine && isFair
  }

  /**
   * Whoever is alone in a line gets the place of the last one of the longest line, of whoever has most waiting. Where lines are as many as places, none is
   * longer: whoever makes up a name for each try would keep the owner out.
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

  async #refuse(): Promise<Refusal> {
    const { refusalMs, refusals } = this.#limits
    if (refusalMs > 0 && this.#refusals < refusals) {
      this.#refusals++
      await new Promise((resolve) => setTimeout(resolve, refusalMs))
      this.#refusals--
    }
    return tooMany()
  }

  #wait<T>(line: Line, work: () => Promise<T>): Promise<T | Refusal> {
    return new Promise((resolve) => {
      const late = setTimeout(() => waiter.turnAway(), this.#limits.waitMs)
      const waiter: Waiter = {
        begin: () => {
          clearTimeout(late)
          resolve(this.#run(line, work))
        },
        turnAway: () => {
          clearTimeout(late)
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
      // Behind all others that wait.
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

/** Whether the last one of a line that waits gives its place to another line. */
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

/** Turns within these limits. */
export function createTurns(limits: TurnLimits): Turns {
  return new BoundedTurns(limits)
}

/** Lines of the user's own devices and sessions; all others can be had by whoever knows the user's name. */
const ownLine = /^(?:device|portal):/
/** Lines of what an API key orders of its own accord: no page has it done for whoever visits. */
const orderLine = /^api_key:/

function ownerOf(line: string): Owner {
  if (orderLine.test(line)) return 'orders'
  return ownLine.test(line) ? 'own' : 'others'
}

/** Turns for each user within these limits; what nobody waits for is forgotten. */
export function createUserTurns(limits: TurnLimits): UserTurns {
  const users = new Map<string, BoundedTurns>()
  return {
    async take({ tenantId, userId }, line, work) {
      const user = `${tenantId} ${userId}`
      const turns = users.get(user) ?? new BoundedTurns(limits)
      users.set(user, turns)
      try {
        return await turns.take(line, work, { owner: ownerOf(line) })
      } finally {
        if (turns.isIdle && users.get(user) === turns) users.delete(user)
      }
    },
  }
}

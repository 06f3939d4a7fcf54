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

/** `running` counts what is under way; a line without either is forgotten. */
type Line = {
  readonly name: string
  readonly owner: Owner
  readonly waiting: Waiter[]
  running: number
}

const retryAfterSeconds = 1

class BoundedTurns implements Turns {
  readonly #limits: TurnLimits
  readonly #lines = new Map<string, Line>()
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
  take<T>(name: string, work: () => Promise<T>, owner: Owner = 'others'): Promise<T | Refusal> {
    const line = this.#lines.get(name) ?? { name, owner, waiting: [], running: 0 }
    this.#lines.set(name, line)
    if (line.waiting.length === 0 && this.#isFree(line)) return this.#run(line, work)
    if (this.#makeRoom(line)) return this.#wait(line, work)
    this.#forgetIfEmpty(line)
    return this.#refuse()
  }

  #isFree(line: Line): boolean {
    return this.#running < this.#limits.running && line.running < this.#limits.runningInLine
  }

  /**
   * Whoever is alone in a line gets the place of the last one of the longest line. Where lines are as many as places, none is
   * longer: whoever makes up a name for each try would keep the owner out.
   */
  #makeRoom(line: Line): boolean {
    if (line.waiting.length >= this.#limits.waitingInLine) return false
    if (this.#waiting < this.#limits.waiting) return true
    let longest: Line | undefined
    for (const other of this.#lines.values()) {
      const isLonger = other.waiting.length > yieldsFrom(other, line)
      if (isLonger && other.waiting.length > (longest?.waiting.length ?? 0)) longest = other
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
          this.#waiting--
          if (line.waiting.length === 0) this.#ready.delete(line)
          this.#forgetIfEmpty(line)
          resolve(tooMany())
        },
      }
      line.waiting.push(waiter)
      this.#waiting++
      if (line.running < this.#limits.runningInLine) this.#ready.add(line)
    })
  }

  async #run<T>(line: Line, work: () => Promise<T>): Promise<T> {
    line.running++
    this.#running++
    try {
      return await work()
    } finally {
      line.running--
      this.#running--
      if (line.waiting.length > 0) this.#ready.add(line)
      this.#forgetIfEmpty(line)
      this.#beginNext()
    }
  }

  #beginNext(): void {
    while (this.#running < this.#limits.running) {
      const line = this.#next()
      if (line === undefined) return
      this.#ready.delete(line)
      const waiter = line.waiting.shift()
      this.#waiting--
      waiter?.begin()
      // Behind all others that wait.
      if (line.waiting.length > 0 && line.running < this.#limits.runningInLine)
        this.#ready.add(line)
    }
  }

  #next(): Line | undefined {
    for (const line of this.#ready) if (line.owner === 'orders') return line
    const [first] = this.#ready
    return first
  }

  #forgetIfEmpty(line: Line): void {
    if (line.waiting.length === 0 && line.running === 0) this.#lines.delete(line.name)
  }
}

/** How long a line may be before it gives a place to another one. */
function yieldsFrom(line: Line, to: Line): number {
  if (line.owner === 'orders' && to.owner !== 'orders') return Number.POSITIVE_INFINITY
  if (to.owner === 'orders' && line.owner !== 'orders') return 0
  return to.waiting.length + (to.owner === 'own' && line.owner !== 'own' ? 0 : 1)
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
        return await turns.take(line, work, ownerOf(line))
      } finally {
        if (turns.isIdle && users.get(user) === turns) users.delete(user)
      }
    },
  }
}

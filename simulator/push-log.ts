import type { FaultProvider } from './faults.ts'
import type { AcceptedPush, PushDraft } from './pushes.ts'

/** One request that reached a gateway, with any outcome. */
export type Exchange = {
  readonly sequence: number
  readonly at: number
  readonly provider: FaultProvider
  /** The HTTP status; 0 when a fault left the request without an answer. */
  readonly status: number
  /** The provider's reason or error code; absent for a success. */
  readonly reason?: string
  readonly token?: string
  /** The kind of fault that was applied, if any. */
  readonly fault?: string
}

/** Counts since the start or the last `clear`; unlike the entries these are never dropped. */
export type Counts = Readonly<
  Record<FaultProvider, { readonly answered: Readonly<Record<string, number>> }>
> & { readonly accepted: number }

/**
 * A bounded list that drops its oldest entries; dropping half at a time keeps `push` at constant
 * cost.
 */
class BoundedList<T> {
  #entries: T[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  push(entry: T): void {
    this.#entries.push(entry)
    if (this.#entries.length >= 2 * this.#limit) this.clear(this.#limit)
  }

  entries(): readonly T[] {
    return this.#entries.slice(-this.#limit)
  }

  clear(keep = 0): void {
    this.#entries = keep === 0 ? [] : this.#entries.slice(-keep)
  }
}

/** The requests to the gateways and the accepted pushes, the newest `limit` of each. */
export class PushLog {
  readonly #accepted: BoundedList<AcceptedPush>
  readonly #exchanges: BoundedList<Exchange>
  #answered = new Map<string, number>()
  #acceptedCount = 0
  #sequence = 0
  #exchangeSequence = 0

  constructor(limit: number) {
    this.#accepted = new BoundedList(limit)
    this.#exchanges = new BoundedList(limit)
  }

  /** Accepted pushes, oldest first; optionally of one token. */
  acceptedPushes(token?: string): readonly AcceptedPush[] {
    const all = this.#accepted.entries()
    return token === undefined ? all : all.filter((push) => push.token === token)
  }

  /** Accepted pushes with a higher `sequence`, oldest first. */
  since(sequence: number): readonly AcceptedPush[] {
    return this.#accepted.entries().filter((push) => push.sequence > sequence)
  }

  /** Requests that reached a gateway, oldest first; optionally those that match a filter. */
  exchanges(filter: Partial<Exchange> = {}): readonly Exchange[] {
    const conditions = Object.entries(filter)
    return this.#exchanges
      .entries()
      .filter((exchange) =>
        conditions.every(([name, value]) => exchange[name as keyof Exchange] === value),
      )
  }

  /**
   * Totals: accepted pushes, and answers per provider by reason (`ok` for a success, `none` for no
   * answer).
   */
  counts(): Counts {
    const of = (provider: string): { answered: Record<string, number> } => {
      const own = [...this.#answered].filter(([name]) => name.startsWith(`${provider} `))
      const answers = own.map(([name, count]) => [name.slice(provider.length + 1), count])
      return { answered: Object.fromEntries(answers) }
    }
    const google = { fcm: of('fcm'), oauth: of('oauth') }
    return {
      accepted: this.#acceptedCount,
      apns: of('apns'),
      ...google,
      web_push: of('web_push'),
    }
  }

  /** Deletes entries and totals; sequences go on. */
  clear(): void {
    this.#accepted.clear()
    this.#exchanges.clear()
    this.#answered.clear()
    this.#acceptedCount = 0
  }

  /** For the gateways: numbers an accepted push and stores it. */
  accept(draft: PushDraft): AcceptedPush {
    this.#sequence += 1
    this.#acceptedCount += 1
    const push: AcceptedPush = { ...draft, sequence: this.#sequence }
    this.#accepted.push(push)
    return push
  }

  /** For the gateways: stores the outcome of a request. */
  record(exchange: Omit<Exchange, 'sequence'>): void {
    this.#exchangeSequence += 1
    this.#exchanges.push({ ...exchange, sequence: this.#exchangeSequence })
    const outcome = exchange.status === 0 ? 'none' : (exchange.reason ?? 'ok')
    const name = `${exchange.provider} ${outcome}`
    this.#answered.set(name, (this.#answered.get(name) ?? 0) + 1)
  }
}

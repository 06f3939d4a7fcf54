// The one clock of an installation: the database's, carried from one question to the next by this machine's monotonic one.

import type { Clock } from '../ports/world.ts'

export type DatabaseClock = Clock & {
  /** By how much the machine's wall clock is ahead of the database's, in milliseconds. Compensated; for operators to see. */
  offsetMs(): number
  /** False when the database's time could not be learned for a minute. */
  isKnown(): boolean
  /** Learns the time now; rejects when the database does not tell it. Callers at the same time share one round. */
  learn(): Promise<void>
  /** Learns it soon, because the database may be another one: at most once a second, never throws. */
  doubt(): void
  close(): Promise<void>
}

export type DatabaseClockOptions = {
  /** The database's time in milliseconds since the epoch; rejects when it does not tell it. */
  readonly ask: () => Promise<number>
  readonly log: { warn(facts: Record<string, unknown>, message: string): void }
  /** The machine's wall clock, in milliseconds since the epoch. It may jump. */
  readonly wall?: () => number
  /** The machine's clock that never jumps, in milliseconds. */
  readonly monotonic?: () => number
  readonly everyMs?: number
}

/** The database's time at a moment of the monotonic clock, and by how much it may be wrong. */
type Sample = { readonly at: number; readonly time: number; readonly errorMs: number }

const samplesMax = 5
/** A sample as good as this ends the round. */
const errorMsGood = 2
/** How far two clocks may run apart: NTP slews one by at most 500 ppm (RFC 5905, appendix A.5.5.6), and believes no worse oscillator. */
const driftMax = 500 / 1_000_000
const everyMsDefault = 10_000
const doubtEveryMs = 1_000
const knownForMs = 60_000
/** Worth a word to the operator: half of what a proof may lie ahead is far more. */
const tellMs = 2_000

/**
 * Learns the time of the database from several questions, of which the one with the shortest round trip is believed, and again
 * every ten seconds. Between them time passes by the monotonic clock: what the machine's wall clock does meanwhile does not
 * matter. Resolves once the time is known; rejects when the database does not tell it.
 */
export async function createDatabaseClock(options: DatabaseClockOptions): Promise<DatabaseClock> {
  const { ask, log, everyMs = everyMsDefault } = options
  const { wall = Date.now, monotonic = () => performance.now() } = options
  let believed: Sample | undefined
  let heardAt = 0
  let told = false
  let learning: Promise<void> | undefined
  let doubting: NodeJS.Timeout | undefined
  let doubtedAt = Number.NEGATIVE_INFINITY
  let closed = false

  function timeAt({ at, time }: Sample, moment: number): number {
    return time + moment - at
  }

  function nowMs(): number {
    if (!believed) throw new Error('the time of the database is not known yet')
    return timeAt(believed, monotonic())
  }

  async function sample(): Promise<Sample> {
    const from = monotonic()
    const time = await ask()
    const errorMs = (monotonic() - from) / 2
    if (!Number.isFinite(time)) throw new Error('the database tells no time')
    return { at: from + errorMs, time, errorMs }
  }

  /** The best of several; a later one that fails does not take away what is known. */
  async function round(): Promise<Sample> {
    let best = await sample()
    for (let asked = 1; asked < samplesMax && best.errorMs > errorMsGood; asked++) {
      const next = await sample().catch(() => best)
      if (next.errorMs < best.errorMs) best = next
    }
    return best
  }

  function believe(found: Sample): void {
    heardAt = monotonic()
    if (!believed) {
      believed = found
      return
    }
    const errorMs = believed.errorMs + (found.at - believed.at) * driftMax
    const apartMs = found.time - timeAt(believed, found.at)
    // What contradicts is another clock: that of a replica that took over, or the same one after it was set.
    const contradicts = Math.abs(apartMs) > errorMs + found.errorMs
    if (contradicts && Math.abs(apartMs) > tellMs) {
      log.warn(
        { jumpSeconds: seconds(apartMs) },
        'the clock of the database has jumped; it is followed',
      )
    }
    if (contradicts || found.errorMs <= errorMs) believed = found
  }

  /** Once for each time that the machine's clock goes wrong. */
  function tell(): void {
    const apartMs = Math.abs(wall() - nowMs())
    if (apartMs > tellMs && !told) {
      log.warn(
        { offsetSeconds: seconds(wall() - nowMs()) },
        'the clock of this machine differs from that of the database, which counts; correct it: TLS and logs go by it',
      )
    }
    if (apartMs > tellMs) told = true
    else if (apartMs < tellMs / 2) told = false
  }

  function learn(): Promise<void> {
    learning ??= round()
      .then((found) => {
        believe(found)
        tell()
      })
      .finally(() => {
        learning = undefined
      })
    return learning
  }

  function learnAgain(): void {
    // Whoever asks for the time next is told by `isKnown` when this goes on for too long.
    learn().catch(() => undefined)
  }

  await learn()
  const timer = setInterval(learnAgain, everyMs).unref()
  return {
    now: () => new Date(nowMs()),
    offsetMs: () => wall() - nowMs(),
    isKnown: () => monotonic() - heardAt < knownForMs,
    learn,
    doubt() {
      if (closed || doubting) return
      const waitMs = doubtedAt + doubtEveryMs - monotonic()
      const learnNow = () => {
        doubting = undefined
        doubtedAt = monotonic()
        learnAgain()
      }
      // A round under way may still ask the connections before.
      if (waitMs <= 0 && !learning) learnNow()
      else doubting = setTimeout(learnNow, Math.max(0, waitMs)).unref()
    },
    async close() {
      closed = true
      clearInterval(timer)
      clearTimeout(doubting)
      await learning?.catch(() => undefined)
    },
  }
}

const seconds = (ms: number) => Math.round(ms / 100) / 10

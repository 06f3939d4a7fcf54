// The one clock of an installation: the database's, carried forward between queries by this
// machine's monotonic one.

import type { Clock } from '../world.ts'

export type DatabaseClock = Clock & {
  /**
   * By how much the machine's wall clock is ahead of the database's, in milliseconds. Compensated;
   * for operators to see.
   */
  offsetMs(): number
  /** False when the database's time could not be read for a minute. */
  isKnown(): boolean
  /**
   * Reads the time now; rejects when the database does not return it. Concurrent callers share one
   * round.
   */
  learn(): Promise<void>
  /**
   * Reads it soon, because the database may be another one: at most once a second, never throws.
   */
  doubt(): void
  close(): Promise<void>
}

export type DatabaseClockOptions = {
  /** The database's time in milliseconds since the epoch; rejects when it does not return one. */
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
/** A sample with no more error than this ends the round. */
const errorMsGood = 2
/**
 * How far two clocks may run apart: NTP slews one by at most 500 ppm (RFC 5905, appendix A.5.5.6),
 * and trusts no worse oscillator.
 */
const driftMax = 500 / 1_000_000
const everyMsDefault = 10_000
const doubtEveryMs = 1_000
const knownForMs = 60_000
/** The operator is warned beyond this; half of what a proof may lie ahead is far more. */
const warnMs = 2_000

/**
 * Reads the time of the database with several queries, of which the one with the shortest round
 * trip counts, and again every ten seconds. Between rounds time passes by the monotonic clock:
 * changes of the machine's wall clock do not matter. Resolves once the time is known; rejects when
 * the database does not return it.
 */
export async function buildDatabaseClock(options: DatabaseClockOptions): Promise<DatabaseClock> {
  const { ask, log, everyMs = everyMsDefault } = options
  const { wall = Date.now, monotonic = () => performance.now() } = options
  let current: Sample | undefined
  let learnedAt = 0
  let isWarned = false
  let learning: Promise<void> | undefined
  let doubting: NodeJS.Timeout | undefined
  let doubtedAt = Number.NEGATIVE_INFINITY
  let isClosed = false

  function timeAt({ at, time }: Sample, moment: number): number {
    return time + moment - at
  }

  function nowMs(): number {
    if (!current) throw new Error('the time of the database is not known yet')
    return timeAt(current, monotonic())
  }

  async function sample(): Promise<Sample> {
    const from = monotonic()
    const time = await ask()
    const errorMs = (monotonic() - from) / 2
    if (!Number.isFinite(time)) throw new Error('the database tells no time')
    return { at: from + errorMs, time, errorMs }
  }

  /** The best of several samples; a later one that fails does not discard the best so far. */
  async function round(): Promise<Sample> {
    let best = await sample()
    for (let count = 1; count < samplesMax && best.errorMs > errorMsGood; count++) {
      const next = await sample().catch(() => best)
      if (next.errorMs < best.errorMs) best = next
    }
    return best
  }

  function accept(candidate: Sample): void {
    learnedAt = monotonic()
    if (!current) {
      current = candidate
      return
    }
    const errorMs = current.errorMs + (candidate.at - current.at) * driftMax
    const apartMs = candidate.time - timeAt(current, candidate.at)
    // A contradicting sample means another clock: that of a replica that took over, or the same one
    // after it was set.
    const contradicts = Math.abs(apartMs) > errorMs + candidate.errorMs
    if (contradicts && Math.abs(apartMs) > warnMs) {
      log.warn(
        { jumpSeconds: seconds(apartMs) },
        'the clock of the database has jumped; it is followed',
      )
    }
    if (contradicts || candidate.errorMs <= errorMs) current = candidate
  }

  /** Once for each time that the machine's clock starts to differ. */
  function warnOfOffset(): void {
    const apartMs = Math.abs(wall() - nowMs())
    if (apartMs > warnMs && !isWarned) {
      log.warn(
        { offsetSeconds: seconds(wall() - nowMs()) },
        'the clock of this machine differs from that of the database, which counts; ' +
          'correct it: TLS and logs go by it',
      )
    }
    if (apartMs > warnMs) isWarned = true
    else if (apartMs < warnMs / 2) isWarned = false
  }

  function learn(): Promise<void> {
    learning ??= round()
      .then((best) => {
        accept(best)
        warnOfOffset()
      })
      .finally(() => {
        learning = undefined
      })
    return learning
  }

  function learnAgain(): void {
    // `isKnown` becomes false when this continues for too long.
    learn().catch(() => undefined)
  }

  await learn()
  const timer = setInterval(learnAgain, everyMs).unref()
  return {
    now: () => new Date(nowMs()),
    offsetMs: () => wall() - nowMs(),
    isKnown: () => monotonic() - learnedAt < knownForMs,
    learn,
    doubt() {
      if (isClosed || doubting) return
      const waitMs = doubtedAt + doubtEveryMs - monotonic()
      const learnNow = () => {
        doubting = undefined
        doubtedAt = monotonic()
        learnAgain()
      }
      // A round in progress may still use the previous connections.
      if (waitMs <= 0 && !learning) learnNow()
      else doubting = setTimeout(learnNow, Math.max(0, waitMs)).unref()
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      clearTimeout(doubting)
      await learning?.catch(() => undefined)
    },
  }
}

const seconds = (ms: number) => Math.round(ms / 100) / 10

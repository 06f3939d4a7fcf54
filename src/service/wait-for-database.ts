// A start waits for an unreachable database, and logs that it does.

import { setTimeout as delay } from 'node:timers/promises'
import { describeDatabaseError, isWorthWaiting } from '../platform/postgres/start-errors.ts'
import { StartFault } from './start-fault.ts'

type Log = {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

const pauseMs = { first: 200, longest: 2_000 }
const logEveryMs = 30_000

/** A database error of a start as a `StartFault`; any other error as it is. */
export function databaseFault(error: unknown, source: string): unknown {
  const text = error instanceof StartFault ? undefined : describeDatabaseError(error)
  if (text === undefined) return error
  return new StartFault(`${source}${text.replace(/\.$/, '')}.`, { cause: error })
}

/**
 * Repeats the work of a start until the database serves it; logs the reason for waiting at first
 * and each half minute. The work must be repeatable. A permanent error is thrown immediately, as a
 * `StartFault`.
 */
export async function waitForDatabase<T>(
  log: Log,
  source: string,
  work: () => Promise<T>,
): Promise<T> {
  let loggedAt = Number.NEGATIVE_INFINITY
  for (let pause = pauseMs.first; ; pause = Math.min(2 * pause, pauseMs.longest)) {
    try {
      const result = await work()
      if (loggedAt > Number.NEGATIVE_INFINITY) log.info({}, 'the database is there')
      return result
    } catch (error) {
      if (!isWorthWaiting(error)) throw databaseFault(error, source)
      if (performance.now() - loggedAt >= logEveryMs) {
        loggedAt = performance.now()
        log.warn({}, `waiting for the database: ${source}${describeDatabaseError(error) ?? error}`)
      }
      await delay(pause)
    }
  }
}

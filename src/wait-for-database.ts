// A start waits for a database that is away, and says so.

import { setTimeout as delay } from 'node:timers/promises'
import { isWorthWaiting, wordsOfDatabase } from './persistence/start-errors.ts'
import { StartFault } from './start-fault.ts'

type Log = {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

const pauseMs = { first: 200, longest: 2_000 }
const sayEveryMs = 30_000

/** What a database did to a start as a `StartFault`; any other error as it is. */
export function databaseFault(error: unknown, whose: string): unknown {
  const words = error instanceof StartFault ? undefined : wordsOfDatabase(error)
  if (words === undefined) return error
  return new StartFault(`${whose}${words.replace(/\.$/, '')}.`, { cause: error })
}

/**
 * Does the work of a start again until the database serves it; says why it waits at first and each half minute. The work
 * must be such that it can be done again. What does not pass by itself is thrown at once, as a `StartFault`.
 */
export async function waitForDatabase<T>(
  log: Log,
  whose: string,
  work: () => Promise<T>,
): Promise<T> {
  let saidAt = Number.NEGATIVE_INFINITY
  for (let pause = pauseMs.first; ; pause = Math.min(2 * pause, pauseMs.longest)) {
    try {
      const done = await work()
      if (saidAt > Number.NEGATIVE_INFINITY) log.info({}, 'the database is there')
      return done
    } catch (error) {
      if (!isWorthWaiting(error)) throw databaseFault(error, whose)
      if (performance.now() - saidAt >= sayEveryMs) {
        saidAt = performance.now()
        log.warn({}, `waiting for the database: ${whose}${wordsOfDatabase(error) ?? error}`)
      }
      await delay(pause)
    }
  }
}

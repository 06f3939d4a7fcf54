import type { Clock } from '../world.ts'

/**
 * The machine's wall clock, for code that runs without a database (scripts, tests) and for
 * decisions local to the machine. The service and the operator's commands use the database's
 * (`buildDatabaseClock`); a test forbids any other.
 */
export const systemClock: Clock = { now: () => new Date() }
